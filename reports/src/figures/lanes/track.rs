//! The states of one node while the log is read.

use simulator::NodeId;
use simulator::outcome::Incident;

use super::State;
use crate::timeline::Track;

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
pub struct NodeTrack {
    /// Its states.
    pub states: Track<State>,
    cordoned: bool,
}

impl NodeTrack {
    /// Of a node that does not exist yet.
    pub fn absent() -> NodeTrack {
        NodeTrack { states: Track::absent(), cordoned: false }
    }

    /// Of a node that is there from the beginning.
    pub fn existing(cordoned: bool, ready: bool) -> NodeTrack {
        let state = match (ready, cordoned) {
            (false, _) => State::NotReady,
            (true, true) => State::Cordoned,
            (true, false) => State::Ready,
        };
        NodeTrack { states: Track::beginning(state), cordoned }
    }

    /// Takes note of what is done to it, at a time in microseconds.
    pub fn step(&mut self, at: u64, step: Step) {
        let now = self.states.now().copied();
        let running = if self.cordoned { State::Cordoned } else { State::Ready };
        let next = match step {
            Step::Becomes(State::Draining) => {
                self.cordoned = true;
                Some(State::Draining)
            }
            Step::Becomes(State::Cordoned) => {
                self.cordoned = true;
                // A drain that ends while the node is down leaves it down.
                if now == Some(State::NotReady) { now } else { Some(State::Cordoned) }
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
                if now == Some(State::Ready) { Some(State::Cordoned) } else { now }
            }
            Step::Uncordon => {
                self.cordoned = false;
                if matches!(now, Some(State::Cordoned | State::Draining)) { Some(State::Ready) } else { now }
            }
            Step::Gone => None,
        };
        self.states.turn(at, next);
    }
}
