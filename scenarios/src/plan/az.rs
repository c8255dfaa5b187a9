//! Steps as commands: `az aks`, and `kubectl` where only it can do them (azure-cli 2.8x with aks-preview).

use serde_json::json;

use super::view::View;
use crate::change::{Change, Operation, PoolFields, Step, UpgradeFields};
use crate::message::PLAN_HEADER;

/// The script of a plan; `None` where a step cannot be written.
pub(super) fn script(view: &View<'_>, steps: &[Step]) -> Option<String> {
    let wait: u64 = steps.iter().map(|s| u64::from(s.wait_seconds)).sum();
    let mut settings = view.settings.clone();
    // A stated length of the simulation holds the waits as well.
    settings.horizon_hours = settings.horizon_hours.map(|h| (h + wait as f64 / 3600.0).min(48.0));
    let settings = serde_json::to_value(settings).unwrap_or_default();
    let mut text = PLAN_HEADER.to_owned();
    if settings.as_object().is_some_and(|s| !s.is_empty()) {
        text.push_str(&format!(" {settings}"));
    }
    if steps.len() > 1 {
        text.push_str("\nset -e");
    }
    for step in steps {
        if step.wait_seconds > 0 {
            text.push_str(&format!("\nsleep {}", step.wait_seconds));
        }
        text.push('\n');
        text.push_str(&line(view, step)?);
    }
    text.push('\n');
    Some(text)
}

/// One step as a command.
pub(super) fn line(view: &View<'_>, step: &Step) -> Option<String> {
    if let Some(command) = kubectl(&step.operation, step.pool.as_deref()) {
        return Some(command);
    }
    let (verb, options) = az(&step.operation)?;
    let mut words: Vec<String> = vec!["az".into(), "aks".into()];
    let (group, cluster) = place(view.change, &view.full.name, view.full.cluster.id.as_deref());
    match &step.pool {
        Some(pool) => {
            words.extend(["nodepool".into(), verb.into(), "-g".into(), group, "--cluster-name".into(), cluster]);
            words.extend(["-n".into(), quoted(pool)?]);
        }
        // What `az aks` itself can do.
        None if matches!(step.operation, Operation::Upgrade { .. } | Operation::RotateCertificates) => {
            words.extend([verb.into(), "-g".into(), group, "-n".into(), cluster]);
            words.push("--yes".into());
        }
        None => return None,
    }
    for option in options {
        words.push(quoted(&option)?);
    }
    Some(words.join(" "))
}

/// Resource group and name of the cluster, quoted; a variable stands for what is not known.
fn place(change: &Change, name: &str, id: Option<&str>) -> (String, String) {
    let own = id.and_then(|id| {
        let parts: Vec<&str> = id.split('/').collect();
        parts.windows(2).find(|w| w[0].eq_ignore_ascii_case("resourcegroups")).map(|w| w[1].to_owned())
    });
    let group = change.cluster.resource_group.clone().or(own);
    let name = if change.cluster.name.is_empty() { name } else { &change.cluster.name };
    let known = |text: Option<&str>, variable: &str| {
        let text = text.filter(|t| !t.is_empty()).and_then(quoted);
        text.unwrap_or_else(|| format!("\"${variable}\""))
    };
    (known(group.as_deref(), "RESOURCE_GROUP"), known(Some(name), "CLUSTER"))
}

/// A word for the shell; `None` for one that cannot be written on a line.
fn quoted(word: &str) -> Option<String> {
    if word.chars().any(char::is_control) {
        return None;
    }
    let bare = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+".contains(c);
    match word {
        "" => Some("''".to_owned()),
        _ if word.chars().all(bare) => Some(word.to_owned()),
        _ if !word.contains('\'') => Some(format!("'{word}'")),
        _ => shlex::try_quote(word).ok().map(std::borrow::Cow::into_owned),
    }
}

/// Verb and options of an operation of a pool.
fn az(operation: &Operation) -> Option<(&'static str, Vec<String>)> {
    let mut options = Options::default();
    let verb = match operation {
        Operation::Scale { count } => {
            options.add("--node-count", Some(count));
            "scale"
        }
        Operation::DeletePool { ignore_pdb } => {
            options.flag("--ignore-pdb", *ignore_pdb);
            "delete"
        }
        Operation::AddPool { desired } => {
            options.pool(desired)?;
            "add"
        }
        Operation::Upgrade { version, node_image_only, settings, force, reason: None } => {
            options.flag("--node-image-only", *node_image_only);
            options.add("--kubernetes-version", version.as_ref());
            options.flag("--enable-force-upgrade", *force);
            options.upgrade(settings);
            "upgrade"
        }
        Operation::SetMode { mode } => {
            options.add("--mode", Some(mode));
            "update"
        }
        Operation::SetTaints { taints } => {
            options.add("--node-taints", Some(taints.join(",")));
            "update"
        }
        Operation::SetUpgradeSettings { settings } => {
            options.upgrade(settings);
            "update"
        }
        Operation::SetAutoscaler { enabled, min, max } => {
            let verb = match enabled {
                Some(true) => "--enable-cluster-autoscaler",
                Some(false) => "--disable-cluster-autoscaler",
                None => "--update-cluster-autoscaler",
            };
            options.flag(verb, true);
            options.add("--min-count", min.as_ref());
            options.add("--max-count", max.as_ref());
            "update"
        }
        Operation::DeleteMachines { machines } => {
            options.flag("--machine-names", true);
            options.0.extend(machines.iter().cloned());
            "delete-machines"
        }
        Operation::StopPool => "stop",
        Operation::StartPool => "start",
        Operation::Rollback => "rollback",
        Operation::RotateCertificates => "rotate-certs",
        Operation::ResizePool { desired, method } if method == "resize" => {
            options.add("--node-vm-size", Some(desired.vm_size.as_ref()?));
            "update"
        }
        _ => return None,
    };
    Some((verb, options.0))
}

