//! A traced trial as lanes: what acted, and the states of each node and each pod that had a change, from begin to end, in
//! microseconds of simulated time.

use std::collections::BTreeMap;

use simulator::outcome::{Entry, Incident};
use simulator::{Id, NodeId, Scenario, Trace, WorkloadId};

use crate::figures::lanes::node_tracks;
use crate::timeline::{PodNames, Teller, Track, node_name};
use crate::words::Names;

/// All lanes and counters of a trial.
#[derive(Clone, Debug, Default)]
pub struct Lanes {
    /// By group, in the order they are shown.
    pub groups: Vec<Group>,
    /// Numbers over time.
    pub counters: Vec<Counter>,
}

/// Lanes that belong together: the operations, the nodes of a pool, the pods of a workload.
#[derive(Clone, Debug)]
pub struct Group {
    /// What they are.
    pub name: String,
    /// Name and states of each.
    pub lanes: Vec<(String, Vec<Slice>)>,
}

/// A time in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Which.
    pub state: String,
    /// From, in microseconds.
    pub from: u64,
    /// To, in microseconds.
    pub to: u64,
}

/// A number over time.
#[derive(Clone, Debug)]
pub struct Counter {
    /// What is counted.
    pub name: String,
    /// Microseconds and value, at each change.
    pub points: Vec<(u64, i64)>,
}

impl Lanes {
    /// Reads a log.
    pub fn of(scenario: &Scenario, trace: &Trace, names: &PodNames) -> Lanes {
        let end = trace.outcome.end.0;
        let pods = pods(scenario, trace, names, end);
        let mut groups = vec![acting(scenario, trace, end)];
        groups.extend(nodes(scenario, trace, end));
        let counters = counters(scenario, names, &pods);
        groups.extend(by_workload(scenario, names, pods, end));
        groups.retain(|group| !group.lanes.is_empty());
        Lanes { groups, counters }
    }
}

/// Operations, and outages of watched workloads.
fn acting(scenario: &Scenario, trace: &Trace, end: u64) -> Group {
    let names = Names { cluster: &scenario.cluster };
    let teller = Teller { scenario, names, trace };
    let mut lanes: BTreeMap<(u8, u32), (String, Track<String>)> = BTreeMap::new();
    for Entry { at, what } in &trace.log {
        let (key, name, state) = match *what {
            Incident::OperationStarted { operation } => {
                ((0, operation), format!("operation: {}", teller.operation(operation)), Some("under way".to_owned()))
            }
            Incident::OperationEnded { operation, .. } => ((0, operation), String::new(), None),
            Incident::OutageBegan { workload, up } => {
                ((1, workload.0), format!("out: {}", names.workload(workload)), Some(format!("out, {up} up")))
            }
            Incident::OutageEnded { workload, .. } => ((1, workload.0), String::new(), None),
            _ => continue,
        };
        lanes.entry(key).or_insert_with(|| (name, Track::absent())).1.turn(at.0, state);
    }
    let lanes = lanes.into_values().map(|(name, track)| (name, slices(track.stays(end), |s| s)));
    Group { name: "operations and outages".into(), lanes: lanes.collect() }
}

/// The nodes of each pool that change their state.
fn nodes(scenario: &Scenario, trace: &Trace, end: u64) -> Vec<Group> {
    let spec = &scenario.cluster;
    let tracks = node_tracks(scenario, trace);
    let mut groups: BTreeMap<u32, Group> = BTreeMap::new();
    for (i, track) in tracks.iter().map(|t| &t.states).enumerate().filter(|(_, t)| t.changes() > 0) {
        let Some(pool) = trace.nodes.get(i).map(|n| n.pool) else { continue };
        let name = spec.pools.get(pool).map_or("", |p| p.name.as_str());
        let group = || Group { name: format!("nodes of pool {name}"), lanes: Vec::new() };
        let lane = (node_name(trace, NodeId::from_index(i)), slices(track.stays(end), |s| s.name().to_owned()));
        groups.entry(pool.0).or_insert_with(group).lanes.push(lane);
    }
    groups.into_values().collect()
}

/// Where a pod is in its life, as far as a log tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Waiting,
    Starting,
    Ready,
    Restarting,
    OnDeadNode,
    Stopping,
}

impl Life {
    fn name(self) -> &'static str {
        match self {
            Life::Waiting => "waits for a node",
            Life::Starting => "starting",
            Life::Ready => "ready",
            Life::Restarting => "killed, restarts",
            Life::OnDeadNode => "node down",
            Life::Stopping => "stopping",
        }
    }
}

