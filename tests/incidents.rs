//! Incidents that were told in public, replayed: each claim of each incident, at every point of its sweep.
//!
//! `POOLPROOF_INCIDENTS_DIR` names a folder of incident files (`schema incident`); otherwise those that ship with the project,
//! `scenarios/incidents`. A line is printed for each claim, variant and point, and a count at the end. `POOLPROOF_INCIDENTS_TRIALS` sets the
//! trials of a point (what an incident says otherwise). A claim that is known not to hold must not hold: its reason goes when
//! its cause does.

use std::path::PathBuf;

use scenarios::incident::{Incident, Verdict, Wanted, check};
use serde_json::Value;

use crate::support::{Folder, poolproof, run};

/// Seed of every run; fixed, so that a failure is investigated and not rerun.
const SEED: u64 = 20_261_122;

#[test]
fn every_claim_of_every_incident_holds() {
    let (mut passed, mut failed, mut known) = (0, 0, 0);
    let mut broken = Vec::new();
    for file in files() {
        let slug = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let started = std::time::Instant::now();
        let read = Incident::parse(&std::fs::read(&file).unwrap());
        let wanted = Wanted { seed: SEED, trials: trials(), threads: 0 };
        let verdicts = read.and_then(|incident| check(&incident, wanted).map(|found| (incident, found)));
        let (incident, verdicts) = match verdicts {
            Ok(both) => both,
            Err(complaints) => {
                println!("{slug} FAIL cannot be read\n{complaints}");
                broken.push(slug);
                continue;
            }
        };
        for verdict in &verdicts {
            println!("{slug}/{}", line(&incident, verdict));
            match (verdict.as_expected(), &verdict.known) {
                (true, None) => passed += 1,
                (true, Some(_)) => known += 1,
                (false, _) => failed += 1,
            }
        }
        println!("{slug}: {} lines in {:.1} s", verdicts.len(), started.elapsed().as_secs_f64());
    }
    println!("{passed} ok, {failed} failed, {known} known not to hold, {} files not read", broken.len());
    assert!(broken.is_empty(), "not read: {broken:?}");
    assert_eq!(failed, 0, "claims failed");
    assert!(passed > 0, "no claim was held against anything");
}

#[test]
fn an_incident_is_replayed_with_a_verdict_on_each_claim() {
    let folder = Folder::new();
    let out = folder.path("replays");
    let incident = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/incidents/both-dns-pods.yaml");
    let ended = run(poolproof().args(["replay", incident, "--trials", "20", "--out"]).arg(&out)).expect_code(0);
    assert!(
        ended.stdout.contains("| replicas on one node go together | recorded | holds: 2 of 2 points |"),
        "{}",
        ended.stdout
    );
    let page = std::fs::read_dir(&out).unwrap().map(|e| e.unwrap().path()).find(|p| p.is_dir()).unwrap();
    let document: Value = serde_json::from_slice(&std::fs::read(page.join("replay.json")).unwrap()).unwrap();
    let claims = document["claims"].as_array().unwrap();
    assert!(claims.len() >= 4 && claims.iter().all(|c| c["state"] == "holds"), "{claims:?}");
    assert_eq!(document["counterfactual"], "The replicas are on two nodes.");
    let html = std::fs::read_to_string(page.join("replay.html")).unwrap();
    assert!(html.contains("What a simulation must show"));
}

#[test]
fn a_claim_that_fails_and_an_incident_that_is_none_have_their_exit_codes() {
    let folder = Folder::new();
    let text = include_str!("../scenarios/incidents/both-dns-pods.yaml");
    let wrong = folder.file("wrong.yaml", text.replacen("equals: 0", "equals: 2", 1));
    let ended = run(poolproof().args(["replay", "--trials", "4"]).arg(wrong)).expect_code(1);
    assert!(ended.stderr.contains("1 of 4 claims do not hold"), "{}", ended.stderr);
    let broken = folder.file("broken.yaml", text.replace("np1/0", "np1/99").replace("trials", "triels"));
    let ended = run(poolproof().arg("replay").arg(broken)).expect_code(2);
    assert!(ended.stderr.contains("cluster.workloads[0].on[0]: found np1/99"), "{}", ended.stderr);
}

/// `claim in variant at point: ok value >= bound`.
fn line(incident: &Incident, verdict: &Verdict) -> String {
    let claim = &incident.claims[verdict.claim];
    let found = |f: &scenarios::incident::Found| format!("{} {} {}", short(f.value), f.sign, short(f.bound));
    let all: Vec<String> = verdict.found.iter().map(found).collect();
    let state = match (verdict.holds(), &verdict.known) {
        (true, None) => "ok",
        (false, Some(_)) => "known",
        _ => "FAIL",
    };
    format!("{} [{}]/{} {state} {}", claim.says, verdict.variant, verdict.point, all.join(", "))
}

fn short(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn trials() -> Option<u32> {
    std::env::var("POOLPROOF_INCIDENTS_TRIALS").ok().and_then(|t| t.parse().ok())
}

fn files() -> Vec<PathBuf> {
    let own = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/incidents"));
    let folder = std::env::var_os("POOLPROOF_INCIDENTS_DIR").map_or(own, PathBuf::from);
    let wanted = std::env::var("POOLPROOF_INCIDENTS_ONLY").unwrap_or_default();
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json"))
        .filter(|p| p.to_string_lossy().contains(&wanted))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no incidents in {}", folder.display());
    files
}
