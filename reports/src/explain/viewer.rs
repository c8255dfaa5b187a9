//! Lanes and events in Chrome's trace event format (JSON object form, 2016-10): complete events (`X`) for states, instants
//! (`i`) for events, counters (`C`), and metadata (`M`) for the names and the order of the lanes. Times are microseconds of
//! simulated time; an object's name is its lane's.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Explained, Kind, Line, Plan};

/// The file.
pub fn trace(explained: &Explained) -> Vec<u8> {
    let mut events = Vec::new();
    let mut lanes: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (g, group) in explained.lanes.groups.iter().enumerate() {
        let pid = g + 1;
        events.extend(named("process", pid, 0, &group.name, g));
        for (l, (name, slices)) in group.lanes.iter().enumerate() {
            let tid = l + 1;
            events.extend(named("thread", pid, tid, name, l));
            lanes.entry(name.clone()).or_insert((pid, tid));
            events.extend(slices.iter().map(|slice| {
                json!({"ph": "X", "name": slice.state, "cat": group.name, "pid": pid, "tid": tid,
                    "ts": slice.from, "dur": slice.to - slice.from, "args": {}})
            }));
        }
    }
    let all = explained.lanes.groups.len() + 1;
    events.extend(named("process", all, 0, "numbers and everything else", all));
    for counter in &explained.lanes.counters {
        events.extend(counter.points.iter().map(|(at, value)| {
            json!({"ph": "C", "name": counter.name, "pid": all, "tid": 0, "ts": at, "args": {"value": value}})
        }));
    }
    events.extend(explained.events.iter().map(|line| instant(line, &lanes, all)));
    let document = json!({
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": {
            "report": explained.report,
            "trial": explained.trial.to_string(),
            "seed": explained.seed.to_string(),
            "plan": match explained.plan { Plan::Proposal => "proposal", Plan::Baseline => "baseline" },
        },
    });
    let mut bytes = document.to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}

/// Name and place of a process or thread, as the viewer calls groups and lanes.
fn named(what: &str, pid: usize, tid: usize, name: &str, place: usize) -> [Value; 2] {
    let meta = |kind: &str, args: Value| json!({"ph": "M", "name": format!("{what}_{kind}"), "pid": pid, "tid": tid, "ts": 0, "args": args});
    [meta("name", json!({"name": name})), meta("sort_index", json!({"sort_index": place}))]
}

/// An event on the lane of what it is about, or on the last one where that has none.
fn instant(line: &Line, lanes: &BTreeMap<String, (usize, usize)>, all: usize) -> Value {
    let name = line.object.split_once('/').map_or("", |(_, name)| name);
    let (pid, tid) = lanes.get(name).copied().unwrap_or((all, 0));
    json!({"ph": "i", "s": "t", "name": line.reason, "cat": line.from, "pid": pid, "tid": tid,
    "ts": (line.t * 1e6).round() as u64,
    "args": {
        "number": line.number,
        "object": line.object,
        "message": line.message,
        "type": if line.kind == Kind::Warning { "Warning" } else { "Normal" },
        "because": line.because,
    }})
}
