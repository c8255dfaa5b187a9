//! Probabilities of a millionth from a run of seconds, seen from outside.

use serde_json::{Value, json};
use simulator::settings::Cause;

use crate::support::{Folder, poolproof, run, snapshot};

/// Names of all causes but failures of single nodes, for `--off`; mechanisms stay.
fn all_but_failures() -> String {
    let stays = [
        Cause::NodeFailure,
        Cause::Capacity,
        Cause::EvictionGap,
        Cause::DisruptionBudgets,
        Cause::UnreachableEviction,
        Cause::Preemption,
    ];
    let others = Cause::ALL.iter().filter(|(cause, _)| !stays.contains(cause)).map(|(_, name)| *name);
    others.collect::<Vec<_>>().join(",")
}

/// Three system nodes, three of the pool that is scaled, and an application of three pods of which two must be up, one on each.
fn cluster() -> Value {
    let mut cluster = snapshot("tiny");
    cluster["items"] = json!([{
        "kind": "Deployment", "apiVersion": "apps/v1",
        "metadata": {"name": "api", "namespace": "shop", "annotations": {"poolproof.dev/minimum": "2"}},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "api"}}, "template": {
            "metadata": {"labels": {"app": "api"}},
            "spec": {"containers": [{"name": "a", "resources": {"requests": {"cpu": "2500m"}}}]}}}
    }]);
    cluster
}

fn report(format: &str) -> String {
    scored(format, &json!({"parameters": "mean", "assume": {"interruptionsPerYear": 12}, "trials": 4000}))
}

fn scored(format: &str, settings: &Value) -> String {
    let folder = Folder::new();
    folder.json("cluster.json", &cluster());
    folder.json("change.json", &json!({
        "schema": "poolproof.change/1", "cluster": "tiny", "pool": "apps", "operation": {"kind": "scale", "count": 4}, "settings": settings
    }));
    let (change, cluster) = (folder.path("change.json"), folder.path("cluster.json"));
    let off = all_but_failures();
    let mut score = poolproof();
    score.arg("score").arg(change).arg("--cluster").arg(cluster).args(["--format", format, "--off", &off]);
    run(&mut score).expect_code(0).stdout
}

/// Two of three nodes away at a time: a few in a million futures. Plain trials would need some ten million for the same.
#[test]
fn a_millionth_has_limits_of_its_own_size() {
    let report: Value = serde_json::from_str(&report("json")).unwrap();
    let workloads = report["risk"]["workloads"].as_array().unwrap();
    let outage = &workloads.iter().find(|w| w["name"] == "api").unwrap()["outage"];
    let [estimate, low, high] = ["estimate", "low", "high"].map(|key| outage[key].as_f64().unwrap());
    println!("{outage}");
    assert!(estimate > 1e-7 && estimate < 1e-5, "{outage}");
    assert!(low > 0.2 * estimate && high < estimate + 1e-4, "{outage}");
    let strata = report["risk"]["rareEvents"]["strata"].as_array().unwrap();
    // What comes without failures is known for certain.
    assert_eq!(strata[0]["proposal"]["low"], strata[0]["proposal"]["high"]);
    assert!(strata[3]["probability"].as_f64().unwrap() < 1e-5 && strata[3]["trials"].as_u64().unwrap() > 300);
}

#[test]
fn every_form_of_a_report_tells_it_apart() {
    let markdown = report("markdown");
    assert!(markdown.contains("From failures of nodes, zones or fault domains"), "{markdown}");
    assert!(markdown.contains("| 3 or more | about 1 of "), "{markdown}");
    assert!(report("text").contains("without them no chance is at work and there is none."));
}

/// A thorough answer draws such futures in another way too; what it says is resolved and agrees, or it says that it is not.
#[test]
fn a_thorough_answer_has_a_second_estimate_by_importance_sampling() {
    let settings =
        json!({"parameters": "mean", "assume": {"interruptionsPerYear": 12}, "trials": 2000, "thorough": true});
    let report: Value = serde_json::from_str(&scored("json", &settings)).unwrap();
    let rare = &report["risk"]["rareEvents"];
    let weighted = &rare["weighted"];
    println!("{weighted}");
    assert!(
        weighted["factor"].as_f64().unwrap() > 1.0 && weighted["pilot"] == 1024 && weighted["trials"] == 2000,
        "{weighted}"
    );
    let limits = |est: &Value| ["low", "high"].map(|key| est[key].as_f64().unwrap());
    let ([low, high], [least, most]) = (limits(&weighted["proposal"]), limits(&report["risk"]["outage"]["proposal"]));
    assert!(low <= most && least <= high, "{weighted} {}", report["risk"]["outage"]);
    if weighted["resolved"] == false {
        assert_eq!((low, weighted["proposal"]["estimate"].as_f64()), (0.0, Some(0.0)));
    }
}