fn pods(scenario: &Scenario, trace: &Trace, names: &PodNames, end: u64) -> Vec<Track<Life>> {
    let mut tracks: Vec<Track<Life>> = Vec::with_capacity(names.len());
    let mut homes: Vec<Option<NodeId>> = Vec::with_capacity(names.len());
    for pod in &scenario.cluster.pods {
        let life = match (pod.node, pod.ready) {
            (None, _) => Life::Waiting,
            (Some(_), false) => Life::Starting,
            (Some(_), true) => Life::Ready,
        };
        tracks.push(Track::beginning(life));
        homes.push(pod.node);
    }
    tracks.resize_with(names.len(), Track::absent);
    homes.resize(names.len(), None);
    for (line, entry) in trace.log.iter().enumerate().filter(|(_, e)| e.at.0 <= end) {
        if let Incident::NodeDied { node } = entry.what {
            for (track, _) in tracks.iter_mut().zip(&homes).filter(|(_, home)| **home == Some(node)) {
                if matches!(track.now(), Some(Life::Starting | Life::Ready)) {
                    track.turn(entry.at.0, Some(Life::OnDeadNode));
                }
            }
        }
        let Some(pod) = names.at(line) else { continue };
        let next = match entry.what {
            Incident::PodCreated { .. } => Some(Life::Waiting),
            Incident::PodBound { node, .. } => {
                homes[pod] = Some(node);
                Some(Life::Starting)
            }
            Incident::PodReady { .. } => Some(Life::Ready),
            Incident::ContainerKilled { .. } => Some(Life::Restarting),
            Incident::PodStopping { .. } => Some(Life::Stopping),
            Incident::PodGone { .. } => None,
            _ => continue,
        };
        tracks[pod].turn(entry.at.0, next);
    }
    tracks
}

/// Pods that change their state, by workload: watched ones first.
fn by_workload(scenario: &Scenario, names: &PodNames, pods: Vec<Track<Life>>, end: u64) -> Vec<Group> {
    let spec = &scenario.cluster;
    let mut groups: BTreeMap<(bool, WorkloadId), Group> = BTreeMap::new();
    for (pod, track) in pods.iter().enumerate().filter(|(_, track)| track.changes() > 0) {
        let Some(id) = names.workload(pod) else { continue };
        let unwatched = spec.workloads.get(id).is_none_or(|w| w.minimum.is_none());
        let group = || Group { name: format!("pods of {}", Names { cluster: spec }.workload(id)), lanes: Vec::new() };
        let lane = (names.name(pod).to_owned(), slices(track.stays(end), |s| s.name().to_owned()));
        groups.entry((unwatched, id)).or_insert_with(group).lanes.push(lane);
    }
    groups.into_values().collect()
}

/// Pods that serve, of each watched workload, and pods that wait for a node.
fn counters(scenario: &Scenario, names: &PodNames, pods: &[Track<Life>]) -> Vec<Counter> {
    let count = |name: String, of: &dyn Fn(usize) -> bool, life: Life| {
        let mut steps: BTreeMap<u64, i64> = BTreeMap::from([(0, 0)]);
        for (_, track) in pods.iter().enumerate().filter(|(pod, _)| of(*pod)) {
            let mut within = false;
            for (at, now) in &track.turns {
                let is = *now == Some(life);
                *steps.entry(*at).or_default() += i64::from(is) - i64::from(within);
                within = is;
            }
        }
        let mut sum = 0;
        let mut points: Vec<(u64, i64)> = Vec::new();
        for (at, step) in steps {
            sum += step;
            if points.last().is_none_or(|(_, last)| *last != sum) {
                points.push((at, sum));
            }
        }
        Counter { name, points }
    };
    let watched = scenario.watched().into_iter().map(|id| {
        let name = format!("{} serving", Names { cluster: &scenario.cluster }.workload(id));
        count(name, &|pod| names.workload(pod) == Some(id), Life::Ready)
    });
    let waiting = count("pods without a node".into(), &|_| true, Life::Waiting);
    watched.chain([waiting]).collect()
}

fn slices<S>(stays: Vec<(S, u64, u64)>, name: impl Fn(S) -> String) -> Vec<Slice> {
    stays.into_iter().map(|(state, from, to)| Slice { state: name(state), from, to }).collect()
}
