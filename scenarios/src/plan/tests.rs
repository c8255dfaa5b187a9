//! Plans of the case studies and of random clusters, held to their commands and to the facts of AKS.

use super::*;
use crate::decode;

fn prepared(change: &Change, snapshot: &Snapshot) -> (Loaded, Plans) {
    let loaded = load(change, snapshot, &ChangeSettings::default()).unwrap();
    let settings = ChangeSettings { trials: Some(200), ..change.settings.clone() };
    let found = plans(change, snapshot, &loaded, &settings, MOST).unwrap();
    (loaded, found)
}

/// Looks at what is printed for the case studies: `cargo nextest run -p scenarios plans_of_the_case_studies --no-capture`.
#[test]
fn plans_of_the_case_studies_are_many_and_sound() {
    for case in crate::cases::cases() {
        for (side, design) in case.designs() {
            let snapshot = Snapshot::from_json(design.snapshot.as_bytes()).unwrap();
            for message in design.changes {
                for change in decode(message.text.as_bytes()).unwrap().changes {
                    let (_, found) = prepared(&change, &snapshot);
                    eprintln!("== {} {side}: {} {:?}", case.name, change.summary, found.why_none);
                    for plan in &found.plans {
                        eprintln!("  {}", plan.summary);
                        eprint!("{}", plan.az.lines().skip(1).map(|l| format!("      {l}\n")).collect::<String>());
                        if let Some(t) = &plan.terraform {
                            eprint!("{}", t.lines().map(|l| format!("      | {l}\n")).collect::<String>());
                        }
                    }
                    for aside in &found.set_aside {
                        eprintln!("  NOT {}: {}", aside.summary, aside.reason);
                    }
                    assert!(found.why_none.is_some() || !found.plans.is_empty(), "{}", change.summary);
                }
            }
        }
    }
}

