//! What-ifs from the queue, shared by several workers: whatever the number of shards and workers, whoever is killed and
//! whenever, the page is the one that a single hand makes, byte for byte.

mod sites;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Child;
#[cfg(feature = "faults")]
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::site::{Site, files_below};
use crate::support::{Folder, poolproof, run, snapshot};
#[cfg(feature = "faults")]
use crate::worker::wait_until;
use crate::worker::{Place, finish, tally};

#[cfg(any(feature = "amqp", feature = "cloud"))]
pub use sites::check_on;

/// Eight combinations.
pub const SPEC: &str = "
name: How many nodes may go?
snapshotRef: tiny
change:
  pool: apps
  operation: { kind: scale, count: 2 }
settings: { trials: 60 }
axes:
  nodeCount: [1, 2, 3, 4]
  burstFactor: [1.5, 3]
  replicas of kube-system/coredns: [2]
";

/// A page: its name and its files, without the record of the run.
type Page = (String, BTreeMap<String, Vec<u8>>);

/// The page of `whatif --out`.
fn alone(spec: &str) -> Page {
    let folder = Folder::new();
    folder.json("tiny", &snapshot("tiny"));
    let spec = folder.file("spec.yaml", spec);
    let out = folder.path("out");
    run(poolproof().arg("whatif").arg(spec).arg("--out").arg(&out).args(["--threads", "1"])).expect_code(0);
    page(&files_below(&out)).expect("a page")
}

/// The only page among these files.
fn page(files: &BTreeMap<String, Vec<u8>>) -> Option<Page> {
    let whole = |id: &&str| files.contains_key(&format!("{id}/run.json"));
    let mut pages = files.keys().filter_map(|path| path.strip_suffix("/whatif.json")).filter(whole);
    let id = pages.next()?;
    assert_eq!(pages.next(), None, "one page");
    let own = |(path, bytes): (&String, &Vec<u8>)| {
        let file = path.strip_prefix(id)?.strip_prefix('/').filter(|file| *file != "run.json")?;
        Some((file.to_owned(), bytes.clone()))
    };
    Some((id.to_owned(), files.iter().filter_map(own).collect()))
}

fn submit(place: &Place, spec: &str) {
    let file = place.0.file("in/spec.yaml", spec);
    run(poolproof().arg("submit").arg(file).args(["--queue", &place.0.queue()])).expect_code(0);
}

/// Millions of pods times trials above which the spec comes to so many shards.
fn above(shards: u64) -> String {
    static WORK: OnceLock<f64> = OnceLock::new();
    let work = WORK.get_or_init(|| {
        let place = Place::new();
        submit(&place, SPEC);
        let ended = run(&mut place.worker(&["--until-empty", "--split-above", "0.000001"])).expect_code(0);
        let mut lines = ended.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let shared = lines.find(|line| line["message"] == "shared").unwrap();
        assert_eq!(shared["shards"], json!(8), "as many as there are combinations");
        shared["work"].as_f64().unwrap()
    });
    if shards < 2 { "0".into() } else { format!("{}", work / (shards as f64 - 0.5) / 1e6) }
}

/// The page is the one of a single hand, each combination has its report, and nothing else is left.
fn check(site: &dyn Site, expected: &Page) {
    let files = site.files();
    let found = page(&files).expect("a page");
    assert_eq!(found.0, expected.0);
    let differ: Vec<&String> = expected.1.keys().filter(|file| found.1.get(*file) != expected.1.get(*file)).collect();
    assert!(differ.is_empty() && found.1.len() == expected.1.len(), "{differ:?} differ");
    let cells: Value = serde_json::from_slice(&found.1["whatif.json"]).unwrap();
    for cell in cells["cells"].as_array().unwrap() {
        let href = cell["outcome"]["href"].as_str().unwrap();
        assert!(files.contains_key(href.strip_prefix("../").unwrap()), "{href}");
    }
    assert!(!site.waits() && site.dead().is_empty(), "messages are left");
    assert_eq!(work(site), BTreeSet::new(), "pieces are left");
}

