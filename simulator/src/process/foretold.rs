//! Rare events that a trial is told beforehand, because it belongs to a stratum (`strata`): their number is given, whom they
//! hit and when is drawn. Given the number of events of Poisson processes, each is any of them by its rate, at any time.

use crate::NodeId;
use crate::event::{Event, Shock, Trouble};
use crate::outcome::Drawn;
use crate::random::{Process, entity_key};
use crate::sim::Sim;
use crate::strata::{self, Source, Sources};
use crate::time::Time;

/// The rare events of a trial.
#[derive(Clone, Debug, Default)]
pub(crate) struct Foretold {
    /// They are foretold: nothing else of the kind comes to the start cluster.
    active: bool,
    events: Vec<(Time, Source, u32)>,
}

impl Sim<'_> {
    /// Draws the rare events of a trial of a stratum and queues them.
    pub(crate) fn foretell(&mut self, trial: u32) {
        self.drawn = Drawn::default();
        self.foretold.active = false;
        let Some(strata) = &self.p.strata else { return };
        let scenario = self.p.scenario;
        let stratum = strata.stratum(trial);
        let sources = Sources::of(scenario, &scenario.settings);
        let mean = sources.mean(scenario);
        self.drawn = Drawn { stratum: stratum as u8, weight: strata::probabilities(mean)[stratum], ..Drawn::default() };
        let name = entity_key("rare events");
        let streams = &self.streams;
        let number = strata::number(stratum, mean, || streams.uniform(Process::RareEvent, name, 0));
        let foretold = &mut self.foretold;
        foretold.active = true;
        foretold.events.clear();
        foretold.events.extend((0..number).map(|i| {
            let (source, of) = sources.pick(streams.uniform(Process::RareEvent, name, 2 * i + 1));
            let at = scenario.horizon.as_secs_f64() * streams.uniform(Process::RareEvent, name, 2 * i + 2);
            (Time::ZERO + crate::time::Duration::from_secs_f64(at), source, of)
        }));
        // Stable: of two at one instant the first drawn comes first.
        foretold.events.sort_by_key(|(at, _, _)| *at);
        for i in 0..foretold.events.len() {
            let (at, source, of) = foretold.events[i];
            // The n-th event of its source, as if each had been drawn after the one before.
            let n = foretold.events[..i].iter().filter(|(_, s, o)| (*s, *o) == (source, of)).count() as u32;
            self.queue.at(at, event(source, of, n));
        }
    }

    /// True where the events of a shared cause are foretold.
    pub(crate) fn shocks_foretold(&self) -> bool {
        self.foretold.active
    }

    /// True where the troubles of a node are foretold: those of nodes that a plan adds are not.
    pub(crate) fn node_foretold(&self, node: NodeId) -> bool {
        self.foretold.active && node.0 < self.spec.nodes.len() as u32
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
