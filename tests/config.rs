//! Options from a file: command line before environment before file, everything wrong with a file at once, no password shown.

use serde_json::json;

use crate::support::{Ended, Folder, poolproof, run, scale, snapshot};

/// What the options of a `worker` come to with a file, an environment and more arguments.
fn printed(folder: &Folder, file: &str, environment: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let file = folder.file("options.yaml", file);
    let mut command = poolproof();
    command.envs(environment.iter().copied()).arg("--config").arg(file).args(["worker", "--print-config"]);
    run(command.args(arguments))
}

/// The line of an option.
#[track_caller]
fn line<'a>(ended: &'a Ended, option: &str) -> &'a str {
    let found = ended.stdout.lines().find(|line| line.trim_start().starts_with(&format!("{option}: ")));
    found.unwrap_or_else(|| panic!("{option}: {ended:#?}")).trim()
}

const FILE: &str = "
log: warn
worker:
  queue: sqlite:file.db
  snapshots: dir:snapshots
  publish: [dir:reports, dir:more]
  parallel: 3
  lease: 12.5
  until-empty: true
";

#[test]
fn the_command_line_goes_before_the_environment_and_that_before_the_file() {
    let folder = Folder::new();
    let all = printed(&folder, FILE, &[], &[]).expect_code(0);
    for (option, shown) in [
        ("queue", "queue: \"sqlite:file.db\"  # file"),
        ("publish", "publish: [\"dir:reports\", \"dir:more\"]  # file"),
        ("parallel", "parallel: 3  # file"),
        ("lease", "lease: 12.5  # file"),
        ("until-empty", "until-empty: true  # file"),
        ("log", "log: \"warn\"  # file"),
        ("attempts", "attempts: 8  # default"),
    ] {
        assert_eq!(line(&all, option), shown);
    }
    let environment = [("POOLPROOF_PARALLEL", "4"), ("POOLPROOF_LEASE", "20")];
    let both = printed(&folder, FILE, &environment, &["--parallel", "5"]).expect_code(0);
    assert_eq!(line(&both, "parallel"), "parallel: 5  # command line");
    assert_eq!(line(&both, "lease"), "lease: 20  # environment");
    assert_eq!(line(&both, "queue"), "queue: \"sqlite:file.db\"  # file");
}

#[test]
fn what_is_printed_is_a_file_that_comes_to_the_same() {
    let folder = Folder::new();
    let once = printed(&folder, FILE, &[], &["--attempts", "2"]).expect_code(0);
    let again = printed(&folder, &once.stdout, &[], &[]).expect_code(0);
    let values =
        |text: &str| text.lines().filter_map(|l| l.split("  # ").next().map(str::to_owned)).collect::<Vec<_>>();
    assert_eq!(values(&once.stdout), values(&again.stdout));
    assert_eq!(line(&again, "attempts"), "attempts: 2  # file");
}

#[test]
fn everything_wrong_with_a_file_is_said_at_once() {
    let folder = Folder::new();
    let wrong =
        "wroker: {}\nlog: [a]\nworker:\n  paralel: 2\n  until-empty: perhaps\n  lease: {a: 1}\n  config: x\nscore: 7\n";
    let ended = printed(&folder, wrong, &[], &[]).expect_code(2);
    for part in ["wroker", "log: ", "worker.paralel", "worker.until-empty", "worker.lease", "worker.config", "score: "]
    {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    assert_eq!(ended.stderr.lines().count(), 7, "{}", ended.stderr);
    assert!(ended.stderr.lines().all(|l| l.contains("options.yaml: ") && l.contains("expected ")), "{}", ended.stderr);
    let bad_value =
        printed(&folder, "worker: {queue: 'sqlite:q', snapshots: 'dir:s', publish: 'dir:r', lease: -1}", &[], &[]);
    assert!(bad_value.stderr.contains("0.01 to 86400") && bad_value.stderr.contains("options.yaml"), "{bad_value:#?}");
    assert_eq!(bad_value.code, Some(2));
    for broken in ["{", "a: b: c", "- list", "\0"] {
        let ended = printed(&folder, broken, &[], &[]).expect_code(2);
        assert!(ended.stderr.contains("options.yaml"), "{broken:?}: {}", ended.stderr);
    }
    let missing = run(poolproof().args(["--config", "no-such-file", "schema", "report"])).expect_code(2);
    assert!(missing.stderr.contains("no-such-file"), "{}", missing.stderr);
}

#[test]
fn passwords_are_not_printed() {
    let folder = Folder::new();
    let file = FILE.replace("sqlite:file.db", "amqp://worker:hunter2@broker:5672/fleet");
    let ended = printed(&folder, &file, &[("POOLPROOF_PUBLISH", "dir:r,amqps://a:hunter3@h/v")], &[]).expect_code(0);
    assert!(!ended.stdout.contains("hunter"), "{}", ended.stdout);
    assert_eq!(line(&ended, "queue"), "queue: \"amqp://***@broker:5672/fleet\"  # file");
    let help = printed(&folder, &file, &[], &["--help"]).expect_code(0);
    assert!(!help.stdout.contains("hunter"), "{}", help.stdout);
}

#[test]
fn a_score_takes_its_options_from_the_file_that_the_environment_names() {
    let folder = Folder::new();
    let change = folder.json("change.json", &scale("tiny", 5));
    let cluster = folder.json("tiny.json", &snapshot("tiny"));
    let file = folder.json("options.json", &json!({"score": {"format": "json", "seed": 77, "cluster": cluster}}));
    let ended = run(poolproof().env("POOLPROOF_CONFIG", file).arg("score").arg(change)).expect_code(0);
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["trials"]["seed"], 77);
}