/// Jobs that have pieces.
fn work(site: &dyn Site) -> BTreeSet<String> {
    let job = |path: &String| Some(path.strip_prefix(".work/")?.split('/').next()?.to_owned());
    site.files().keys().filter_map(job).collect()
}

#[test]
fn whoever_does_what_and_dies_on_the_embedded_queue() {
    sites::check_on(&mut || Box::new(Place::new()));
}

#[test]
fn what_is_done_is_not_done_again() {
    let place = Place::new();
    submit(&place, SPEC);
    let worker = || run(&mut place.worker(&["--until-empty", "--split-above", "0.000001"])).expect_code(0);
    worker();
    let before = page(&place.files()).unwrap();
    // The same question, and shards of a job that is over.
    submit(&place, SPEC);
    let shard = json!({"schema": "poolproof.shard/1", "job": before.0, "shard": 0, "of": 2});
    place.submit(&[shard.clone(), json!({"schema": "poolproof.shard/1", "job": "../../etc", "shard": 0, "of": 2})]);
    let told = tally(&worker());
    assert_eq!(
        (&told["repeated"], &told["shards"], &told["dead"], &told["trials"]),
        (&json!(1), &json!(1), &json!(1), &json!(0))
    );
    assert_eq!(page(&place.files()).unwrap(), before);
    let left = place.list();
    assert_eq!(left.len(), 1);
    assert!(left[0]["reason"].as_str().unwrap().contains("no shard of a job"), "{left:?}");
}

#[test]
fn a_combination_that_takes_too_long_ends_the_whole() {
    let spec = SPEC.replace("trials: 60", "trials: 20000");
    let place = Place::new();
    submit(&place, &spec);
    let arguments = ["--until-empty", "--limit", "0.02", "--split-above", "0.000001"];
    let workers: Vec<Child> = (0..3).map(|_| place.worker(&arguments).spawn().unwrap()).collect();
    workers.into_iter().for_each(|worker| drop(finish(worker).expect_code(0)));
    let dead = place.list();
    let reasons: Vec<&str> = dead.iter().map(|entry| entry["reason"].as_str().unwrap()).collect();
    assert!(dead.iter().all(|entry| entry["state"] == "dead"), "{dead:#?}");
    assert!(
        reasons[0].contains("a part of it failed: nodeCount=") && reasons[0].contains("longer than allowed"),
        "{reasons:#?}"
    );
    assert_eq!(page(&place.files()), None);
    assert_eq!(work(&place), BTreeSet::new());
    // Put back with time enough, all of it is done.
    let quick = SPEC.replace("trials: 60", "trials: 61");
    submit(&place, &quick);
    run(poolproof().args(["queue", "drop", "--queue", &place.0.queue(), "--dead"])).expect_code(0);
    run(&mut place.worker(&arguments[..1])).expect_code(0);
    check(&place, &alone(&quick));
}

/// A place with a change of a case study that hurts, on the queue with as few trials as a search wants.
fn staged() -> Place {
    let place = Place::new();
    place.0.file("snapshots/staged.json", include_str!("../scenarios/examples/staged-upgrade/before/snapshot.json"));
    let change = include_str!("../scenarios/examples/staged-upgrade/before/change.json");
    let mut change: Value = serde_json::from_str(change).unwrap();
    change["snapshotRef"] = json!("staged");
    change["settings"]["trials"] = json!(1000);
    place.submit(&[change]);
    place
}

