//! The command line: what goes to which stream, exit codes, formats, the same bytes every time.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Ended, Folder, irrelevant, poolproof, proposal, run, run_with_input, scale, snapshot};

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A folder with `tiny.json`, the cluster, and `change.json`, a change of it.
fn prepared() -> Folder {
    let folder = Folder::new();
    folder.json("tiny.json", &snapshot("tiny"));
    folder.json("change.json", &scale("tiny", 2));
    folder
}

fn score(folder: &Folder, arguments: &[&str]) -> Ended {
    run(poolproof()
        .arg("score")
        .arg(folder.path("change.json"))
        .arg("--cluster")
        .arg(folder.path("tiny.json"))
        .args(arguments))
}

#[test]
fn help_and_mistakes() {
    assert!(run(poolproof().arg("--help")).expect_code(0).stdout.contains("Usage"));
    assert!(run(poolproof().arg("--version")).expect_code(0).stdout.starts_with("poolproof "));
    for arguments in [
        &[][..],
        &["dance"],
        &["decode"],
        &["queue", "list"],
        &["queue", "list", "--queue", "queue.db"],
        &["queue", "drop", "--queue", "sqlite:queue.db"],
        &["score", "-", "--off", "gravity"],
        &["score", "-", "--trials", "0"],
        &["score", "-", "--trials", "10", "--quick"],
        &["score", "-", "--fail-at", "purple"],
        &["schema", "nothing"],
    ] {
        let ended = run(poolproof().args(arguments)).expect_code(2);
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn options_may_come_from_the_environment() {
    let folder = prepared();
    run(poolproof().arg("submit").arg(folder.path("change.json")).env("POOLPROOF_QUEUE", folder.queue()))
        .expect_code(0);
    let list = run(poolproof().args(["queue", "list"]).env("POOLPROOF_QUEUE", folder.queue())).expect_code(0);
    assert_eq!(list.stdout.lines().count(), 2);
    let help = run(poolproof().args(["worker", "--help"]).env("POOLPROOF_QUEUE", "sqlite:hidden.db")).expect_code(0);
    assert!(!help.stdout.contains("hidden"), "help does not show what the environment holds");
}

#[test]
fn schemas_are_json_schemas() {
    for name in ["change", "proposal", "snapshot", "whatif", "recording", "report", "run"] {
        let schema = parsed(&run(poolproof().args(["schema", name])).expect_code(0).stdout);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
        assert!(schema["properties"].as_object().is_some_and(|p| p.len() > 3), "{name}");
    }
}

#[test]
fn decode_prints_changes_or_why_there_are_none() {
    let folder = prepared();
    let change = parsed(&run(poolproof().arg("decode").arg(folder.path("change.json"))).expect_code(0).stdout);
    assert_eq!(change["format"], "proposal");
    assert_eq!(change["changes"][0]["operation"], json!({"kind": "scale", "count": 2}));
    assert_eq!(change["changes"][0]["phase"], "proposed");

    let ended = run_with_input(poolproof().args(["decode", "-"]), irrelevant(1).to_string().as_bytes()).expect_code(0);
    let nothing = parsed(&ended.stdout);
    assert_eq!(nothing["changes"], json!([]));
    assert!(nothing["notes"][0].as_str().unwrap().starts_with("no pool operation"), "{nothing}");
}

#[test]
fn place_says_where_pods_go_or_why_not() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/oracle/basics"));
    let place = |case: &str, more: &[&str]| run(poolproof().arg("place").arg(root.join(case)).args(more));
    let text = place("basics-gpu.json", &[]).expect_code(0).stdout;
    assert!(text.contains("0/2 nodes are available: ") || text.contains(", score "), "{text}");
    let text = place("basics-zone-spread-hard.json", &[]).expect_code(0).stdout;
    assert!(text.lines().all(|line| line.contains(", score ") || line.contains("nodes are available: ")), "{text}");
    let document = parsed(&place("basics-anti-affinity.json", &["--format", "json"]).expect_code(0).stdout);
    assert_eq!(document["case"], "basics-anti-affinity");
    let bench = place("basics-image.json", &["--bench"]).expect_code(0).stdout;
    assert!(bench.contains(" decisions/s"), "{bench}");
    let ended = place("basics-image.json", &["--why", "nowhere"]).expect_code(2);
    assert!(ended.stderr.contains("the name of a node"), "{}", ended.stderr);

    let snapshot = json!({"items": [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "labels": {"kubernetes.io/hostname": "n1"}},
            "status": {"allocatable": {"cpu": "2", "memory": "4Gi", "pods": "10"}}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "big", "namespace": "shop"}, "status": {"phase": "Pending"},
            "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "3"}}}]}}]});
    let ended = run_with_file(&snapshot, &["--why", "n1"]);
    let expected = "shop/big: 0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: \
                    1 Preemption is not helpful for scheduling.\n    n1: refused by NodeResourcesFit: Insufficient cpu\n        \
                    NodeUnschedulable: passes\n        NodeName: passes\n        TaintToleration: passes\n        NodeAffinity: passes\n        \
                    NodePorts: passes\n        NodeResourcesFit: refuses: Insufficient cpu\n            cpu: 3000m asked, 2000m of 2000m free\n        NodeVolumeLimits: passes\n        \
                    VolumeBinding: passes\n        VolumeZone: passes\n";
    assert_eq!(ended.stdout, expected);
}

#[test]
fn place_knows_volumes_gates_and_other_schedulers() {
    let node = |name: &str, zone: &str| {
        json!({"apiVersion": "v1", "kind": "Node", "status": {"allocatable": {"cpu": "2", "memory": "4Gi", "pods": "10"}},
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "topology.disk.csi.azure.com/zone": zone}}})
    };
    let pod = |name: &str, claim: &str, spec: Value| {
        let mut all =
            json!({"containers": [], "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]});
        all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"}, "spec": all, "status": {"phase": "Pending"}})
    };
    let claim = |name: &str, volume: &str| {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": "shop"},
            "spec": {"volumeName": volume}, "status": {"phase": "Bound"}})
    };
    let disk = |name: &str, zone: &str| {
        let term = json!({"matchExpressions": [{"key": "topology.disk.csi.azure.com/zone", "operator": "In", "values": [zone]}]});
        json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
            "spec": {"csi": {"driver": "disk.csi.azure.com"}, "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}}})
    };
    let limit = |node: &str, count: u32| {
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": node},
            "spec": {"drivers": [{"name": "disk.csi.azure.com", "allocatable": {"count": count}}]}})
    };
    let snapshot = json!({"items": [
        node("n1", "westeurope-1"), node("n2", "westeurope-2"), limit("n1", 1), limit("n2", 8),
        claim("one", "pv-1"), claim("two", "pv-2"), claim("three", "pv-3"), claim("gone", "pv-9"),
        disk("pv-1", "westeurope-1"), disk("pv-2", "westeurope-2"), disk("pv-3", "westeurope-3"),
        pod("a", "one", json!({})), pod("b", "two", json!({})), pod("c", "three", json!({})), pod("d", "gone", json!({})),
        pod("e", "none", json!({})), pod("f", "one", json!({"schedulingGates": [{"name": "example.com/quota"}]})),
        pod("g", "one", json!({"schedulerName": "batch"})),
    ]});
    let refused = |what: &str, preemption: &str| {
        format!("0/2 nodes are available: {what}. preemption: 0/2 nodes are available: {preemption}.")
    };
    let helpless = "2 Preemption is not helpful for scheduling";
    let expected = [
        "shop/a: n1, score 400; 1 of 2 nodes are feasible".to_owned(),
        "shop/b: n2, score 400; 1 of 2 nodes are feasible".to_owned(),
        format!(
            "shop/c: {}",
            refused(
                "1 node(s) didn't match PersistentVolume's node affinity, 1 node(s) exceed max volume count",
                "1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling"
            )
        ),
        format!("shop/d: {}", refused("persistentvolume \"pv-9\" not found", helpless)),
        format!("shop/e: {}", refused("persistentvolumeclaim \"none\" not found", helpless)),
        "shop/f: SchedulingGated: Scheduling is blocked due to non-empty scheduling gates (example.com/quota)"
            .to_owned(),
        "shop/g: left to scheduler batch; no decision is made for it here".to_owned(),
    ];
    let ended = run_with_file(&snapshot, &[]);
    assert_eq!(ended.stdout.lines().collect::<Vec<_>>(), expected, "{}", ended.stdout);
    let document = parsed(&run_with_file(&snapshot, &["--format", "json"]).stdout);
    assert_eq!(document["skipped"][0]["pod"], "shop/f");
    let one = run_with_file(&snapshot, &["--pod", "shop/b", "--why", "n1"]).stdout;
    assert!(
        one.starts_with("shop/b: n2, score 400") && one.lines().filter(|line| !line.starts_with(' ')).count() == 1,
        "{one}"
    );
    for detail in
        ["disks: 1 asked, 0 of 1 free", "claim two: volume pv-2, only at topology.disk.csi.azure.com/zone westeurope-2"]
    {
        assert!(one.contains(detail), "{one}");
    }
    assert_eq!(document["decisions"][3]["preFilter"]["plugin"], "VolumeZone");
}

