//! The states of the nodes of one trial over time, from its log.

use simulator::{Id, NodeId, Scenario, Time, Trace};

mod track;

pub use track::{NodeTrack, step};

/// Most nodes drawn.
const MOST: usize = 40;

/// State of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Ready and schedulable.
    Ready,
    /// Ready, takes no new pods.
    Cordoned,
    /// Being emptied.
    Draining,
    /// Being replaced in place.
    Reimaging,
    /// Asked for, not there yet.
    Joining,
    /// Down, or not answering.
    NotReady,
}

impl State {
    /// Every state with its name.
    pub const ALL: [(State, &'static str); 6] = [
        (State::Ready, "ready"),
        (State::Cordoned, "cordoned"),
        (State::Draining, "draining"),
        (State::Reimaging, "reimaging"),
        (State::Joining, "joining"),
        (State::NotReady, "not ready"),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        State::ALL[self as usize].1
    }

    /// True where pods can run on the node.
    pub fn serves(self) -> bool {
        matches!(self, State::Ready | State::Cordoned | State::Draining)
    }
}

/// A time in one state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stay {
    /// Which.
    pub state: State,
    /// From, minutes.
    pub from: f64,
    /// To, minutes.
    pub to: f64,
}

/// One node.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    /// Its name.
    pub name: String,
    /// Its pool.
    pub pool: String,
    /// What it went through, in order; ends where it is gone.
    pub stays: Vec<Stay>,
}

/// The nodes of one trial that change their state.
#[derive(Clone, Debug, PartialEq)]
pub struct Lanes {
    /// Index of the trial.
    pub trial: u32,
    /// The nodes.
    pub lanes: Vec<Lane>,
    /// Nodes that stay ready all the time, or are too many to draw.
    pub not_drawn: usize,
    /// Beginning and end of what is drawn, minutes.
    pub window: (f64, f64),
    /// Most nodes that could run no pods at one time, of those that existed at the start.
    pub most_away: usize,
    /// Nodes at the start.
    pub nodes: usize,
}

impl Lanes {
    /// Reads the log; `None` where no node changes its state.
    pub fn of(scenario: &Scenario, trial: u32, trace: &Trace) -> Option<Lanes> {
        let end = trace.outcome.end;
        let tracks = node_tracks(scenario, trace);
        let drawn: Vec<usize> = (0..tracks.len()).filter(|i| tracks[*i].states.changes() > 0).collect();
        let (first, last) = span(&tracks)?;
        let nodes = scenario.cluster.nodes.len();
        let lanes: Vec<Lane> = drawn
            .iter()
            .take(MOST)
            .map(|i| Lane {
                name: super::super::timeline::node_name(trace, NodeId::from_index(*i)),
                pool: pool(scenario, trace, *i),
                stays: stays(&tracks[*i], end.0),
            })
            .collect();
        let margin = ((last - first) * 0.04).max(1.0);
        Some(Lanes {
            trial,
            not_drawn: tracks.len() - lanes.len(),
            lanes,
            window: ((first - margin).max(0.0), (last + margin).min(minutes(end.0))),
            most_away: most_away(&tracks[..nodes.min(tracks.len())], end.0),
            nodes,
        })
    }
}

fn pool(scenario: &Scenario, trace: &Trace, index: usize) -> String {
    let existing = scenario.cluster.nodes.rows().get(index).map(|n| n.pool);
    let pool = existing.or_else(|| trace.nodes.get(index).map(|n| n.pool));
    pool.and_then(|p| scenario.cluster.pools.get(p)).map(|p| p.name.clone()).unwrap_or_default()
}

/// The states of every node that ever exists, by its id.
pub fn node_tracks(scenario: &Scenario, trace: &Trace) -> Vec<NodeTrack> {
    let existing = |(_, n): (NodeId, &simulator::spec::NodeSpec)| NodeTrack::existing(n.cordoned, n.ready);
    let mut tracks: Vec<NodeTrack> = scenario.cluster.nodes.iter().map(existing).collect();
    tracks.resize_with(trace.nodes.len().max(tracks.len()), NodeTrack::absent);
    for entry in &trace.log {
        if let Some((node, step)) = step(entry.what)
            && let Some(track) = tracks.get_mut(node.index())
        {
            track.step(entry.at.0, step);
        }
    }
    tracks
}

fn stays(track: &NodeTrack, end: u64) -> Vec<Stay> {
    let stay = |(state, from, to)| Stay { state, from: minutes(from), to: minutes(to) };
    track.states.stays(end).into_iter().map(stay).collect()
}

fn minutes(micros: u64) -> f64 {
    Time(micros).as_secs_f64() / 60.0
}

/// First and last change of any node.
fn span(tracks: &[NodeTrack]) -> Option<(f64, f64)> {
    let at = || tracks.iter().flat_map(|t| t.states.turns.iter().map(|(at, _)| *at)).filter(|at| *at > 0);
    Some((minutes(at().min()?), minutes(at().max()?)))
}

/// Most tracks that cannot run pods at one time.
fn most_away(tracks: &[NodeTrack], end: u64) -> usize {
    let stays: Vec<Vec<(State, u64, u64)>> = tracks.iter().map(|t| t.states.stays(end)).collect();
    let mut instants: Vec<u64> = tracks.iter().flat_map(|t| t.states.turns.iter().map(|(at, _)| *at)).collect();
    instants.sort_unstable();
    instants.dedup();
    let serving = |at: u64| {
        stays.iter().filter(|s| s.iter().any(|(state, from, to)| state.serves() && *from <= at && at < *to)).count()
    };
    instants.into_iter().filter(|at| *at < end).map(|at| tracks.len() - serving(at)).max().unwrap_or(0)
}
