//! Secrets are in the environment or in files: in no log, report, metric, answer, complaint, and among no process' arguments.

use std::path::PathBuf;
use std::time::Duration;

use super::{below, fs};
use crate::support::{poolproof, run, scale};
use crate::worker::Place;

const SECRETS: [(&str, &str); 6] = [
    ("POOLPROOF_LISTEN_SECRET", "hunter2-listen"),
    ("POOLPROOF_AZURE_SAS", "sv=2021-12-02&sig=hunter2-sas"),
    ("AZURE_STORAGE_ACCOUNT_KEY", "aHVudGVyMi1rZXk="),
    ("AWS_SECRET_ACCESS_KEY", "hunter2-aws"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=hunter2-otel"),
    ("POOLPROOF_QUEUE", "amqp://worker:hunter2-broker@127.0.0.1:1/prod"),
];

fn assert_silent(what: &str, text: &str) {
    for word in ["hunter2", "aHVudGVyMi1rZXk"] {
        assert!(!text.contains(word), "{what} holds {word}: {text:.2000}");
    }
}

#[test]
fn secrets_are_in_nothing_that_is_written() {
    let place = Place::new();
    place.submit(&[scale("tiny", 5), serde_json::json!({"no": "message"})]);
    // The queue of the command line goes before the one of the environment.
    let ended = run(place.few(&["--until-empty", "--log", "trace"]).envs(SECRETS)).expect_code(0);
    assert_silent("the log", &ended.stderr);
    let reports = below(&place.0.path("reports"));
    assert!(reports.len() > 3);
    for path in reports {
        assert_silent(&path.display().to_string(), &String::from_utf8_lossy(&fs::read(&path).unwrap()));
    }
}

#[test]
fn secrets_are_in_no_complaint() {
    let place = Place::new();
    let wrong: [&[&str]; 6] = [
        &["worker"],
        &["worker", "--print-config"],
        &["worker", "--help"],
        &["worker", "--check-topology", "--snapshots", "dir:x", "--publish", "dir:y"],
        &["queue", "list"],
        &["submit", "/dev/null"],
    ];
    for words in wrong {
        let ended = run(poolproof().args(words).envs(SECRETS).current_dir(&place.0.0));
        assert_silent(&words.join(" "), &format!("{}{}", ended.stdout, ended.stderr));
    }
    for url in [
        "amqp//worker:hunter2@host",
        "amqps://worker:hunter2@host:x/v h",
        "azqueue://acc:hunter2@q/x",
        "https://hunter2@h",
    ] {
        let ended = run(poolproof()
            .args(["worker", "--snapshots", "dir:x", "--publish", "dir:y", "--queue", url])
            .current_dir(&place.0.0));
        assert_silent(url, &ended.stderr);
        let ended = run(poolproof()
            .args(["worker", "--snapshots", "dir:x", "--queue", "sqlite:q", "--publish", url])
            .current_dir(&place.0.0));
        assert_silent(url, &ended.stderr);
    }
}

#[test]
fn secrets_are_among_no_arguments() {
    let place = Place::new();
    let mut child = place.few(&[]).envs(SECRETS).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let arguments = fs::read(PathBuf::from(format!("/proc/{}/cmdline", child.id()))).unwrap();
    let name = fs::read_to_string(format!("/proc/{}/comm", child.id())).unwrap();
    let _ = child.kill();
    let _ = child.wait();
    assert!(!arguments.is_empty());
    assert_silent("the command line", &format!("{} {name}", String::from_utf8_lossy(&arguments)));
    // No option takes a secret: there is a file or a variable for each.
    let help = run(poolproof().args(["worker", "--help"])).expect_code(0).stdout;
    for option in help.lines().filter_map(|line| line.trim().strip_prefix("--")) {
        let name = option.split(' ').next().unwrap();
        let secret =
            ["secret", "password", "token", "sas", "key"].iter().any(|word| name.split('-').any(|part| part == *word));
        assert!(!secret || name.ends_with("-file"), "--{option}");
    }
}