/// `place` on a snapshot of its own.
fn run_with_file(snapshot: &Value, more: &[&str]) -> Ended {
    let folder = prepared();
    let path = folder.path("pending.json");
    std::fs::write(&path, snapshot.to_string()).unwrap();
    run(poolproof().arg("place").arg(&path).args(more)).expect_code(0)
}

#[test]
fn nobody_reading_is_no_failure_and_a_full_disk_is_one() {
    let folder = prepared();
    let file = folder.path("change.json");
    let mut child = poolproof().arg("decode").args(vec![&file; 2000]).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));

    let Ok(full) = File::options().write(true).open("/dev/full") else {
        return println!("skipped: this system has no /dev/full");
    };
    let ended = run(poolproof().arg("decode").arg(&file).stdout(Stdio::from(full))).expect_code(1);
    assert!(ended.stderr.starts_with("error: ") && ended.stderr.lines().count() == 1, "{}", ended.stderr);
}

#[test]
fn score_prints_a_table_a_report_or_a_page() {
    let folder = prepared();
    let table = score(&folder, &[]).expect_code(0);
    assert!(table.stdout.contains("SCORE") && table.stdout.lines().count() >= 2, "{}", table.stdout);
    assert!(table.stdout.contains("\nscale pool apps of tiny to 2 nodes\n  "), "with its reasons: {}", table.stdout);
    assert_eq!(table.stderr, "", "no progress bar without a terminal");

    let report = parsed(&score(&folder, &["--format", "json"]).expect_code(0).stdout);
    assert_eq!(report["schema"], "poolproof.report/1");
    assert_eq!(report["trials"]["count"], 8);
    assert_eq!(report["cluster"]["name"], "tiny");
    assert!(score(&folder, &["--format", "markdown"]).expect_code(0).stdout.starts_with('#'));
}

