//! Causes that several nodes share: a failure that does not come alone, a fault domain, a fault of the whole fleet.
//!
//! Zones are in `node_failure`. All are named by what they come to, and whom they hit by node, so that a plan that adds
//! nodes changes nothing for the others. Nothing can be repaired while a shared cause lasts. Fault domains: nodes of a pool
//! are dealt to those of their zone by ordinal (Azure spreads a scale set over five without zones; in a zone it spreads
//! "max", whose number is not published).

use crate::cluster::node::NodeState;
use crate::event::{Event, Shock};
use crate::parameters::Knob;
use crate::random::distribution::exponential_quantile;
use crate::random::{Process, entity_key, sub_key};
use crate::settings::Cause;
use crate::sim::Sim;
use crate::time::Duration;
use crate::{NodeId, ZoneId};

/// Within this time others share the failure of a node (CALIBRATION: two minutes).
const COMPANY_WITHIN: Duration = Duration::mins(2);

impl Sim<'_> {
    pub(crate) fn start_shocks(&mut self) {
        self.next_shock(Shock::Fleet, 0, 0);
        let domains = self.p.scenario.settings.failures.domains.max(1);
        for of in 0..self.spec.zones.len() as u32 * domains {
            self.next_shock(Shock::Domain, of, 0);
        }
    }

    fn next_shock(&mut self, shock: Shock, of: u32, n: u32) {
        let (process, cause, per_hour) = match shock {
            Shock::Domain => (Process::DomainFailure, Cause::DomainFailure, self.parameters.get(Knob::DomainIncidents)),
            _ => (Process::FleetFault, Cause::FleetFault, self.parameters.get(Knob::FleetFaults)),
        };
        if per_hour > 0.0 && self.on(cause) && !self.shocks_foretold() {
            let u = self.streams.uniform(process, self.shock_key(shock, of), 2 * n);
            let wait = self.rare_wait(u, per_hour);
            self.queue.at(self.now + wait, Event::Shock { shock, of, n });
        }
    }

    fn shock_key(&self, shock: Shock, of: u32) -> u64 {
        let domains = self.p.scenario.settings.failures.domains.max(1);
        match shock {
            Shock::Domain => sub_key(entity_key(&self.spec.zones[ZoneId(of / domains)]), u64::from(of % domains)),
            _ => entity_key("fleet"),
        }
    }

    pub(crate) fn shock(&mut self, shock: Shock, of: u32, n: u32) {
        self.next_shock(shock, of, n + 1);
        let failures = &self.p.scenario.settings.failures;
        let key = self.shock_key(shock, of);
        if shock == Shock::Domain {
            let down = self.draw(&failures.domain_down, Process::DomainFailure, key, 2 * n + 1);
            let domains = failures.domains.max(1);
            self.nodes_die(down, |sim, node| {
                sim.zone_of(node).0 == of / domains && sim.cluster.nodes[node].ordinal % domains == of % domains
            });
            return;
        }
        let (low, high) = failures.fleet_share;
        let share = low + (high - low) * self.streams.uniform(Process::FleetFault, key, 2 * n + 1);
        for node in self.cluster.nodes.ids() {
            let row = &self.cluster.nodes[node];
            let u = |i| self.streams.uniform(Process::FleetFault, row.key, 3 * n + i);
            if row.state != NodeState::Gone && u(0) < share {
                let after = Duration::from_secs_f64(failures.fleet_within.as_secs_f64() * u(1));
                self.queue.at(self.now + after, Event::NodeHit { node, shock, n });
            }
        }
    }

    /// With some probability others of the pool fail soon after a node.
    pub(crate) fn in_company(&mut self, node: NodeId, n: u32) {
        let failures = &self.p.scenario.settings.failures;
        let row = self.cluster.nodes[node];
        let u = |draw| self.streams.uniform(Process::Company, row.key, 2 * n + draw);
        if !self.on(Cause::FailureCompany) || u(0) >= self.parameters.get(Knob::Company) {
            return;
        }
        // Geometric: one, and `company_more` beyond it on average.
        let again = failures.company_more / (1.0 + failures.company_more);
        let more = if again > 0.0 { exponential_quantile(u(1)) / -libm::log(again) } else { 0.0 };
        let number = 1 + more as usize;
        let fate =
            |other: NodeId| self.streams.uniform(Process::Company, sub_key(row.key, self.cluster.nodes[other].key), n);
        let mut others: Vec<(f64, NodeId)> =
            self.cluster.nodes_of(row.pool).filter(|o| *o != node).map(|o| (fate(o), o)).collect();
        others.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        for (_, other) in others.into_iter().take(number) {
            let when = self.streams.uniform(Process::Company, sub_key(self.cluster.nodes[other].key, row.key), n);
            let after = Duration::from_secs_f64(COMPANY_WITHIN.as_secs_f64() * when);
            self.queue.at(self.now + after, Event::NodeHit { node: other, shock: Shock::Company, n });
        }
    }

    pub(crate) fn node_hit(&mut self, node: NodeId, shock: Shock, n: u32) {
        let failures = &self.p.scenario.settings.failures;
        let row = self.cluster.nodes[node];
        if shock == Shock::Fleet {
            let down = self.draw(&failures.fleet_down, Process::FleetFault, row.key, 3 * n + 2);
            self.node_dies_for(node, down);
        } else {
            let down = self.draw(&failures.down, Process::Company, row.key, 1_000_000 + row.failures);
            if self.node_dies(node) {
                self.crew_wanted(node, down);
            }
        }
    }
}
