//! Messages, a target for each format.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::harness::fuzz;
use super::mutator::Garden;
use super::{MEMORY, seeds};

/// Decodes; whatever came out can be written and read again, whatever is wrong can be told.
fn decoded(bytes: &[u8]) -> bool {
    match scenarios::decode(bytes) {
        Ok(decoded) => {
            for change in &decoded.changes {
                let text = serde_json::to_string(change).unwrap();
                let _: scenarios::Change = serde_json::from_str(&text).unwrap();
            }
            !decoded.changes.is_empty() || !decoded.outcomes.is_empty()
        }
        Err(complaints) => {
            assert!(!complaints.0.is_empty() && complaints.0.len() <= 1000);
            let _ = complaints.to_string();
            false
        }
    }
}

fn check(target: &str, seeds: Vec<Vec<u8>>) {
    fuzz(&MEMORY, target, &Garden::new(seeds), &decoded);
}

/// A seed that is refused at its door leads nowhere.
#[test]
fn seeds_are_understood() {
    let texts = [seeds::PROPOSALS, seeds::OUTCOMES, seeds::COMMANDS].map(seeds::lines).concat();
    let scripts = seeds::SCRIPTS.map(|text| text.as_bytes().to_vec());
    let refused = |bytes: &Vec<u8>| {
        let found = scenarios::decode(bytes);
        let wrong =
            found.map(|d| format!("{:?}", d.notes).repeat(usize::from(d.changes.is_empty() && d.outcomes.is_empty())));
        let wrong = wrong.unwrap_or_else(|complaints| complaints.to_string());
        (!wrong.is_empty()).then(|| format!("{}: {wrong}", String::from_utf8_lossy(bytes)))
    };
    let refused: Vec<String> = texts.iter().chain(&scripts).filter_map(refused).collect();
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn proposals() {
    check("proposals", seeds::lines(seeds::PROPOSALS));
}

#[test]
fn outcomes() {
    check("outcomes", seeds::lines(seeds::OUTCOMES));
}

#[test]
fn cloud_events() {
    check("cloud events", seeds::fixtures(&["cloudevent"]));
}

#[test]
fn event_grid() {
    check("event grid", seeds::fixtures(&["eventgrid"]));
}

#[test]
fn event_hub_records() {
    check("event hub records", seeds::fixtures(&["eventhub", "servicebus"]));
}

#[test]
fn activity_log() {
    check("activity log", seeds::fixtures(&["activitylog"]));
}

#[test]
fn alerts() {
    check("alerts", seeds::fixtures(&["alert_common_schema"]));
}

#[test]
fn terraform_plans() {
    check("terraform plans", seeds::fixtures(&["terraform/composed"]));
}

#[test]
fn arm_what_ifs() {
    check("arm what-ifs", seeds::fixtures(&["whatif/"]));
}

#[test]
fn rest_bodies() {
    let own = [
        r#"{"name":"NP1","properties":{"count":2,"mode":"User","orchestratorVersion":"1.34.1"}}"#,
        r#"{"location":"westeurope","properties":{"agentPoolProfiles":[{"name":"a","count":1},{"name":"b","count":2}]}}"#,
        r#"{"method":"DELETE","uri":"https://management.azure.com/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c/agentPools/p?api-version=2025-09-01&ignore-pod-disruption-budget=true"}"#,
        r#"{"method":"POST","uri":"/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c/agentPools/p/deleteMachines","requestBody":{"machineNames":["aks-p-1-vmss000000"]}}"#,
    ];
    let own = own.map(|text| text.as_bytes().to_vec());
    check("rest bodies", seeds::fixtures(&["arm/", "rest-examples/"]).into_iter().chain(own).collect());
}

#[test]
fn command_lines() {
    check("command lines", [seeds::lines(seeds::COMMANDS), seeds::fixtures(&["command_lines"])].concat());
}

#[test]
fn plan_scripts() {
    check("plan scripts", seeds::SCRIPTS.map(|text| text.as_bytes().to_vec()).into());
}

#[test]
fn storage_queue_messages() {
    let garden = Garden::new([seeds::fixtures(&["events/composed"]), seeds::lines(seeds::PROPOSALS)].concat());
    let wrapped = Garden::new(seeds::fixtures(&["storage_queue"]));
    fuzz(&MEMORY, "storage queue messages", &garden, &|bytes| decoded(BASE64_STANDARD.encode(bytes).as_bytes()));
    fuzz(&MEMORY, "storage queue wrappers", &wrapped, &decoded);
}