#[test]
fn several_changes_are_scored_in_order() {
    let folder = prepared();
    let other = folder.json("other.json", &proposal("tiny", &json!({"kind": "scale", "count": 5})));
    let ended = score(&folder, &[&other.to_string_lossy(), "--format", "json"]).expect_code(0);
    let counts: Vec<Value> =
        ended.stdout.lines().map(|line| parsed(line)["change"]["operation"]["count"].clone()).collect();
    assert_eq!(counts, [2, 5]);
}

#[test]
fn a_message_without_pool_operation_is_no_failure() {
    let folder = prepared();
    folder.json("change.json", &irrelevant(1));
    let ended = score(&folder, &["--fail-at", "minimal"]).expect_code(0);
    assert!(ended.stdout.contains("no pool operation"), "{ended:?}");
}

#[test]
fn fail_at_is_an_exit_code() {
    let folder = prepared();
    let ended = score(&folder, &["--fail-at", "minimal"]).expect_code(3);
    assert!(ended.stdout.contains("SCORE") && ended.stderr.contains("--fail-at"), "{ended:?}");
    // Setting the count that is there changes nothing, and nothing scores 0.
    folder.json("change.json", &scale("tiny", 3));
    score(&folder, &["--fail-at", "low"]).expect_code(0);
}