/// Numbers that look random, the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// A cluster of a system and a user pool, and something to be done to one of them.
fn random(case: u64) -> (Snapshot, Change) {
    let mut n = Numbers(case.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 11);
    let (system, user) = (1 + n.below(5), 2 + n.below(14));
    let scaled = n.below(4) == 0;
    let quota = if n.below(2) == 0 { format!(r#","quota":{{"cores":{}}}"#, n.below(40)) } else { String::new() };
    let surge = n.one(&["1", "10%", "33%", "100%"]);
    let blocks = n.one(&[r#""minAvailable":2"#, r#""maxUnavailable":0"#, r#""maxUnavailable":1"#]);
    let range = if scaled { r#""enableAutoScaling":true,"minCount":1,"maxCount":30,"# } else { "" };
    let snapshot = format!(
        r#"{{"schema":"poolproof.snapshot/1","takenAt":"2026-11-22T00:30:00Z",
        "cluster":{{"name":"aks","location":"westeurope","kubernetesVersion":"1.34.1"{quota}}},
        "agentPools":[{{"name":"sys","count":{system},"vmSize":"Standard_D4s_v5","mode":"System","orchestratorVersion":"1.33.2","maxPods":110}},
        {{"name":"apps","count":{user},"vmSize":"Standard_D4s_v5","mode":"User","orchestratorVersion":"1.33.2","maxPods":110,{range}"upgradeSettings":{{"maxSurge":"{surge}"}}}}],
        "items":[{{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"web","namespace":"shop"}},"spec":{{"replicas":2,
        "selector":{{"matchLabels":{{"app":"web"}}}},"template":{{"metadata":{{"labels":{{"app":"web"}}}},"spec":{{"containers":[{{"name":"c",
        "resources":{{"requests":{{"cpu":"500m","memory":"256Mi"}}}}}}]}}}}}}}},
        {{"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{{"name":"web","namespace":"shop"}},
        "spec":{{{blocks},"selector":{{"matchLabels":{{"app":"web"}}}}}}}}]}}"#
    );
    let pool = n.one(&["sys", "apps"]);
    let count = if pool == "sys" { system } else { user };
    let command = match n.below(5) {
        0 => format!("upgrade -n {pool} --node-image-only"),
        1 => format!("upgrade -n {pool} --kubernetes-version 1.34.1"),
        2 => format!("scale -n {pool} --node-count {}", 1 + n.below(count)),
        3 => "delete -n apps".to_owned(),
        _ => format!("upgrade -n {pool} --node-image-only --max-surge 2 --node-soak-duration 5"),
    };
    let command = format!("az aks nodepool {command} -g rg --cluster-name aks");
    let change = decode(command.as_bytes()).unwrap().changes.remove(0);
    (Snapshot::from_json(snapshot.as_bytes()).unwrap(), change)
}

/// What a plan's own commands come to, read as a message from outside, is what was simulated for it, future by future.
#[test]
fn commands_of_a_plan_come_to_what_was_promised_for_it() {
    let mut checked = 0;
    for case in 0..100 {
        let (snapshot, change) = random(case);
        let (_, found) = prepared(&change, &snapshot);
        for plan in found.plans.iter().skip(case as usize % 3).step_by(7) {
            let again = decode(plan.az.as_bytes()).unwrap();
            assert_eq!(again.changes, std::slice::from_ref(&plan.change), "{case}: {}", plan.az);
            assert_eq!(plan.change.settings.trials, Some(200));
            let loaded = load(&again.changes[0], &snapshot, &ChangeSettings::default()).unwrap();
            assert_eq!(format!("{:?}", loaded.scenario.changes), format!("{:?}", plan.loaded.scenario.changes));
            // Both courses of several futures: all that a score is made of.
            let runs = simulator::Runs { seed: 1, first: case as u32, trials: 4, threads: 1 };
            let seen = |l: &Loaded| simulator::paired(&l.scenario, runs, &|_| {});
            assert_eq!(seen(&loaded), seen(&plan.loaded), "{case}: {}", plan.az);
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked}");
}

/// FACTS of AKS, checked without the rules: ranges of settings, system pools, autoscaled pools, quota.
#[test]
fn no_plan_breaks_a_hard_rule() {
    let (mut checked, mut aside) = (0, 0);
    for case in 0..100 {
        let (snapshot, change) = random(case);
        let (proposal, found) = prepared(&change, &snapshot);
        aside += found.set_aside.len();
        for plan in &found.plans {
            let context = format!("case {case}: {}", plan.az);
            let steps = match &plan.change.operation {
                Operation::Plan { steps } => steps.clone(),
                operation => {
                    vec![Step { wait_seconds: 0, pool: plan.change.pool.clone(), operation: operation.clone() }]
                }
            };
            let quota = snapshot.cluster.quota.get("cores").copied();
            let mut counts: std::collections::BTreeMap<String, (u32, bool)> =
                snapshot.pools.iter().map(|p| (p.name.clone(), (p.count, p.mode == "System"))).collect();
            let start: u32 = counts.values().map(|c| c.0).sum();
            for step in &steps {
                let Some(name) = &step.pool else { continue };
                let scaled = snapshot.pool(name).is_some_and(|p| p.enable_auto_scaling);
                let mut surge = 0;
                match &step.operation {
                    Operation::Scale { count } => {
                        assert!(!scaled || change.operation == step.operation, "autoscaled: {context}");
                        let pool = counts.get_mut(name).unwrap();
                        assert!(*count >= u32::from(pool.1) && *count <= 1000, "{context}");
                        pool.0 = *count;
                    }
                    Operation::Upgrade { settings, .. } => {
                        let (count, system) = counts[name];
                        assert!(settings.node_soak_duration_in_minutes.unwrap_or(0) <= 30, "{context}");
                        assert!((5..=1440).contains(&settings.drain_timeout_in_minutes.unwrap_or(30)), "{context}");
                        let unavailable = settings.max_unavailable.as_deref().is_some_and(|m| m != "0");
                        assert!(!(unavailable && system), "{context}");
                        let own = snapshot.pool(name).unwrap().upgrade_settings.max_surge.clone();
                        let text = settings.max_surge.clone().or(own).unwrap_or("10%".into());
                        surge = if settings.is_blue_green() {
                            count
                        } else {
                            view::counted(&text, count).unwrap().min(count)
                        };
                        assert!(surge > 0 || unavailable, "{context}");
                        assert!(count + surge <= 1000, "{context}");
                    }
                    Operation::AddPool { desired } => {
                        let system = desired.mode.as_deref() == Some("System");
                        let letters = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
                        assert!(letters && name.len() <= 12, "{context}");
                        for taint in desired.node_taints.iter().flatten().filter(|_| system) {
                            assert!(taint.starts_with("CriticalAddonsOnly") || taint.ends_with(":PreferNoSchedule"));
                        }
                        counts.insert(name.clone(), (desired.count.unwrap(), system));
                    }
                    Operation::DeletePool { .. } => _ = counts.remove(name),
                    Operation::SetMode { mode } => counts.get_mut(name).unwrap().1 = mode == "System",
                    _ => {}
                }
                assert!(counts.values().any(|(count, system)| *system && *count > 0), "{context}");
                let now: u32 = counts.values().map(|c| c.0).sum::<u32>() + surge;
                if let Some(quota) = quota {
                    assert!(now.saturating_sub(start) * 4 <= quota, "quota {quota}: {context}");
                }
                checked += 1;
            }
            assert!(plan.loaded.findings.iter().all(|f| !f.blocks), "{context}");
        }
        assert!(found.plans.len() + found.set_aside.len() <= MOST);
        drop(proposal);
    }
    assert!(checked > 500 && aside > 20, "{checked} steps, {aside} set aside");
}

/// Terraform's form of a plan, planned by Terraform, is decoded to the same operation.
#[test]
fn attributes_of_terraform_come_to_the_same_operation() {
    // A cluster whose budget lets pods go, with quota to spare and no autoscaler.
    let open = |(s, _): &(Snapshot, Change)| {
        let one = simulator::spec::BudgetRule::MaxUnavailable(simulator::spec::Quantity::Count(1));
        s.cluster.quota.is_empty() && s.budgets.iter().any(|b| b.rule == one) && s.pools[0].count > 2
    };
    let (snapshot, _) = (0..100).map(random).find(open).unwrap();
    let command = "az aks nodepool upgrade -n apps --kubernetes-version 1.34.1 -g rg --cluster-name aks";
    let change = decode(command.as_bytes()).unwrap().changes.remove(0);
    let (_, found) = prepared(&change, &snapshot);
    let mut checked = 0;
    for plan in found.plans.iter().filter(|p| matches!(p.change.operation, Operation::Upgrade { .. })) {
        let Some(text) = &plan.terraform else { continue };
        // The plan that `terraform show -json` would print for these attributes.
        let mut after = serde_json::json!({"name": "apps", "kubernetes_cluster_id": "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks",
            "orchestrator_version": "1.33.2", "upgrade_settings": [{"max_surge": "10%"}]});
        let before = after.clone();
        let mut block = serde_json::Map::new();
        for line in text.lines() {
            let Some((key, value)) = line.trim().split_once(" = ") else { continue };
            let value: serde_json::Value = serde_json::from_str(value).unwrap();
            if line.starts_with("    ") {
                block.insert(key.to_owned(), value);
            } else {
                after[key] = value;
            }
        }
        if !block.is_empty() {
            after["upgrade_settings"] = serde_json::json!([block]);
        }
        let message = serde_json::json!({"format_version": "1.2", "resource_changes": [{"address": "azurerm_kubernetes_cluster_node_pool.apps",
            "mode": "managed", "type": "azurerm_kubernetes_cluster_node_pool", "name": "apps",
            "change": {"actions": ["update"], "before": before, "after": after}}]});
        let read = decode(message.to_string().as_bytes()).unwrap().changes;
        let read = Change { settings: plan.change.settings.clone(), ..read[0].clone() };
        let loaded = load(&read, &snapshot, &ChangeSettings::default()).unwrap();
        let seen = |l: &Loaded| simulator::simulate(&l.scenario, 1, 5);
        assert_eq!(seen(&loaded), seen(&plan.loaded), "{text}");
        checked += 1;
    }
    assert!(checked >= 5, "{checked}");
}
