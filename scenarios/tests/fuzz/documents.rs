//! Snapshots, specs, recordings and cases, and what they are made of.

use std::sync::LazyLock;

use scenarios::change::{ChangeSettings, ParameterUse};
use scenarios::incident::Incident;
use scenarios::place::Case;
use scenarios::quantity::{self, Quantity};
use scenarios::recording::Recording;
use scenarios::snapshot::Snapshot;
use scenarios::{Change, Complaints, what_if};
use serde_json::Value;

use super::harness::{fuzz, fuzz_in};
use super::mutator::Garden;
use super::{MEMORY, seeds};

/// Most complaints that one document may come to.
const COMPLAINTS: usize = 2000;

/// True where it was read; what is wrong can be told.
fn told<T>(read: Result<T, Complaints>) -> Option<T> {
    read.map_err(|complaints| {
        assert!(!complaints.0.is_empty() && complaints.0.len() <= COMPLAINTS, "{} complaints", complaints.0.len());
        let _ = complaints.to_string();
    })
    .ok()
}

fn changes() -> Vec<Change> {
    let proposals =
        seeds::lines(seeds::PROPOSALS).into_iter().chain(seeds::SCRIPTS.map(|text| text.as_bytes().to_vec()));
    proposals.flat_map(|bytes| scenarios::decode(&bytes).unwrap().changes).collect()
}

/// A healthy cluster with the pool that all changes name.
fn cluster() -> Snapshot {
    let text = seeds::files("examples", &["checkout-and-batch/before/snapshot"]).remove(0);
    let text = String::from_utf8(text).unwrap().replace("nodepool1", "np1");
    Snapshot::from_json(text.as_bytes()).unwrap()
}

/// Memory for as many pods as a cluster may have.
const LARGE: usize = 1 << 30;

/// What is not known well is weighed for few of the inputs: it takes most of the time, and has little to do with what is read.
fn settings(bytes: &[u8]) -> &'static ChangeSettings {
    static DOUBTED: LazyLock<ChangeSettings> = LazyLock::new(ChangeSettings::default);
    static SURE: LazyLock<ChangeSettings> =
        LazyLock::new(|| ChangeSettings { parameters: Some(ParameterUse::Mean), ..ChangeSettings::default() });
    if bytes.len().is_multiple_of(16) { &DOUBTED } else { &SURE }
}

/// Snapshots of the case studies, and one small document with every kind of object.
fn snapshots() -> Vec<Vec<u8>> {
    [seeds::files("examples", &["snapshot.json"]), vec![include_bytes!("every-kind.json").to_vec()]].concat()
}

#[test]
fn snapshot_documents() {
    fuzz(&MEMORY, "snapshot documents", &Garden::new(snapshots()), &|bytes| told(Snapshot::from_json(bytes)).is_some());
}

#[test]
fn kubectl_lists() {
    let seeds = seeds::fixtures(&["kube/"]).into_iter().chain([include_bytes!("every-kind.json").to_vec()]);
    let pools = br#"[{"name":"np1","count":3,"vmSize":"Standard_D4s_v5","mode":"System"}]"#.to_vec();
    let garden = Garden::new(seeds);
    fuzz(&MEMORY, "kubectl lists", &garden, &|bytes| {
        told(Snapshot::from_files(vec![("objects.json".into(), bytes.to_vec()), ("pools.json".into(), pools.clone())]))
            .is_some()
    });
}

