//! Spot nodes that the platform takes back.
//!
//! Pressure on a VM size is one level for each window, beta distributed; under it every node of that size has the same
//! constant hazard (validation family 23). Thirty seconds before, Azure announces `Preempt` (Scheduled Events); AKS
//! cordons and drains the node as far as that time allows (docs node-auto-drain). Then the machine is deleted, or, where
//! the pool says so, only deallocated: the node stays registered, NotReady (docs spot-node-pool).
//! A node that an operation is working on goes when that has finished with it [inferred].

use crate::change::{DrainSettings, Undrainable};
use crate::cluster::node::NodeState;
use crate::event::Event;
use crate::outcome::Incident;
use crate::parameters::Knob;
use crate::random::beta::{beta_quantile_log_odds, softplus};
use crate::random::distribution::exponential_quantile;
use crate::random::{Process, entity_key};
use crate::settings::Cause;
use crate::sim::Sim;
use crate::spec::SpotPolicy;
use crate::time::{Duration, Time};
use crate::{NodeId, PoolId};

/// Label that names the VM size of a node.
const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";
/// When a node that an operation holds is looked at again.
const LATER: Duration = Duration::secs(30);

/// Pressure on the spot capacity behind a pool.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pressure {
    /// Expected evictions of one node until the end of a whole window.
    hazard: f64,
    until: Time,
    window: u32,
}

impl Sim<'_> {
    pub(crate) fn start_spot(&mut self) {
        self.spot.clear();
        let spot = self.p.scenario.settings.spot;
        let hourly = self.parameters.get(Knob::SpotEvictions);
        if hourly <= 0.0 || spot.window.is_zero() || !self.on(Cause::SpotEviction) {
            return;
        }
        for pool in self.spec.pools.ids() {
            self.spot.push(Pressure::default());
            if self.spec.pools[pool].spot.is_some() {
                self.spot_window(pool, 0);
            }
        }
    }

    /// A new level of pressure on a pool.
    pub(crate) fn spot_window(&mut self, pool: PoolId, window: u32) {
        let spot = self.p.scenario.settings.spot;
        let hourly = self.parameters.get(Knob::SpotEvictions);
        let within = -libm::expm1(spot.window.as_secs_f64() / 3600.0 * libm::log1p(-hourly.min(1.0 - 1e-12)));
        let u = self.streams.uniform(Process::SpotPressure, self.spot_market(pool), window);
        let until = self.now + spot.window;
        self.spot[pool.0 as usize] = Pressure { hazard: hazard(u, within, spot.correlation), until, window };
        for node in self.cluster.nodes.ids() {
            if self.cluster.nodes[node].pool == pool {
                self.spot_node(node);
            }
        }
        self.queue.at(until, Event::SpotWindow { pool, n: window + 1 });
    }

    /// Nodes of one VM size compete for the same capacity.
    fn spot_market(&self, pool: PoolId) -> u64 {
        let spec = &self.spec.pools[pool];
        let size = spec.templates.first().and_then(|&t| self.spec.node_shapes[t].labels.get(INSTANCE_TYPE));
        entity_key(size.unwrap_or(&spec.name))
    }

    /// Draws whether a node is evicted before the end of the window in progress.
    pub(crate) fn spot_node(&mut self, node: NodeId) {
        let row = &self.cluster.nodes[node];
        let Some(&Pressure { hazard, until, window }) = self.spot.get(row.pool.0 as usize) else { return };
        let settled =
            self.cluster.health[node].reclaimed != Time::NEVER || row.state == NodeState::Joining || row.is_away();
        if hazard <= 0.0 || settled {
            return;
        }
        let spot = &self.p.scenario.settings.spot;
        let wait = exponential_quantile(self.streams.uniform(Process::SpotEviction, row.key, window)) / hazard;
        let at = self.now + Duration::from_secs_f64((wait * spot.window.as_secs_f64()).min(1e12));
        if at <= until {
            let notice = Time(at.0.saturating_sub(spot.notice.0)).max(self.now);
            self.cluster.health[node].reclaimed = at;
            self.queue.at(notice, Event::SpotNotice { node });
        }
    }

    /// A scripted eviction begins with its notice.
    pub(crate) fn spot_announced(&mut self, node: NodeId) {
        self.cluster.health[node].reclaimed = self.now + self.p.scenario.settings.spot.notice;
        self.spot_notice(node);
    }

    /// The platform announces that it takes a node back.
    pub(crate) fn spot_notice(&mut self, node: NodeId) {
        let row = &self.cluster.nodes[node];
        let reclaimed = self.cluster.health[node].reclaimed.max(self.now);
        if row.is_away() || !self.node_is_lost(node) {
            return;
        }
        self.queue.at(reclaimed, Event::SpotReclaims { node });
        let row = &self.cluster.nodes[node];
        let spot = self.p.scenario.settings.spot;
        if spot.drain && row.state == NodeState::Ready && row.drain.is_none() && row.owner.is_none() {
            self.autoscaler_lets_go(node);
            // What has not left by then dies with the machine.
            let drain = DrainSettings {
                evict: true,
                respect_budgets: true,
                forced_until: None,
                timeout: reclaimed.since(self.now),
                undrainable: Undrainable::Force,
            };
            self.start_drain(None, node, drain);
        }
    }

    /// The machine is taken back.
    pub(crate) fn spot_reclaims(&mut self, node: NodeId) {
        let row = self.cluster.nodes[node];
        if row.is_away() {
            return;
        }
        if row.owner.is_some() {
            self.queue.at(self.now + LATER, Event::SpotReclaims { node });
            return;
        }
        self.counts.spot_evictions += 1;
        self.tell(Incident::NodeReclaimed { node });
        match self.spec.pools[row.pool].spot {
            Some(SpotPolicy::Deallocate) => {
                self.node_dies(node);
            }
            _ => self.delete_node(node),
        }
    }
}

/// Expected evictions of one node in a window, at the `u`-quantile of pressure: a beta distribution around `mean`.
fn hazard(u: f64, mean: f64, correlation: f64) -> f64 {
    if correlation <= 0.0 {
        return -libm::log1p(-mean);
    }
    if correlation >= 1.0 {
        return if u > 1.0 - mean { 1e9 } else { 0.0 };
    }
    let weight = 1.0 / correlation - 1.0;
    softplus(beta_quantile_log_odds(u, mean * weight, (1.0 - mean) * weight))
}
