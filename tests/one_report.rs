//! One report per change: messages about one operation come several times and in any order, to one worker or to several.

use std::collections::BTreeMap;
use std::fs;
use std::process::Child;

use serde_json::{Value, json};

use crate::site::Site;
use crate::support::{irrelevant, record, run, scale, snapshot};
use crate::worker::{Dice, Place, finish, tally};

/// What the messages of the cases stand for.
fn message(word: &str) -> Value {
    match word {
        "started" => record("c-1", "Started", 0),
        "accepted" => record("c-1", "Accepted", 1),
        "succeeded" => record("c-1", "Succeeded", 9),
        "failed" => record("c-1", "Failed", 9),
        "other" => record("c-2", "Succeeded", 9),
        "nothing" => irrelevant(1),
        count => scale("tiny", count.parse().unwrap()),
    }
}

/// Delivers messages one after the other and says which reports stand at the end, how often one was published and how
/// many messages told nothing new.
fn check(deliveries: &str, expected: &str) {
    let place = Place::new();
    let mut sums = BTreeMap::<&str, u64>::new();
    for word in deliveries.split(' ') {
        place.submit(&[message(word)]);
        let tally = tally(&run(&mut place.few(&["--until-empty"])).expect_code(0));
        for name in ["reports", "repeated", "nothing", "dead"] {
            *sums.entry(name).or_default() += tally[name].as_u64().unwrap();
        }
    }
    let mut standing: Vec<String> = place.documents().iter().map(in_words).collect();
    standing.sort();
    let found = format!(
        "{}; {} published, {} repeated, {} nothing, {} dead",
        standing.join(", "),
        sums["reports"],
        sums["repeated"],
        sums["nothing"],
        sums["dead"]
    );
    assert_eq!(found, expected, "{deliveries}");
}

fn in_words(report: &Value) -> String {
    let source = &report["change"]["source"];
    let tie = source["correlationId"].as_str().map(|tie| format!(" {tie}")).unwrap_or_default();
    let recorded = report["change"]["recorded"].get("succeeded").and_then(Value::as_bool);
    let end = recorded.map(|well| if well { " well" } else { " badly" }).unwrap_or_default();
    format!("{}{tie}{end}", report["change"]["phase"].as_str().unwrap())
}

#[test]
fn the_message_that_is_furthest_has_the_report() {
    for (deliveries, expected) in [
        ("started", "in_flight c-1; 1 published, 0 repeated, 0 nothing, 0 dead"),
        ("started succeeded", "completed c-1 well; 2 published, 0 repeated, 0 nothing, 0 dead"),
        ("succeeded started", "completed c-1 well; 1 published, 1 repeated, 0 nothing, 0 dead"),
        ("accepted started succeeded", "completed c-1 well; 2 published, 1 repeated, 0 nothing, 0 dead"),
        ("succeeded succeeded started accepted", "completed c-1 well; 1 published, 3 repeated, 0 nothing, 0 dead"),
        ("started started", "in_flight c-1; 1 published, 1 repeated, 0 nothing, 0 dead"),
        (
            "succeeded other nothing",
            "completed c-1 well, completed c-2 well; 2 published, 0 repeated, 1 nothing, 0 dead",
        ),
        ("5 5 6", "proposed, proposed; 2 published, 1 repeated, 0 nothing, 0 dead"),
    ] {
        check(deliveries, expected);
    }
}

#[test]
fn the_order_does_not_matter() {
    let ends: Vec<Vec<String>> = ["started accepted succeeded failed", "failed succeeded started accepted"]
        .iter()
        .map(|order| {
            let place = Place::new();
            for word in order.split(' ') {
                place.submit(&[message(word)]);
                run(&mut place.few(&["--until-empty"])).expect_code(0);
            }
            place.reports().into_iter().collect()
        })
        .collect();
    assert_eq!(ends[0].len(), 1);
    assert_eq!(ends[0], ends[1], "the same report, byte for byte the same id");
}

#[test]
fn a_proposal_is_scored_again_for_another_snapshot_and_an_event_is_not() {
    let place = Place::new();
    let deliver = |word: &str| {
        place.submit(&[message(word)]);
        run(&mut place.few(&["--until-empty"])).expect_code(0);
        place.reports()
    };
    deliver("5");
    let before = deliver("succeeded");
    let mut later = snapshot("tiny");
    later["agentPools"][1]["count"] = json!(4);
    place.0.json("snapshots/tiny.json", &later);
    assert_eq!(deliver("succeeded"), before, "told again, it is not judged by what it has led to");
    let after = deliver("5");
    assert_eq!((after.len(), after.intersection(&before).count()), (2, 1));
    let ledger: Vec<Value> = place.lines();
    let replaced: Vec<&Value> = ledger.iter().filter_map(|line| line["earlier"].get(0)).collect();
    assert_eq!(replaced.len(), 1, "the first score is remembered: {ledger:#?}");
    assert!(before.contains(replaced[0]["report"].as_str().unwrap()) && replaced[0]["score"].is_number());
}