#[test]
fn a_snapshot_may_be_a_folder_or_travel_with_the_change() {
    let folder = prepared();
    let whole = snapshot("tiny");
    let file = parsed(&score(&folder, &["--format", "json"]).expect_code(0).stdout);

    let mut carrying = scale("tiny", 2);
    carrying["snapshot"] = whole.clone();
    let ended = run_with_input(poolproof().args(["score", "-", "--format", "json"]), carrying.to_string().as_bytes())
        .expect_code(0);
    assert_eq!(parsed(&ended.stdout)["cluster"], file["cluster"]);

    folder.json("parts/pools.json", &whole["agentPools"]);
    folder.json("parts/nodes.json", &json!({"apiVersion": "v1", "kind": "List", "items": []}));
    folder.file("parts/README.md", "not a part of it");
    let ended = run(poolproof()
        .args(["score", "--format", "json"])
        .arg(folder.path("change.json"))
        .arg("--cluster")
        .arg(folder.path("parts")))
    .expect_code(0);
    assert_eq!(parsed(&ended.stdout)["cluster"]["pools"], file["cluster"]["pools"]);
}

#[test]
fn the_same_bytes_with_any_number_of_threads() {
    let folder = prepared();
    let operation = json!({"kind": "upgrade", "nodeImageOnly": true});
    let mut change = proposal("tiny", &operation);
    change["pool"] = json!("sys");
    change["settings"]["trials"] = json!(150);
    folder.json("change.json", &change);
    let written = |out: &str, threads: &str| {
        score(&folder, &["--threads", threads, "--out", &folder.path(out).to_string_lossy()]).expect_code(0);
        let reports: Vec<_> =
            std::fs::read_dir(folder.path(out)).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
        assert_eq!(reports.len(), 1);
        (reports[0].file_name().unwrap().to_owned(), files(&reports[0]))
    };
    let first = written("a", "1");
    let (names, bytes): (Vec<_>, Vec<_>) = first.1.iter().cloned().unzip();
    assert!(
        ["report.html", "report.json", "report.md"].iter().all(|name| names.contains(&name.to_string())),
        "{names:?}"
    );
    assert!(bytes.iter().all(|b| !b.is_empty()));
    for (out, threads) in [("b", "2"), ("c", "1"), ("d", "2")] {
        assert!(written(out, threads) == first, "{threads} threads: other bytes in {out}");
    }
    let record =
        |out: &str| parsed(&std::fs::read_to_string(folder.path(out).join(&first.0).join("run.json")).unwrap());
    assert_eq!((record("a")["threads"].clone(), record("b")["threads"].clone()), (json!(1), json!(2)));
    assert!(record("a")["eventsPerSecond"].as_f64().unwrap() > 0.0);
}

