//! Whatever arrives: one clear message each, the right exit code, and the worker goes on.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Folder, irrelevant, poolproof, proposal, run, run_with_input, scale, snapshot};

/// Longest message that is still one clear message.
const SHORT: usize = 600;

struct Case {
    name: &'static str,
    content: Vec<u8>,
    /// What the complaint must say.
    says: &'static str,
}

fn case(name: &'static str, content: impl Into<Vec<u8>>, says: &'static str) -> Case {
    Case { name, content: content.into(), says }
}

/// Messages that cannot be scored, whatever the cluster.
fn bad_messages() -> Vec<Case> {
    let truncated = scale("tiny", 2).to_string();
    let mut negative = scale("tiny", 2);
    negative["operation"]["count"] = json!(-1);
    vec![
        case("empty", "", ""),
        case("truncated JSON", &truncated.as_bytes()[..truncated.len() / 2], ""),
        case("depth 10,000", deep(10_000), ""),
        case("not UTF-8", vec![0xff, 0xfe, 0x00, 0x80], ""),
        case("negative count", negative.to_string(), "count"),
        case("unknown operation", proposal("tiny", &json!({"kind": "explode"})).to_string(), "explode"),
        case("count as a word", proposal("tiny", &json!({"kind": "scale", "count": "three"})).to_string(), "three"),
        case("unknown setting", with(scale("tiny", 2), "settings", json!({"sed": 1})).to_string(), "sed"),
    ]
}

/// Messages that are well formed and make no sense on the cluster.
fn senseless_messages() -> Vec<Case> {
    vec![
        case("unknown mode", proposal("tiny", &json!({"kind": "setMode", "mode": "Chaos"})).to_string(), "Chaos"),
        case("unknown pool", with(scale("tiny", 2), "pool", json!("nowhere")).to_string(), "nowhere"),
        case("too many trials", with(scale("tiny", 2), "settings", json!({"trials": 4_000_000})).to_string(), "trials"),
    ]
}

fn with(mut value: Value, key: &str, member: Value) -> Value {
    value[key] = member;
    value
}