#[test]
fn az_lists() {
    let garden = Garden::new(seeds::fixtures(&["cli/composed_nodepool", "cli/nodepool", "agentpools_list", "cluster_create", "maintenance", "machines_list", "ManagedClustersGet", "AgentPoolsGet"])
        .into_iter().chain([br#"[{"name":"np1","count":3,"vmSize":"Standard_D4s_v5","mode":"System","upgradeSettings":{"maxSurge":"10%"},"nodeTaints":["a=b:NoSchedule"]}]"#.to_vec()]));
    fuzz(&MEMORY, "az lists", &garden, &|bytes| told(Snapshot::from_json(bytes)).is_some());
}

#[test]
fn tables_of_kubectl_top() {
    let table = "NAMESPACE     NAME                       CPU(cores)   MEMORY(bytes)\nkube-system   coredns-abc-1              3m           20Mi\nshop          api-7c9-x                  250m         1Gi\n";
    let node = r#"{"kind":"List","items":[{"kind":"Node","metadata":{"name":"aks-np-1-vmss000000","labels":{"agentpool":"np"}}}]}"#;
    fuzz(&MEMORY, "kubectl top", &Garden::new([table.as_bytes().to_vec()]), &|bytes| {
        let files = vec![("a.json".into(), node.into()), ("top-pods.txt".into(), bytes.to_vec())];
        told(Snapshot::from_files(files)).is_some_and(|snapshot| !snapshot.usage.is_empty())
    });
}

#[test]
fn quantities_and_durations() {
    let seeds =
        ["100m", "1.5Gi", "2e3", "0.1", "-3", "9223372036854775807", "1E", "12.5E-3", "1h30m", "45s", "0", "100ms"];
    let garden = Garden::new(seeds.map(|text| text.as_bytes().to_vec()));
    fuzz(&MEMORY, "quantities", &garden, &|bytes| {
        let text = String::from_utf8_lossy(bytes);
        let quantity = Quantity::parse(&text).inspect(|q| {
            let _ = (q.milli(), q.value(), q.to_string());
        });
        quantity.is_ok() | quantity::duration(&text).is_some()
    });
}

#[test]
fn what_if_specs() {
    static CLUSTER: LazyLock<Snapshot> = LazyLock::new(cluster);
    let own: [&[u8]; 2] = [
        b"schema: poolproof.whatif/1\nname: How much surge?\nsnapshotRef: prod\nchange: az aks nodepool upgrade --cluster-name c --resource-group g --name np1 --node-image-only\nsettings:\n  trials: 100\naxes:\n  nodeCount: [2, 3, 5]\n  maxSurge: [1, \"33%\"]\n  replicas of kube-system/coredns: [2, 3]\n  burstFactor: [1.5]\n",
        br#"{"schema":"poolproof.whatif/1","change":{"pool":"np1","operation":{"kind":"scale","count":3}},"axes":{"vmSize":["Standard_D4s_v5"],"burstsPerDay":[0,2.5],"drainTimeoutMinutes":[30],"soakMinutes":[0,5]}}"#,
    ];
    let garden = Garden::new(seeds::files("examples/what-if", &["yaml"]).into_iter().chain(own.map(<[u8]>::to_vec)));
    fuzz(&MEMORY, "what-if specs", &garden, &|bytes| {
        let Some(spec) = told(what_if::parse(bytes)) else { return false };
        let Some(change) = told(spec.change(Some("c"))) else { return false };
        spec.cells().iter().take(3).for_each(|cell| _ = told(cell.apply(&CLUSTER, &change)));
        true
    });
}

#[test]
fn recordings() {
    let garden = Garden::new(seeds::files("examples/replay", &["json"]));
    fuzz(&MEMORY, "recordings", &garden, &|bytes| told(Recording::parse(bytes)).is_some());
}

#[test]
fn incidents() {
    let files = seeds::files("incidents", &["yaml"]);
    // As JSON they change by members, as they are by lines.
    let document = |bytes: &Vec<u8>| small(scenarios::document(bytes).unwrap()).to_string().into_bytes();
    let documents: Vec<Vec<u8>> = files.iter().map(document).collect();
    let garden = Garden::new(documents.into_iter().chain(files.into_iter().take(4)));
    fuzz_in(&MEMORY, LARGE, "incidents", &garden, &|bytes| {
        // One odd number makes tens of thousands of pods, which take seconds: few of them will do.
        let large = bytes.windows(5).any(|digits| digits == b"65536") && !bytes.len().is_multiple_of(32);
        !large && told(Incident::parse(bytes)).is_some_and(|incident| !incident.points().is_empty())
    });
}

/// The same with small numbers: large clusters take long and say no more.
fn small(value: Value) -> Value {
    match value {
        Value::Number(number) if number.as_u64() > Some(8) => 8.into(),
        Value::Array(list) => list.into_iter().map(small).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, small(value))).collect(),
        other => other,
    }
}

#[test]
fn recorded_decisions() {
    let garden = Garden::new(seeds::files(
        "../tests/data/oracle",
        &["basics-", "resources-v08", "taints-v19", "podspec-v19", "apidefaults-v13"],
    ));
    fuzz(&MEMORY, "recorded decisions", &garden, &|bytes| {
        let Ok(document) = serde_json::from_slice(bytes) else { return false };
        scenarios::place::is_record(&document)
            && told(Case::from_record(&document)).is_some_and(|case| {
                let _ = case.to_text(None);
                true
            })
    });
}

#[test]
fn yaml_and_json_of_options() {
    let seeds: [&[u8]; 2] = [
        b"log: info\nworker:\n  queue: sqlite:/data/queue.db\n  publish: [dir:/data/reports, 'dir:b']\n  parallel: 2\n  until-empty: true\nscore: &a {trials: 100}\nwhatif: *a\n",
        b"{\"log\": \"info\", \"worker\": {\"queue\": \"sqlite:q.db\", \"lease\": 1.5}}",
    ];
    let garden = Garden::new(seeds.map(<[u8]>::to_vec));
    fuzz(&MEMORY, "options", &garden, &|bytes| told(scenarios::document(bytes)).is_some());
}

/// What was read is resolved: a broken snapshot against changes that are in order.
#[test]
fn changes_of_odd_clusters() {
    static CHANGES: LazyLock<Vec<Change>> = LazyLock::new(changes);
    fuzz_in(&MEMORY, LARGE, "odd clusters", &Garden::new(snapshots()), &|bytes| {
        let Some(snapshot) = told(Snapshot::from_json(bytes)) else { return false };
        let mut change = CHANGES[bytes.len() % CHANGES.len()].clone();
        if let (Some(_), Some(pool)) = (&change.pool, snapshot.pools.first()) {
            change.pool = Some(pool.name.clone());
        }
        told(scenarios::load(&change, &snapshot, settings(bytes))).is_some()
    });
}

/// A broken change against a cluster that is in order.
#[test]
fn odd_changes_of_a_cluster() {
    static CLUSTER: LazyLock<Snapshot> = LazyLock::new(cluster);
    let seeds = seeds::lines(seeds::PROPOSALS).into_iter().chain(seeds::SCRIPTS.map(|text| text.as_bytes().to_vec()));
    fuzz(&MEMORY, "odd changes", &Garden::new(seeds), &|bytes| {
        let Ok(decoded) = scenarios::decode(bytes) else { return false };
        let loaded = decoded.changes.iter().map(|change| told(scenarios::load(change, &CLUSTER, settings(bytes))));
        loaded.flatten().count() > 0
    });
}
