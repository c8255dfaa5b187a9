//! Rare events that a trial is told beforehand, because it belongs to a stratum (`strata`): their number is given, whom they
//! hit and when is drawn. Given the number of events of Poisson processes, each is any of them by its rate, at any time.

use crate::NodeId;
use crate::event::{Event, Shock, Trouble};
use crate::outcome::Drawn;
use crate::random::{Process, entity_key};
use crate::sim::Sim;
use crate::strata::Source;
use crate::time::{Duration, Time};

/// The rare events of a trial.
#[derive(Clone, Debug, Default)]
pub(crate) struct Foretold {
    /// They are foretold: nothing else of the kind comes to the start cluster.
    active: bool,
    events: Vec<(Time, Source, u32)>,
}

impl Sim<'_> {
    /// Draws the rare events of a trial of a stratum and queues them; rates that are not known well are drawn as futures with
    /// so many events have them.
    pub(crate) fn foretell(&mut self, seed: u64, trial: u32) {
        self.drawn = Drawn::default();
        self.foretold.active = false;
        let strata = match &self.source {
            crate::sim::Source::Beliefs { .. } => self.p.strata.as_ref(),
            crate::sim::Source::Point(strata) => strata.as_ref(),
        };
        let Some(strata) = strata else { return };
        let stratum = strata.stratum(trial);
        self.drawn = Drawn { stratum: stratum as u8, weight: strata.probability[stratum], ..Drawn::default() };
        let (streams, name) = (&self.streams, entity_key("rare events"));
        let uniform = |draw: u32| streams.uniform(Process::RareEvent, name, draw);
        let foretold = &mut self.foretold;
        foretold.active = true;
        foretold.events.clear();
        let mut left = strata.number(stratum, || uniform(0));
        for (i, class) in strata.sources.classes().iter().enumerate() {
            let events = strata.sources.share(i, left, || uniform(1 + i as u32));
            left -= events;
            if let Some((knob, prior)) = class.after(events) {
                self.parameters.draw(knob, &prior, seed, trial);
            }
            for _ in 0..events {
                // Each event has two draws of its own behind those that share events out.
                let draw = 16 + 2 * foretold.events.len() as u32;
                let of = ((uniform(draw) * f64::from(class.entities)) as u32).min(class.entities - 1);
                let at = self.p.scenario.horizon.as_secs_f64() * uniform(draw + 1);
                foretold.events.push((Time::ZERO + Duration::from_secs_f64(at), class.source, of));
            }
        }
        // Stable: of two at one instant the first drawn comes first.
        foretold.events.sort_by_key(|(at, _, _)| *at);
        for i in 0..self.foretold.events.len() {
            let (at, source, of) = self.foretold.events[i];
            if !self.on(source.cause()) {
                continue; // it would have come, were it not switched off
            }
            // The n-th event of its source, as if each had been drawn after the one before.
            let n = self.foretold.events[..i].iter().filter(|(_, s, o)| (*s, *o) == (source, of)).count() as u32;
            self.queue.at(at, event(source, of, n));
        }
    }

    /// True where the events of a shared cause are foretold.
    pub(crate) fn shocks_foretold(&self) -> bool {
        self.foretold.active
    }

    /// True where the troubles of a node are foretold: those of nodes that come unforeseen are not.
    pub(crate) fn node_foretold(&self, node: NodeId) -> bool {
        self.foretold.active && self.p.strata.as_ref().is_some_and(|strata| node.0 < strata.nodes)
    }

    /// True where a foretold event comes to a node that is not there, or not yet.
    pub(crate) fn nobody(&self, node: NodeId) -> bool {
        node.0 as usize >= self.cluster.nodes.len()
    }
}

fn event(source: Source, of: u32, n: u32) -> Event {
    let trouble = |trouble| Event::NodeTroubled { node: NodeId(of), trouble, n };
    match source {
        Source::Node => Event::NodeFails { node: NodeId(of), n },
        Source::Fault => trouble(Trouble::Fault),
        Source::Reboot => trouble(Trouble::Reboot),
        Source::Grey => trouble(Trouble::Grey),
        Source::Zone => Event::ZoneFails { zone: of, n },
        Source::Domain => Event::Shock { shock: Shock::Domain, of, n },
        Source::Fleet => Event::Shock { shock: Shock::Fleet, of, n },
    }
}