#[test]
fn several_workers_agree() {
    const OPERATIONS: u64 = 20;
    let place = Place::new();
    let mut messages = Vec::new();
    for operation in 0..OPERATIONS {
        for (status, minute) in [("Started", 0), ("Accepted", 1), ("Succeeded", 9)] {
            messages.push(record(&format!("op-{operation}"), status, minute));
        }
    }
    let mut dice = Dice(11);
    for last in (1..messages.len()).rev() {
        messages.swap(last, usize::try_from(dice.below(last as u64 + 1)).unwrap());
    }
    place.submit(&messages);
    let workers: Vec<Child> =
        (0..3).map(|_| place.few(&["--until-empty", "--parallel", "2"]).spawn().unwrap()).collect();
    let told: Vec<Value> = workers.into_iter().map(|worker| tally(&finish(worker).expect_code(0))).collect();
    let sum = |name: &str| told.iter().map(|tally| tally[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum("scored") + sum("repeated"), 3 * OPERATIONS, "{told:#?}");
    let documents = place.documents();
    assert_eq!(documents.len() as u64, OPERATIONS);
    assert!(documents.iter().all(|report| report["change"]["phase"] == "completed"));
    let index = fs::read_to_string(place.0.path("reports/index.html")).unwrap();
    assert!(place.reports().iter().all(|id| index.contains(id)), "the index knows them all");
    assert_eq!(index.matches("report.html").count() as u64, OPERATIONS, "and no other");
}

/// What Event Grid tells of a node image upgrade, in either of its schemas.
fn delivered(as_cloud_event: bool) -> Value {
    let pool = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/tiny/agentPools/apps";
    let operation = "Microsoft.ContainerService/managedClusters/agentPools/upgradeNodeImageVersion/action";
    let data =
        json!({"resourceUri": pool, "operationName": operation, "correlationId": "grid-1", "status": "Succeeded"});
    let (id, kind, time) = ("event-7", "Microsoft.Resources.ResourceActionSuccess", "2026-03-02T06:09:00Z");
    let topic = "/subscriptions/00000000-0000-0000-0000-000000000001";
    if as_cloud_event {
        json!({"specversion": "1.0", "id": id, "source": topic, "subject": pool, "type": kind, "time": time, "data": data})
    } else {
        json!([{"id": id, "topic": topic, "subject": pool, "eventType": kind, "eventTime": time, "data": data,
            "dataVersion": "2", "metadataVersion": "1"}])
    }
}

/// On any queue: what may come twice comes twice, an end before its beginning, one event by two subscriptions, to several
/// workers at once; and all of it once more when everything is done.
pub fn check_on(site: &dyn Site) {
    let messages: Vec<Vec<u8>> = [
        message("succeeded"),
        delivered(false),
        message("started"),
        message("5"),
        record("c-3", "Started", 0),
        delivered(true),
        message("accepted"),
        message("succeeded"),
        message("5"),
        delivered(false),
        message("started"),
    ]
    .iter()
    .map(|message| message.to_string().into_bytes())
    .collect();
    let go = |workers: usize| {
        site.submit(&messages);
        let start = || site.worker(&["--until-empty", "--parallel", "2"]).spawn().unwrap();
        let workers: Vec<Child> = (0..workers).map(|_| start()).collect();
        let told: Vec<Value> = workers.into_iter().map(|worker| tally(&finish(worker).expect_code(0))).collect();
        let counted = ["scored", "dead"].map(|name| told.iter().map(|t| t[name].as_u64().unwrap()).sum::<u64>());
        let mut ids: Vec<String> = site.documents().iter().map(|d| d["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        (counted, ids)
    };
    let ([scored, dead], ids) = go(3);
    assert!((4..=6).contains(&scored) && dead == 0, "{scored} scored, {dead} dead");
    let mut standing: Vec<String> = site.documents().iter().map(in_words).collect();
    standing.sort();
    assert_eq!(standing, ["completed c-1 well", "completed grid-1 well", "in_flight c-3", "proposed"]);
    assert_eq!(go(2), ([0, 0], ids), "told once more, the same reports stand and none is published");
}

#[test]
fn several_deliveries_to_several_workers_are_one_report() {
    check_on(&Place::new());
}

#[test]
fn what_is_beyond_the_limits_goes() {
    let place = Place::new();
    let messages: Vec<Value> = (1..=6).map(|count| scale("tiny", count)).collect();
    place.submit(&messages);
    run(&mut place.few(&["--until-empty", "--keep", "4"])).expect_code(0);
    assert_eq!((place.reports().len(), place.lines().len()), (4, 4));
    // What has gone is scored again when it is asked for again.
    place.submit(&messages[..1]);
    let tally = tally(&run(&mut place.few(&["--until-empty", "--keep", "4", "--keep-days", "1"])).expect_code(0));
    assert_eq!(tally["reports"], 1);
    assert_eq!(place.reports().len(), 4);
}
