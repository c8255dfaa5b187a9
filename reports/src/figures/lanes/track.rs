//! The states of one node while the log is read.

use simulator::NodeId;
use simulator::outcome::Incident;

use super::{State, Stay};

/// What an event does to its node.
#[derive(Clone, Copy)]
pub enum Step {
    Becomes(State),
    Ready,
    Cordon,
    Uncordon,
    Gone,
}

/// The node an event concerns and what it does to it; `None` for events of pods and loads.
pub fn step(what: Incident) -> Option<(NodeId, Step)> {
    Some(match what {
        Incident::NodeRequested { node, .. } => (node, Step::Becomes(State::Joining)),
        Incident::NodeReady { node } => (node, Step::Ready),
        Incident::NodeCordoned { node } => (node, Step::Cordon),
        Incident::NodeUncordoned { node } => (node, Step::Uncordon),
        Incident::NodeDrainStarted { node } => (node, Step::Becomes(State::Draining)),
        Incident::NodeDrained { node } | Incident::NodeDrainTimedOut { node, .. } => {
            (node, Step::Becomes(State::Cordoned))
        }
        Incident::NodeReimaging { node } => (node, Step::Becomes(State::Reimaging)),
        Incident::NodeDied { node }
        | Incident::NodeNotReady { node }
        | Incident::NodeReclaimed { node }
        | Incident::NodeRepairStarted { node, .. } => (node, Step::Becomes(State::NotReady)),
        Incident::NodeDeleted { node } | Incident::NodeDeallocated { node } => (node, Step::Gone),
        _ => return None,
    })
}

/// One node while the log is read.
#[derive(Default)]
pub struct Track {
    /// Changes of state; `None` while it does not exist.
    pub turns: Vec<(f64, Option<State>)>,
    cordoned: bool,
}

impl Track {
    pub fn existing(cordoned: bool, ready: bool) -> Track {
        let state = match (ready, cordoned) {
            (false, _) => State::NotReady,
            (true, true) => State::Cordoned,
            (true, false) => State::Ready,
        };
        Track { turns: vec![(0.0, Some(state))], cordoned }
    }

    pub fn now(&self) -> Option<State> {
        self.turns.last().and_then(|(_, state)| *state)
    }

    pub fn step(&mut self, at: f64, step: Step) {
        let running = if self.cordoned { State::Cordoned } else { State::Ready };
        let next = match step {
            Step::Becomes(State::Draining) => {
                self.cordoned = true;
                Some(State::Draining)
            }
            Step::Becomes(State::Cordoned) => {
                self.cordoned = true;
                // A drain that ends while the node is down leaves it down.
                if self.now() == Some(State::NotReady) { self.now() } else { Some(State::Cordoned) }
            }
            // A reimaged node comes back schedulable.
            Step::Becomes(State::Reimaging) => {
                self.cordoned = false;
                Some(State::Reimaging)
            }
            Step::Becomes(state) => Some(state),
            Step::Ready => Some(running),
            Step::Cordon => {
                self.cordoned = true;
                if self.now() == Some(State::Ready) { Some(State::Cordoned) } else { self.now() }
            }
            Step::Uncordon => {
                self.cordoned = false;
                if matches!(self.now(), Some(State::Cordoned | State::Draining)) {
                    Some(State::Ready)
                } else {
                    self.now()
                }
            }
            Step::Gone => None,
        };
        if self.turns.is_empty() || self.now() != next {
            self.turns.push((at, next));
        }
    }

    pub fn changes(&self) -> usize {
        self.turns.iter().filter(|(at, _)| *at > 0.0).count()
    }

    pub fn stays(&self, horizon: f64) -> Vec<Stay> {
        let ends = self.turns.iter().skip(1).map(|(at, _)| *at).chain([horizon]);
        self.turns
            .iter()
            .zip(ends)
            .filter_map(|((from, state), to)| state.map(|state| Stay { state, from: *from, to }))
            .filter(|s| s.to > s.from)
            .collect()
    }
}