#[test]
fn a_search_that_is_shared_finds_the_same() {
    let report = |workers: usize, above: &str| {
        let place = staged();
        let start = || place.worker(&["--until-empty", "--lease", "5", "--split-above", above]).spawn().unwrap();
        let workers: Vec<Child> = (0..workers).map(|_| start()).collect();
        let told: Vec<Value> = workers.into_iter().map(|worker| tally(&finish(worker).expect_code(0))).collect();
        let shards: u64 = told.iter().map(|t| t["shards"].as_u64().unwrap()).sum();
        assert_eq!((place.list().len(), work(&place)), (0, BTreeSet::new()));
        let id = place.reports().into_iter().next().unwrap();
        (shards, fs::read(place.0.path(&format!("reports/{id}/report.json"))).unwrap())
    };
    let (none, alone) = report(1, "0");
    let rows = serde_json::from_slice::<Value>(&alone).unwrap()["planSearch"]["tried"].as_u64();
    assert!(none == 0 && rows > Some(1), "{rows:?}");
    let (some, shared) = report(3, "0.000001");
    assert!(some > 1, "{some} shards");
    assert!(alone == shared, "the report differs");
}

/// A coordinator that dies after it has shared the work, and what comes then.
#[cfg(feature = "faults")]
mod orphans {
    use super::*;

    fn orphaned(spec: &str) -> Place {
        let place = Place::new();
        submit(&place, spec);
        let mut worker = place.worker(&["--until-empty", "--lease", "2", "--split-above", "0.000001"]);
        assert!(!worker.env("POOLPROOF_FAULT", "shared=kill").output().unwrap().status.success());
        assert_eq!((place.list().len(), work(&place).len()), (9, 1), "eight shards and the message itself");
        place
    }

    #[test]
    fn its_shards_go_on_without_it() {
        let place = orphaned(SPEC);
        let told = tally(&run(&mut place.worker(&["--until-empty"])).expect_code(0));
        assert_eq!((&told["scored"], &told["shards"]), (&json!(1), &json!(8)));
        check(&place, &alone(SPEC));
    }

    #[test]
    fn a_dead_shard_ends_the_whole_with_its_reason() {
        let spec = SPEC.replace("trials: 60", "trials: 400");
        let place = orphaned(&spec);
        // Shards come before the message whose lease is not over yet, and begin with the first combination.
        run(&mut place.worker(&["--until-empty", "--limit", "0.01"])).expect_code(0);
        let dead = place.list();
        assert!(dead.iter().all(|entry| entry["state"] == "dead"), "{dead:#?}");
        let reason = dead[0]["reason"].as_str().unwrap();
        assert!(reason.starts_with("a part of it failed: nodeCount=1 burstFactor=1.5"), "{reason}");
        assert_eq!(dead.len(), 2, "the others have heard of it");
        assert_eq!(work(&place), BTreeSet::new());
        run(poolproof().args(["queue", "requeue", "--queue", &place.0.queue(), "--dead"])).expect_code(0);
        run(&mut place.worker(&["--until-empty"])).expect_code(0);
        check(&place, &alone(&spec));
    }

    #[test]
    fn another_snapshot_is_another_question() {
        let place = orphaned(SPEC);
        let mut changed = snapshot("tiny");
        changed["agentPools"][1]["vmSize"] = json!("Standard_D8s_v5");
        place.0.json("snapshots/tiny.json", &changed);
        let told = tally(&run(&mut place.worker(&["--until-empty"])).expect_code(0));
        assert_eq!((&told["scored"], &told["shards"]), (&json!(1), &json!(8)));
        let found = page(&place.files()).expect("a page");
        assert_ne!(found.0, alone(SPEC).0);
        assert_eq!(place.list(), Vec::<Value>::new());
        assert_eq!(work(&place).len(), 1, "what the dead coordinator left goes after a day");
    }

    #[test]
    fn leftovers_go_after_a_day() {
        let place = orphaned(SPEC);
        let left = place.0.path("reports/.work").join(work(&place).first().unwrap());
        let ids: Vec<String> = place.list().iter().map(|entry| entry["id"].to_string()).collect();
        let drop = || run(poolproof().args(["queue", "drop", "--queue", &place.0.queue()]).args(&ids));
        wait_until("the lease is over", || drop().code == Some(0));
        assert!(Command::new("touch").args(["-d", "2 days ago"]).arg(&left).status().unwrap().success());
        run(&mut place.worker(&["--until-empty"])).expect_code(0);
        assert_eq!(work(&place), BTreeSet::new());
    }
}