fn deep(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

/// A file of `megabytes` without content on disk.
fn sparse(folder: &Folder, name: &str, megabytes: u64) -> PathBuf {
    let path = folder.path(name);
    File::create(&path).unwrap().set_len(megabytes << 20).unwrap();
    path
}

fn check_said(name: &str, stderr: &str, file: &str, says: &str) {
    assert!(stderr.contains(file) && stderr.contains(says), "{name}: {stderr:?} names {file:?} and says {says:?}");
    assert!(
        !stderr.is_empty() && stderr.lines().count() == 1 && stderr.len() < SHORT,
        "{name}: one clear message: {stderr:?}"
    );
}

#[test]
fn decode_says_what_is_wrong() {
    for case in bad_messages() {
        let folder = Folder::new();
        let file = folder.file("bad.json", &case.content);
        let ended = run(poolproof().arg("decode").arg(&file)).expect_code(2);
        check_said(case.name, &ended.stderr, "bad.json", case.says);
        assert_eq!(ended.stdout, "", "{}", case.name);
        let ended = run_with_input(poolproof().args(["decode", "-"]), &case.content).expect_code(2);
        check_said(case.name, &ended.stderr, "standard input", case.says);
    }
}

#[test]
fn score_says_what_is_wrong_with_the_change() {
    let folder = Folder::new();
    let cluster = folder.json("tiny.json", &snapshot("tiny"));
    for case in bad_messages().into_iter().chain(senseless_messages()) {
        let file = folder.file("bad.json", &case.content);
        let ended = run(poolproof().arg("score").arg(&file).arg("--cluster").arg(&cluster)).expect_code(2);
        check_said(case.name, &ended.stderr, "bad.json", case.says);
    }
}

#[test]
fn score_says_what_is_wrong_with_the_snapshot() {
    let folder = Folder::new();
    let change = folder.json("change.json", &scale("tiny", 2));
    let whole = snapshot("tiny").to_string();
    let mut negative = snapshot("tiny");
    negative["agentPools"][0]["count"] = json!(-3);
    let cases = [
        case("empty", "", ""),
        case("truncated JSON", &whole.as_bytes()[..whole.len() / 2], ""),
        case("depth 10,000", deep(10_000), ""),
        case("negative count", negative.to_string(), "agentPools[0].count"),
        case(
            "neither nodes nor pools",
            with(with(snapshot("tiny"), "agentPools", json!([])), "items", json!([])).to_string(),
            "nodes",
        ),
    ];
    for case in cases {
        let file = folder.file("cluster.json", &case.content);
        let ended = run(poolproof().arg("score").arg(&change).arg("--cluster").arg(&file)).expect_code(2);
        check_said(case.name, &ended.stderr, "cluster.json", case.says);
    }
}

#[test]
fn a_file_too_large_is_refused_unread() {
    let folder = Folder::new();
    let large = sparse(&folder, "large.json", 200);
    let change = folder.json("change.json", &scale("tiny", 2));
    let queue = folder.queue();
    let commands: [&[&Path]; 3] = [
        &[Path::new("decode"), &large],
        &[Path::new("score"), &change, Path::new("--cluster"), &large],
        &[Path::new("submit"), &large, Path::new("--queue"), Path::new(&queue)],
    ];
    for arguments in commands {
        let started = Instant::now();
        let ended = run(poolproof().args(arguments)).expect_code(2);
        check_said("200 MB", &ended.stderr, "large.json", "209715200 bytes");
        assert!(started.elapsed() < Duration::from_secs(5), "{arguments:?} took {:?}", started.elapsed());
    }
    assert!(!folder.path("queue.db").exists(), "nothing was begun");
}

#[test]
fn endless_input_is_cut_off() {
    let started = Instant::now();
    let endless = vec![b' '; 20 << 20];
    let ended = run_with_input(poolproof().args(["decode", "-"]), &endless).expect_code(2);
    check_said("endless", &ended.stderr, "standard input", "more than 16777216 bytes");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn files_that_are_none() {
    let folder = Folder::new();
    let unreadable = folder.json("unreadable.json", &scale("tiny", 2));
    std::fs::set_permissions(&unreadable, std::fs::Permissions::from_mode(0o000)).unwrap();
    let ended = run(poolproof().arg("decode").arg(folder.path("nothing.json"))).expect_code(2);
    check_said("missing", &ended.stderr, "nothing.json", "no such file");
    let ended = run(poolproof().arg("decode").arg(&folder.0)).expect_code(2);
    check_said("folder", &ended.stderr, &folder.0.to_string_lossy(), "a folder");
    // Whoever may read everything (root) reads this one too.
    if File::open(&unreadable).is_err() {
        let ended = run(poolproof().arg("decode").arg(&unreadable)).expect_code(2);
        check_said("unreadable", &ended.stderr, "unreadable.json", "cannot be read");
    } else {
        println!("skipped: file permissions do not bind this user");
    }
}

#[test]
fn all_complaints_of_all_inputs_come_at_once() {
    let folder = Folder::new();
    let (a, b) = (folder.file("a.json", "{"), folder.json("b.json", &proposal("tiny", &json!({"kind": "explode"}))));
    let cluster = folder.file("cluster.json", "[");
    let ended = run(poolproof().arg("score").args([&a, &b]).arg(folder.path("c.json")).arg("--cluster").arg(&cluster))
        .expect_code(2);
    for file in ["a.json", "b.json", "c.json", "cluster.json"] {
        assert_eq!(ended.stderr.lines().filter(|line| line.contains(file)).count(), 1, "{file}: {}", ended.stderr);
    }
}

#[test]
fn the_worker_buries_what_it_cannot_score_and_goes_on() {
    let folder = Folder::new();
    let snapshots = folder.path("snapshots");
    folder.json("snapshots/tiny.json", &snapshot("tiny"));
    folder.json("snapshots/hollow.json", &with(with(snapshot("hollow"), "agentPools", json!([])), "items", json!([])));
    sparse(&folder, "snapshots/huge.json", 200);
    folder.json("secret.json", &snapshot("secret"));

    let id = |group: &str| {
        format!(
            "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/{group}/providers/Microsoft.ContainerService/managedClusters/twin"
        )
    };
    folder.json("snapshots/twin.json", &with(snapshot("twin"), "cluster", json!({"name": "twin", "id": id("ours")})));
    let elsewhere = scale(&id("theirs"), 2);

    let mut cases = bad_messages();
    cases.extend(senseless_messages());
    cases.push(case("no snapshot", scale("absent", 2).to_string(), "absent.json"));
    cases.push(case("a cluster of the same name", elsewhere.to_string(), "is of cluster"));
    cases.push(case("hollow snapshot", scale("hollow", 2).to_string(), "nodes"));
    cases.push(case("huge snapshot", scale("huge", 2).to_string(), "209715200 bytes"));
    cases.push(case(
        "a path for a name",
        with(scale("tiny", 2), "snapshotRef", json!("../secret")).to_string(),
        "cannot name a snapshot",
    ));
    cases.push(case(
        "inline snapshot",
        with(scale("tiny", 2), "snapshot", json!({"schema": "poolproof.snapshot/1"})).to_string(),
        "snapshot",
    ));
    let mut files = Vec::new();
    for (i, case) in cases.iter().enumerate() {
        files.push(folder.file(&format!("{i}.json"), &case.content));
    }
    // Good ones at the end, to see that it gets there.
    files.push(folder.json("irrelevant.json", &irrelevant(1)));
    files.push(folder.json("good.json", &scale("tiny", 2)));
    files.push(folder.json("loud.json", &scale("TINY", 4)));
    files.push(folder.json("twin.json", &scale(&id("OURS"), 2)));
    run(poolproof().arg("submit").args(&files).args(["--queue", &folder.queue()])).expect_code(0);

    let out = folder.path("reports");
    let ended = run(poolproof()
        .args(["worker", "--until-empty", "--log-format", "json", "--queue", &folder.queue()])
        .arg("--snapshots")
        .arg(format!("dir:{}", snapshots.display()))
        .arg("--publish")
        .arg(format!("dir:{}", out.display())))
    .expect_code(0);

    let list = run(poolproof().args(["queue", "list", "--format", "json", "--queue", &folder.queue()])).expect_code(0);
    let left: Vec<Value> = list.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        left.len(),
        cases.len(),
        "the good ones are gone, the bad ones are kept: {}\n{}",
        list.stdout,
        ended.stderr
    );
    for (entry, case) in left.iter().zip(&cases) {
        assert_eq!(entry["state"], "dead", "{}: {entry}", case.name);
        let reason = entry["reason"].as_str().unwrap();
        assert!(reason.contains(case.says), "{}: {reason:?} says {:?}", case.name, case.says);
        assert!(
            !reason.is_empty() && reason.len() < SHORT && !reason.contains("program failed"),
            "{}: one clear reason: {reason:?}",
            case.name
        );
    }
    let reports =
        std::fs::read_dir(&out).unwrap().filter(|e| e.as_ref().unwrap().path().join("report.json").is_file()).count();
    assert_eq!(reports, 3);
}