/// The files of a report that are a function of its inputs, by path.
fn files(report: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![report.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name != "run.json") {
                found.push((
                    path.strip_prefix(report).unwrap().to_string_lossy().into_owned(),
                    std::fs::read(&path).unwrap(),
                ));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_seed_is_part_of_the_report() {
    let folder = prepared();
    let id = |arguments: &[&str]| {
        parsed(&score(&folder, &[&["--format", "json"], arguments].concat()).expect_code(0).stdout)["id"].clone()
    };
    assert_eq!(id(&["--seed", "7"]), id(&["--seed", "7"]));
    assert_ne!(id(&["--seed", "7"]), id(&["--seed", "8"]));
    assert_ne!(id(&["--off", "burst"]), id(&[]));
}

/// The file of a folder whose path ends like this.
fn find(folder: &Path, ends: &str) -> std::path::PathBuf {
    let found = files(folder).into_iter().find(|(path, _)| path.ends_with(ends));
    folder.join(found.unwrap_or_else(|| panic!("no {ends}")).0)
}

fn example(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/examples").join(path)
}

#[test]
fn a_what_if_is_a_table_and_a_page() {
    let folder = Folder::new();
    let what_if = |out: &str, threads: &str| {
        let arguments =
            ["--trials", "30", "--threads", threads, "--out", &folder.path(out).to_string_lossy()].map(String::from);
        run(poolproof().arg("whatif").arg(example("what-if/surge-and-size.yaml")).args(arguments)).expect_code(0)
    };
    let first = what_if("a", "1");
    assert_eq!(first.stdout.lines().count(), 10, "a head and nine combinations: {}", first.stdout);
    assert_eq!(what_if("b", "2").stdout, first.stdout);
    let page = find(&folder.path("a"), "/whatif.html");
    let document: Value = serde_json::from_slice(&std::fs::read(page.with_extension("json")).unwrap()).unwrap();
    for cell in document["cells"].as_array().unwrap() {
        let href = cell["outcome"]["href"].as_str().unwrap_or_else(|| panic!("{cell}"));
        assert!(page.parent().unwrap().join(href).is_file(), "{href}");
    }
    let other = find(&folder.path("b"), "/whatif.html");
    assert_eq!(files(page.parent().unwrap()), files(other.parent().unwrap()));
}

#[test]
fn a_what_if_names_what_is_wrong_with_it() {
    let folder = prepared();
    let spec = |text: &str| run(poolproof().arg("whatif").arg(folder.file("spec.yaml", text)));
    let change = "change: az aks nodepool scale --cluster-name tiny --resource-group g --name apps --node-count 2";
    let ended = spec("axes: {moonPhase: [1, 2]}").expect_code(2);
    assert!(ended.stderr.contains("spec.yaml") && ended.stderr.contains("moonPhase"), "{}", ended.stderr);
    let ended = spec(&format!("{change}\naxes: {{nodeCount: [2]}}")).expect_code(2);
    assert!(ended.stderr.contains("--cluster"), "{}", ended.stderr);
    let ended = spec(&format!("snapshot: nowhere.json\n{change}\naxes: {{nodeCount: [2]}}")).expect_code(2);
    assert!(ended.stderr.contains("nowhere.json"), "{}", ended.stderr);
    // One impossible combination does not keep the others from being scored; only impossible ones are an error.
    let text = format!(
        "snapshot: tiny.json\n{change}\nsettings: {{trials: 5}}\naxes: {{vmSize: [Standard_D8s_v5, Standard_Nothing]}}"
    );
    let ended = spec(&text).expect_code(0);
    assert!(ended.stdout.lines().count() == 3 && ended.stdout.contains("not possible"), "{}", ended.stdout);
    let ended = spec(&text.replace("Standard_D8s_v5, ", "")).expect_code(2);
    assert!(ended.stderr.contains("Standard_Nothing"), "{}", ended.stderr);
}

#[test]
fn a_recording_is_replayed() {
    let folder = Folder::new();
    let replay = |out: &str, threads: &str| {
        let arguments =
            ["--trials", "30", "--threads", threads, "--out", &folder.path(out).to_string_lossy()].map(String::from);
        run(poolproof().arg("replay").arg(example("replay/storm.json")).args(arguments)).expect_code(0)
    };
    let first = replay("a", "1");
    assert!(first.stdout.starts_with('#') && first.stdout.contains("kube-system/coredns"), "{}", first.stdout);
    assert_eq!(replay("b", "2").stdout, first.stdout);
    assert_eq!(files(&folder.path("a")), files(&folder.path("b")));
    let ended = run(poolproof().arg("replay").arg(folder.file("bad.json", "{\"schema\": \"poolproof.recording/1\"}")))
        .expect_code(2);
    assert!(ended.stderr.contains("bad.json") && ended.stderr.contains("events"), "{}", ended.stderr);
}
