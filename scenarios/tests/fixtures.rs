//! Snapshots out of what real clusters printed, where the folder with those printouts lies beside the repository
//! (`POOLPROOF_FIXTURES_DIR` names another place).

#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::PathBuf;

use scenarios::azure::allocatable::{minor, reserve};
use scenarios::change::{Change, ChangeSettings, ClusterRef, Operation, Phase, Source, difference};
use scenarios::snapshot::Snapshot;
use serde_json::Value;

fn folder() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/azure/fixtures");
    let folder = std::env::var_os("POOLPROOF_FIXTURES_DIR").map_or_else(|| beside.into(), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no fixtures at {}", folder.display());
    None
}

fn read(folder: &std::path::Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

fn json(folder: &std::path::Path, name: &str) -> Value {
    serde_json::from_slice(&read(folder, name)).unwrap()
}

fn upgrade(pool: &str) -> Change {
    Change {
        id: "t".into(),
        phase: Phase::Proposed,
        source: Source::default(),
        cluster: ClusterRef::default(),
        pool: Some(pool.into()),
        operation: Operation::Upgrade {
            version: None,
            node_image_only: true,
            settings: Default::default(),
            force: false,
            reason: None,
        },
        summary: String::new(),
        result: None,
        snapshot: None,
        snapshot_ref: None,
        settings: ChangeSettings::default(),
    }
}

#[test]
fn nodes_of_a_real_cluster() {
    let Some(folder) = folder() else { return };
    let s = Snapshot::from_json(&read(&folder, "kube/nodes_3x_D2s_v3_k8s_1_18.json")).unwrap();
    assert_eq!(s.nodes.len(), 3);
    for node in &s.nodes {
        assert_eq!((node.pool(), node.ready), (Some("agentpool"), true));
        let kept = (node.capacity.cpu - node.allocatable.cpu, node.capacity.memory - node.allocatable.memory);
        let formula = reserve(2, 8 * 1024, 110, minor(&node.version).unwrap(), false);
        assert_eq!(kept, (formula.cpu, formula.memory_mib << 20), "{}", node.name);
    }
    // Pools are read off the nodes, AKS' own workloads assumed; the whole runs.
    let loaded = scenarios::load(&upgrade("agentpool"), &s, &ChangeSettings::default()).unwrap();
    assert_eq!(loaded.scenario.cluster.nodes.len(), 3);
    let outcome = simulator::simulate(&loaded.scenario, 1, 0);
    assert!(outcome.operations[0].ended.is_some());
}

#[test]
fn reserves_equal_the_dumps() {
    let Some(folder) = folder() else { return };
    let mib = |amount: &Value| amount.as_str().unwrap().strip_suffix("Ki").unwrap().parse::<i64>().unwrap();
    for (name, cores, memory, pods) in [
        ("kube/describe_node_1_24_4gb.json", 2, 4 * 1024, 100),
        ("kube/describe_node_1_30_overlay_single_node.json", 2, 8 * 1024, 250),
    ] {
        let dump = json(&folder, name);
        let kept = mib(&dump["capacity"]["memory"]) - mib(&dump["allocatable"]["memory"]);
        let version = minor(dump["kubeletVersion"].as_str().unwrap()).unwrap();
        assert_eq!(reserve(cores, memory, pods, version, false).memory_mib * 1024, kept, "{name}");
    }
}

#[test]
fn pools_of_a_real_cluster_in_every_form() {
    let Some(folder) = folder() else { return };
    let rest = json(&folder, "arm/agentpools_list.json")["responseBody"].to_string();
    let rest = Snapshot::from_json(rest.as_bytes()).unwrap();
    let cli = Snapshot::from_json(&read(&folder, "cli/composed_nodepool_list_from_rest.json")).unwrap();
    assert_eq!(rest.name, "cliakstest000002");
    let short = |s: &Snapshot| {
        s.pools.iter().map(|p| (p.name.clone(), p.mode.clone(), p.count, p.vm_size.clone())).collect::<Vec<_>>()
    };
    assert_eq!(short(&rest), short(&cli));
    let hosted = rest.pool("msnp000003").unwrap();
    assert_eq!(
        (hosted.mode.as_str(), hosted.count, hosted.vm_size.as_deref()),
        ("ManagedSystem", 1, Some("Standard_D4s_v3"))
    );
    let old = Snapshot::from_json(&read(&folder, "cli/nodepool_show_system_2020.json")).unwrap();
    let pool = &old.pools[0];
    assert_eq!((pool.name.as_str(), pool.other["osDiskSizeGB"].as_u64()), ("systempool", Some(128)));
    let loaded = scenarios::load(&upgrade("nodepool1"), &rest, &ChangeSettings::default()).unwrap();
    assert_eq!(loaded.scenario.cluster.nodes.len(), 1);
}

/// What AKS answers to a write holds what was written: the same write over the answer changes nothing. Left out are pools
/// whose answer is not what was asked for: AKS taints gateways itself and makes other machines than scale sets later.
#[test]
fn a_recorded_write_changes_nothing_the_second_time() {
    let Some(folder) = folder() else { return };
    let mut compared = 0;
    for entry in std::fs::read_dir(folder.join("arm")).unwrap() {
        let text = std::fs::read(entry.unwrap().path()).unwrap();
        let Ok(decoded) = scenarios::decode(&text) else { continue };
        let [Change { operation: Operation::PutPool { desired } | Operation::AddPool { desired }, .. }] =
            decoded.changes.as_slice()
        else {
            continue;
        };
        let answer = &serde_json::from_slice::<Value>(&text).unwrap()["responseBody"];
        let scale_set = answer["properties"]["type"] == "VirtualMachineScaleSets";
        if !scale_set || answer["properties"]["mode"] == "Gateway" {
            continue;
        }
        let snapshot =
            Snapshot::from_json(serde_json::json!({ "agentPools": [answer] }).to_string().as_bytes()).unwrap();
        assert_eq!(difference(&snapshot.pools[0].fields(), desired), [], "{}", answer["id"]);
        compared += 1;
    }
    assert!(compared > 10, "{compared} writes");
}
