//! What `decode` does with proposals, repeated deliveries and broken input, and that nothing makes it panic.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use super::{Decoded, MAX_BYTES, decode};
use crate::change::{Change, Phase};

/// Changes and notes, one a line.
fn told(bytes: &[u8]) -> String {
    match decode(bytes) {
        Ok(Decoded { changes, notes, .. }) => {
            changes.iter().map(ToString::to_string).chain(notes).collect::<Vec<_>>().join("\n")
        }
        Err(complaints) => complaints.to_string(),
    }
}

fn check(message: &str, expected: &str) {
    let expected = expected.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    assert_eq!(told(message.as_bytes()), expected.trim());
}

fn fixture(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/fixtures");
    std::fs::read(root.join(name)).unwrap()
}

fn only(bytes: &[u8]) -> Change {
    let mut changes = decode(bytes).unwrap().changes;
    assert_eq!(changes.len(), 1);
    changes.remove(0)
}

const SCALE: &str =
    r#"{"schema":"poolproof.change/1","cluster":"AKS-Prod","pool":"np1","operation":{"kind":"scale","count":1}}"#;

#[test]
fn proposals_are_read_bare_and_as_cloud_events() {
    check(SCALE, "proposed aks-prod/np1 scale count=1");
    let event = json!({"specversion": "1.0", "id": "e1", "source": "/ci", "time": "2026-06-01T08:00:00Z",
        "type": "dev.poolproof.change.proposed.v1", "data": serde_json::from_str::<Value>(SCALE).unwrap()});
    let change = only(event.to_string().as_bytes());
    assert_eq!(change.to_string(), "proposed aks-prod/np1 scale count=1");
    assert_eq!(change.source.event_id.as_deref(), Some("e1"));
    assert_eq!(change.summary, "scale pool np1 of aks-prod to 1 node");
}

#[test]
fn proposals_carry_snapshot_and_settings() {
    let change = only(
        br#"{"schema":"poolproof.change/1","pool":"np1","operation":{"kind":"upgrade","version":"1.34.1","settings":{"maxSurge":"33%"}},
        "cluster":{"id":"/subscriptions/S/resourceGroups/RG/providers/Microsoft.ContainerService/managedClusters/AKS"},
        "snapshot":{"schema":"poolproof.snapshot/1"},"settings":{"seed":7,"trials":100,"slo":0.999}}"#,
    );
    assert_eq!(change.to_string(), "proposed aks/np1 upgrade version=1.34.1 maxSurge=33%");
    assert_eq!(change.cluster.resource_group.as_deref(), Some("rg"));
    assert_eq!((change.settings.seed, change.settings.trials), (Some(7), Some(100)));
    assert!(change.snapshot.is_some());
}

