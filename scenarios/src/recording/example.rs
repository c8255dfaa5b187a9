//! The documented examples are read, resolved and simulated as they stand.

use std::path::{Path, PathBuf};

use simulator::{Runs, paired};

use crate::change::ChangeSettings;
use crate::cluster_source::ClusterSource;
use crate::recording::Recording;
use crate::snapshot::Snapshot;
use crate::{load, what_if};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

fn cluster(source: &ClusterSource, beside: &Path) -> Snapshot {
    let ClusterSource::Reference(name) = source else { panic!("a reference") };
    let path = beside.parent().unwrap().join(name);
    Snapshot::from_json(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_what_if_has_a_scenario_for_every_cell() {
    let path = example("what-if/surge-and-size.yaml");
    let spec = what_if::parse(&std::fs::read(&path).unwrap()).unwrap();
    let snapshot = cluster(spec.cluster.as_ref().unwrap(), &path);
    let change = spec.change(Some(&snapshot.name)).unwrap();
    let mut seen = Vec::new();
    for cell in spec.cells() {
        let (snapshot, change) = cell.apply(&snapshot, &change).unwrap();
        let loaded = load(&change, &snapshot, &ChangeSettings::default()).unwrap();
        let simulator::change::Operation::Upgrade { how, .. } = &loaded.scenario.changes[0].operation else {
            panic!("an upgrade")
        };
        seen.push((how.max_surge.of(100), loaded.scenario.cluster.nodes.len()));
    }
    let surges = [1, 33, 100].iter();
    let expected: Vec<(u32, usize)> = surges.flat_map(|s| [12, 14, 16].map(|n| (*s, n))).collect();
    assert_eq!(seen, expected);
}

#[test]
fn the_counterfactual_of_the_storm_spares_dns() {
    let path = example("replay/storm.json");
    let recording = Recording::parse(&std::fs::read(&path).unwrap()).unwrap();
    let settings = ChangeSettings::default();
    let told = recording.load(&cluster(&recording.cluster, &path), &settings).unwrap();
    let own = recording.counterfactual.as_ref().unwrap().cluster.as_ref().unwrap();
    let other = recording.load_counterfactual(&cluster(own, &path), &settings).unwrap().unwrap();
    assert_eq!((told.scenario.script.len(), other.scenario.script.len()), (2, 2));
    let dns_out = |loaded: &crate::Loaded| {
        let scenario = &loaded.scenario;
        let dns = scenario.watched().iter().position(|w| scenario.cluster.workloads[*w].name == "coredns").unwrap();
        let runs = Runs { seed: 1, first: 0, trials: 8, threads: 1 };
        let pairs = paired(scenario, runs, &|_| ());
        pairs.iter().map(|p| p.proposal.workloads[dns].out.as_mins_f64()).sum::<f64>() / 8.0
    };
    let (happened, instead) = (dns_out(&told), dns_out(&other));
    assert!(instead < happened, "{instead} minutes instead of {happened}");
}