#[derive(Default)]
struct Options(Vec<String>);

impl Options {
    fn flag(&mut self, name: &str, given: bool) {
        self.0.extend(given.then(|| name.to_owned()));
    }

    fn add(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.0.extend([name.to_owned(), value.to_string()]);
        }
    }

    fn upgrade(&mut self, settings: &UpgradeFields) {
        let blue_green = settings.is_blue_green();
        self.add("--upgrade-strategy", settings.strategy.as_ref());
        self.add("--max-surge", settings.max_surge.as_ref());
        self.add("--max-unavailable", settings.max_unavailable.as_ref());
        let timeout = if blue_green { "--drain-timeout-bg" } else { "--drain-timeout" };
        self.add(timeout, settings.drain_timeout_in_minutes.as_ref());
        self.add("--node-soak-duration", settings.node_soak_duration_in_minutes.as_ref());
        self.add("--undrainable-node-behavior", settings.undrainable_node_behavior.as_ref());
        self.add("--max-blocked-nodes", settings.max_blocked_nodes.as_ref());
        self.add("--drain-batch-size", settings.drain_batch_size.as_ref());
        self.add("--batch-soak-duration", settings.batch_soak_duration_in_minutes.as_ref());
        self.add("--final-soak-duration", settings.final_soak_duration_in_minutes.as_ref());
        self.add("--upgrade-override-until", settings.override_until.as_ref());
    }

    /// A new pool; `None` where it has properties that no option is known for.
    fn pool(&mut self, pool: &PoolFields) -> Option<()> {
        const KNOWN: [&str; 1] = ["osDiskType"];
        if pool.other.keys().any(|k| !KNOWN.contains(&k.as_str())) {
            return None;
        }
        self.add("--mode", pool.mode.as_ref());
        self.add("--node-count", pool.count.as_ref());
        self.add("--node-vm-size", pool.vm_size.as_ref());
        self.add("--os-type", pool.os_type.as_ref());
        self.add("--os-sku", pool.os_sku.as_ref());
        self.add("--max-pods", pool.max_pods.as_ref());
        self.add("--kubernetes-version", pool.orchestrator_version.as_ref());
        self.flag("--enable-cluster-autoscaler", pool.enable_auto_scaling == Some(true));
        self.add("--min-count", pool.min_count.as_ref());
        self.add("--max-count", pool.max_count.as_ref());
        if let Some(zones) = pool.availability_zones.as_ref().filter(|z| !z.is_empty()) {
            self.0.push("--zones".to_owned());
            self.0.extend(zones.iter().cloned());
        }
        self.add("--node-taints", pool.node_taints.as_ref().filter(|t| !t.is_empty()).map(|t| t.join(",")));
        if let Some(labels) = pool.node_labels.as_ref().filter(|l| !l.is_empty()) {
            self.0.push("--labels".to_owned());
            self.0.extend(labels.iter().map(|(key, value)| format!("{key}={value}")));
        }
        self.add("--priority", pool.scale_set_priority.as_ref());
        if let Some(settings) = &pool.upgrade_settings {
            self.upgrade(settings);
        }
        Some(())
    }
}

/// What `kubectl` alone can do.
fn kubectl(operation: &Operation, pool: Option<&str>) -> Option<String> {
    match operation {
        Operation::Drain { nodes } if nodes.is_empty() => {
            let label = quoted(&format!("agentpool={}", pool?))?;
            Some(format!("kubectl drain -l {label} --ignore-daemonsets --delete-emptydir-data"))
        }
        Operation::Cordon { nodes } if nodes.is_empty() => {
            Some(format!("kubectl cordon -l {}", quoted(&format!("agentpool={}", pool?))?))
        }
        Operation::Drain { nodes } if !nodes.is_empty() => {
            Some(format!("kubectl drain {} --ignore-daemonsets --delete-emptydir-data", listed(nodes)?))
        }
        Operation::Cordon { nodes } if !nodes.is_empty() => Some(format!("kubectl cordon {}", listed(nodes)?)),
        Operation::SetReplicas { namespace, name, replicas } => {
            let (namespace, name) = (quoted(namespace)?, quoted(&format!("deployment/{name}"))?);
            Some(format!("kubectl scale {name} -n {namespace} --replicas {replicas}"))
        }
        Operation::SetDnsLadder { cores, nodes } => {
            let ladder = json!({ "coresToReplicas": cores, "nodesToReplicas": nodes }).to_string();
            let patch = json!({ "data": { "ladder": ladder } }).to_string();
            Some(format!(
                "kubectl patch configmap coredns-autoscaler -n kube-system --type merge -p {}",
                quoted(&patch)?
            ))
        }
        Operation::SetBudget { namespace, name, max_unavailable } => {
            let value = max_unavailable.parse::<u32>().map_or_else(|_| json!(max_unavailable), |n| json!(n));
            let patch = json!({ "spec": { "minAvailable": null, "maxUnavailable": value } }).to_string();
            let (namespace, name) = (quoted(namespace)?, quoted(name)?);
            Some(format!("kubectl patch pdb {name} -n {namespace} --type merge -p {}", quoted(&patch)?))
        }
        Operation::Restart { namespace, names } => {
            let names: Vec<String> = names.iter().map(|n| format!("deployment/{n}")).collect();
            Some(format!("kubectl rollout restart {} -n {}", listed(&names)?, quoted(namespace)?))
        }
        _ => None,
    }
}

fn listed(names: &[String]) -> Option<String> {
    names.iter().map(|n| quoted(n)).collect::<Option<Vec<_>>>().map(|names| names.join(" "))
}