#[test]
fn a_proposal_names_all_its_faults_at_once() {
    check(
        r#"{"schema":"poolproof.change/1","poool":"np1","operation":{"kind":"scale","count":-3,"cuont":3},"settings":{"trials":"many"}}"#,
        "poool: found the text poool: the text np1, expected one of the fields schema, cluster, pool, operation, snapshot, snapshotRef, settings, caller, time, correlationId, eventId
         cluster: found nothing, expected the cluster: its name, its resource id, or an object with id or name
         operation.cuont: found the text cuont: 3, expected one of the fields kind, count
         operation.count: found -3, expected a whole number from 0 to 4294967295
         pool: found nothing, expected the name of the pool
         settings.trials: found the text many, expected settings as in the schema (invalid type: string \"many\", expected u32)",
    );
}

#[test]
fn an_unknown_kind_is_answered_with_the_known_ones() {
    check(
        r#"{"schema":"poolproof.change/1","cluster":"c","pool":"p","operation":{"kind":"explode"}}"#,
        "operation.kind: found the text explode, expected one of scale, deletePool, addPool, putPool, upgrade, setMode, setTaints, setLabels, setAutoscaler, setUpgradeSettings, setProperties, stopPool, startPool, deleteMachines, rotateCertificates, resizePool, cordon, drain, abort, rollback",
    );
}

#[test]
fn an_unknown_mode_is_taken_as_it_is() {
    check(
        r#"{"schema":"poolproof.change/1","cluster":"c","pool":"p","operation":{"kind":"setMode","mode":"Quantum"}}"#,
        "proposed c/p setMode mode=Quantum",
    );
}

#[test]
fn later_schemas_are_refused_and_our_other_documents_noted() {
    check(
        r#"{"schema":"poolproof.change/2","cluster":"c"}"#,
        "schema: found poolproof.change/2, expected a schema of this version, such as poolproof.change/1",
    );
    check(
        r#"{"schema":"poolproof.snapshot/1"}"#,
        "no pool operation: this describes a poolproof.snapshot/1 document, and asks for nothing",
    );
}

#[test]
fn changes_survive_json() {
    for name in FIXTURES {
        for change in decode(&fixture(name)).unwrap().changes {
            let text = serde_json::to_string(&change).unwrap();
            assert_eq!(serde_json::from_str::<Change>(&text).unwrap(), change, "{name}: {text}");
        }
    }
}

/// One write of one pool, as every feed tells of it.
#[test]
fn one_operation_has_one_id_whatever_feed_and_state() {
    let write = [
        "events/composed_activitylog_agentpool_scale_down_sequence.json",
        "events/composed_eventhub_records_agentpool_sequence.json",
        "events/composed_alert_common_schema_agentpool_write.json",
        "events/composed_eventgrid_agentpool_write_success.json",
        "events/composed_cloudevent_agentpool_write_success.json",
        "events/composed_servicebus_message.json",
        "events/composed_storage_queue_message.json",
    ];
    let ids: Vec<String> = write.iter().map(|name| only(&fixture(name)).id).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let other = only(&fixture("events/composed_activitylog_agentpool_delete_started.json")).id;
    assert_ne!(other, ids[0]);
    assert_eq!(other, only(&fixture("events/composed_eventgrid_agentpool_delete_success.json")).id);
}

#[test]
fn records_of_one_operation_collapse_in_any_order() {
    let record = |status: &str, time: &str, body: Value| {
        json!({"operationName": "Microsoft.ContainerService/managedClusters/agentPools/write", "correlationId": "c1",
            "resourceId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c/agentPools/p",
            "status": {"value": status}, "eventTimestamp": time, "caller": "ci", "properties": {"requestbody": body}})
    };
    let started = record("Started", "2026-06-01T08:00:00Z", json!({"properties": {"count": 1}}));
    let accepted = record("Accepted", "2026-06-01T08:00:01Z", json!(""));
    let succeeded = record("Succeeded", "2026-06-01T08:00:02Z", json!(""));
    let failed = record("Failed", "2026-06-01T08:09:00Z", json!(""));
    let tell = |list: &[&Value]| told(json!({"value": list}).to_string().as_bytes());
    assert_eq!(tell(&[&started, &accepted]), "in_flight c/p putPool count=1");
    assert_eq!(tell(&[&succeeded, &accepted, &started]), "completed c/p putPool count=1 -> succeeded");
    // A success at acceptance, and the failure that follows.
    assert_eq!(tell(&[&failed, &succeeded, &started, &succeeded]), "completed c/p putPool count=1 -> failed");
    let alone = decode(started.to_string().as_bytes()).unwrap().changes;
    let all = decode(json!([succeeded, started]).to_string().as_bytes()).unwrap().changes;
    assert_eq!((alone[0].id.as_str(), alone[0].phase), (all[0].id.as_str(), Phase::InFlight));
    assert_eq!(all[0].source.time.as_deref(), Some("2026-06-01T08:00:02Z"));
}

#[test]
fn bodies_that_cannot_be_read_are_noted() {
    let record = json!({"operationName": {"value": "MICROSOFT.CONTAINERSERVICE/MANAGEDCLUSTERS/AGENTPOOLS/WRITE"}, "correlationId": "c1",
        "resourceId": "/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.CONTAINERSERVICE/MANAGEDCLUSTERS/C/AGENTPOOLS/P",
        "resultType": "Start", "properties": {"requestBody": "{\"properties\":{\"count\":"}});
    check(
        &record.to_string(),
        "in_flight c/p unknown
         properties.requestbody cannot be read: truncated or masked",
    );
}

#[test]
fn what_other_providers_do_to_a_cluster_is_no_pool_operation() {
    let record = json!({"operationName": "Microsoft.Resources/tags/write", "correlationId": "c1", "status": "Succeeded",
        "resourceId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c/agentPools/p"});
    check(&record.to_string(), "no pool operation: microsoft.resources/tags/write is no operation of AKS");
}

#[test]
fn properties_may_be_text() {
    let properties = json!({"requestbody": {"properties": {"count": 4}}}).to_string();
    let record = json!({"operationName": "Microsoft.ContainerService/managedClusters/agentPools/write", "correlationId": "c1",
        "resourceId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c/agentPools/p",
        "resultSignature": "Started.", "properties": properties});
    check(&record.to_string(), "in_flight c/p putPool count=4");
}

#[test]
fn commands_are_read_from_scripts() {
    check(
        "#!/bin/sh\n# az aks nodepool delete -g g --cluster-name c -n no\nset -e\n$ az aks nodepool scale -g g --cluster-name C \\\n  --name NP1 --node-count=5 && az aks nodepool list -g g --cluster-name c\naz group list",
        "proposed c/np1 scale count=5
         no pool operation: az aks nodepool list changes no pool
         no pool operation: az group list is no command about AKS pools",
    );
    check(
        "az aks nodepool scale --cluster-name c -n np1 --node-count $COUNT",
        "--node-count: found $COUNT, expected a whole number from 0 to 4294967295",
    );
    check(
        "az aks nodepool update --cluster-name c -n np1 --labels '' --disable-cluster-autoscaler --enable-fips-image --tags a=b",
        "proposed c/np1 setLabels
         proposed c/np1 setAutoscaler off
         proposed c/np1 upgrade reason=enableFIPS
         proposed c/np1 setProperties tags",
    );
    check(
        "az aks nodepool delete -n 'np1",
        "found az aks nodepool delete -n 'np1, expected a command whose quotes are closed",
    );
    check(
        "az aks nodepool delete",
        "--cluster-name: found nothing, expected the name of the cluster\n--name: found nothing, expected the name of the pool",
    );
}

#[test]
fn bodies_alone_need_a_name() {
    check(r#"{"name":"NP1","properties":{"count":2}}"#, "proposed /np1 putPool count=2");
    check(
        r#"{"properties":{"count":2,"mode":"User"}}"#,
        "name: found nothing, expected the name of the pool that the body is for (or an id, or the body within {method, uri, requestBody})",
    );
    check(
        r#"{"location":"westeurope","properties":{"agentPoolProfiles":[{"name":"a","count":1},{"name":"b","count":2}]}}"#,
        "proposed /a putPool count=1
         proposed /b putPool count=2",
    );
}

#[test]
fn texts_in_any_dress_are_one_message() {
    let plain = only(SCALE.as_bytes());
    let bom = [b"\xef\xbb\xbf".as_slice(), SCALE.as_bytes()].concat();
    let utf16: Vec<u8> = [0xfeff].into_iter().chain(SCALE.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, SCALE);
    let lines: Vec<String> =
        base64.as_bytes().chunks(60).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let queue = json!({"messageId": "m", "messageText": base64}).to_string();
    let quoted = Value::String(SCALE.to_owned()).to_string();
    let list = format!("[{SCALE},{SCALE}]");
    let json_lines = format!("{SCALE}\r\n\n{SCALE}\n");
    for dress in [
        bom,
        utf16,
        base64.into_bytes(),
        lines.join("\r\n").into_bytes(),
        queue.into(),
        quoted.into(),
        list.into(),
        json_lines.into(),
    ] {
        assert_eq!(only(&dress), plain);
    }
}

#[test]
fn broken_input_gets_one_clear_answer() {
    let starts = |bytes: &[u8], expected: &str| {
        let told = told(bytes);
        assert!(told.starts_with(expected), "{told}");
    };
    starts(b"", "found nothing, expected JSON, az command lines, or base64 of either");
    starts(b"hello", "found the text hello, expected JSON");
    starts(b"42", "found the text 42, expected JSON");
    starts(b"{}", "found an empty object, expected a known message");
    starts(b"[1,null]", "[0]: found 1, expected a message: an object, a list or a text\n[1]: found null");
    let commands = (0..1001).map(|n| format!("az aks nodepool scale --cluster-name c -n p{n} --node-count 1"));
    let commands = commands.collect::<Vec<_>>().join("\n");
    starts(commands.as_bytes(), "found 1001 changes, expected at most 1000 changes in one message");
    starts(b"[]", "no pool operation: the list is empty");
    starts(br#"{"a":1}"#, "found fields a, expected a known message");
    starts(br#"{"schema":"poolproof.change/1","#, "found JSON that ends early");
    starts(br#"{"schema":"x","schema":"y"}"#, "schema: found the same key twice");
    starts(b"{\"a\": \xff}", "found bytes that are no text (at byte 6), expected UTF-8 text");
    starts("[".repeat(10_000).as_bytes(), "found JSON nested deeper than 100 levels");
    starts(&vec![b' '; MAX_BYTES + 1], "found a message of 16777217 bytes, expected at most 16777216 bytes");
    let nested = (0..20).fold(json!(SCALE), |inner, _| json!({"messageId": "m", "body": inner}));
    starts(nested.to_string().as_bytes(), "body.body.body");
}

#[test]
fn many_faults_are_cut_short() {
    let told = told(format!("[{}0]", "0,".repeat(100_000)).as_bytes());
    assert_eq!(told.lines().count(), crate::complaint::Complaints::MOST + 1);
}

const FIXTURES: [&str; 27] = [
    "cli/composed_command_lines.json",
    "events/composed_activitylog_agentpool_delete_started.json",
    "events/composed_activitylog_agentpool_scale_down_sequence.json",
    "events/composed_activitylog_agentpool_upgrade_failed.json",
    "events/composed_activitylog_cluster_write_started.json",
    "events/composed_alert_common_schema_agentpool_write.json",
    "events/composed_cloudevent_agentpool_write_success.json",
    "events/composed_eventgrid_agentpool_delete_success.json",
    "events/composed_eventgrid_agentpool_write_failure.json",
    "events/composed_eventgrid_agentpool_write_success.json",
    "events/composed_eventgrid_upgrade_node_image_action.json",
    "events/composed_eventhub_records_agentpool_sequence.json",
    "events/composed_eventhub_records_duplicate_out_of_order.json",
    "events/composed_servicebus_message.json",
    "events/composed_storage_queue_message.json",
    "terraform/composed_plan_create_before_destroy.json",
    "terraform/composed_plan_default_node_pool_resize.json",
    "terraform/composed_plan_delete_pool.json",
    "terraform/composed_plan_mode_and_taints.json",
    "terraform/composed_plan_no_op.json",
    "terraform/composed_plan_replace_os_type_priority.json",
    "terraform/composed_plan_rotate_vm_size.json",
    "terraform/composed_plan_update_count.json",
    "terraform/composed_plan_upgrade_version.json",
    "whatif/composed_cluster_agentpoolprofiles_array.json",
    "whatif/composed_delete_complete_mode.json",
    "whatif/composed_modify_agentpool_count.json",
];

/// Whatever comes out keeps the promises of [`decode`].
fn sound(bytes: &[u8]) {
    let first = decode(bytes);
    assert_eq!(first, decode(bytes));
    match first {
        Ok(Decoded { changes, notes, .. }) => {
            assert!(
                !changes.is_empty() || notes.iter().any(|note| note.starts_with("no pool operation: ")),
                "{notes:?}"
            );
            for change in changes {
                assert_eq!(change.id.len(), 32);
                assert!(!change.summary.is_empty());
                assert_eq!(change.result.is_some(), change.phase == Phase::Completed);
                let text = serde_json::to_string(&change).unwrap();
                assert_eq!(serde_json::from_str::<Change>(&text).unwrap(), change);
            }
        }
        Err(complaints) => assert!(!complaints.0.is_empty()),
    }
}

/// Puts `value` in the place of the `index`-th value of a tree.
fn replace(tree: &mut Value, index: &mut usize, value: &Value) {
    if *index == 0 {
        *tree = value.clone();
    }
    *index = index.wrapping_sub(1);
    match tree {
        Value::Array(list) => list.iter_mut().for_each(|item| replace(item, index, value)),
        Value::Object(map) => map.values_mut().for_each(|item| replace(item, index, value)),
        _ => {}
    }
}

fn size(tree: &Value) -> usize {
    1 + match tree {
        Value::Array(list) => list.iter().map(size).sum(),
        Value::Object(map) => map.values().map(size).sum(),
        _ => 0,
    }
}

fn strange() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("/"),
        json!("\u{0}{[\"\\"),
        json!("az aks nodepool scale"),
        json!([]),
        json!({}),
        json!([[null]]),
        json!({"value": []}),
        json!({"name": "x", "count": -1}),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        sound(&bytes);
    }

    #[test]
    fn any_text(text in "[\\[\\]{}\",:0-9a-z\\\\ $=-]{0,200}") {
        sound(text.as_bytes());
    }

    #[test]
    fn any_command(text in "az (aks )?(nodepool )?(scale|add|update|upgrade|delete|create|stop|delete-machines)( --?[a-z-]{1,12}[= ][a-z0-9=:,%$-]{0,8}){0,5}") {
        sound(text.as_bytes());
    }

    #[test]
    fn fixtures_with_flipped_bytes(name in prop::sample::select(FIXTURES.to_vec()), at in any::<Index>(), byte in any::<u8>(), keep in any::<Index>()) {
        let mut bytes = fixture(name);
        let place = at.index(bytes.len());
        bytes[place] = byte;
        sound(&bytes);
        bytes.truncate(keep.index(bytes.len()));
        sound(&bytes);
    }

    #[test]
    fn fixtures_with_strange_values(name in prop::sample::select(FIXTURES.to_vec()), faults in prop::collection::vec((any::<Index>(), strange()), 1..4)) {
        let mut tree: Value = serde_json::from_slice(&fixture(name)).unwrap();
        for (at, value) in faults {
            let mut index = at.index(size(&tree));
            replace(&mut tree, &mut index, &value);
        }
        sound(tree.to_string().as_bytes());
    }
}
