//! Operations that put other machines in place of a pool's: resize in place, Terraform's rotation, new certificates.

use simulator::change::{DrainSettings, Operation as Simulated, Planned, Replacement, UpgradeSettings};
use simulator::spec::{NodeShape, Quantity};
use simulator::{Duration, PoolId};

use super::{Planner, RESIZED, SUCCESSOR, TEMPORARY};
use crate::change::{PoolFields, UpgradeFields};
use crate::complaint::Complaint;
use crate::load::upgrade::{self, Asked};
use crate::load::{horizon, later, pool as fields};
use crate::snapshot::AgentPool;

/// Labels that carry the name of a node's pool.
const POOL_LABELS: [&str; 2] = ["agentpool", "kubernetes.azure.com/agentpool"];

impl Planner<'_> {
    /// AKS' own resize of a scale set (preview, API 2026-01-02): the pipeline of an upgrade, with machines of the other size
    /// (AKS docs, resize-node-pool). AKS answers 400 where maxSurge is 0.
    pub(super) fn resize(&mut self, pool: &AgentPool, id: PoolId) {
        let Some(&larger) = self.interned.pools.get(&format!("{}{RESIZED}", pool.name)) else {
            return;
        };
        self.coverage.assume(
            "resizing a pool in place",
            "as an upgrade with surge nodes of the new size; emptied machines are deleted and made anew",
            "AKS docs, resize-node-pool (preview, API 2026-01-02)",
            'A',
        );
        let asked = Asked { version: None, settings: &UpgradeFields::default(), force: false, rolling: true };
        match upgrade::operation(id, pool, &asked, self.full, self.interned, self.coverage) {
            Ok(Simulated::Upgrade { how, .. }) => {
                let large = &self.interned.spec.pools[larger];
                let price = large.usd_per_hour;
                let model = self.interned.spec.node_shapes[large.templates[0]].clone();
                let shapes = self.interned.reshaped(id, |shape| sized(shape, &model));
                // Surge nodes are of the new size: its family's quota counts, and its price.
                let own = &mut self.interned.spec.pools.rows_mut()[id.0 as usize];
                own.usd_per_hour = price;
                let how = UpgradeSettings { shapes, draws_as: Some(larger), replacement: Replacement::Recreate, ..how };
                self.at_once(Simulated::Upgrade { pool: id, how });
            }
            Ok(_) => {}
            Err(found) => self.complain_once(found),
        }
    }

    /// New certificates: every node of the cluster is made anew at once, without a drain; up to 30 minutes of downtime are
    /// announced (AKS docs, rotate-certificates, 2026-07-13).
    pub(super) fn certificates(&mut self, id: PoolId) {
        self.coverage.assume(
            "rotation of certificates",
            "all nodes of all pools are deleted and made anew together, without a drain",
            "AKS docs, rotate-certificates: recreates all nodes, scale sets and disks, up to 30 minutes of downtime; the order is not documented",
            'B',
        );
        self.coverage.missing("the control plane's own downtime during a rotation of certificates is not simulated");
        let drain = DrainSettings { evict: false, ..super::drain(false, Duration::ZERO) };
        let how = UpgradeSettings {
            max_surge: Quantity::Count(0),
            max_unavailable: Quantity::Percent(100),
            drain,
            replacement: Replacement::Recreate,
            ..UpgradeSettings::one_by_one(drain)
        };
        self.at_once(Simulated::Upgrade { pool: id, how });
    }

    pub(super) fn complain_once(&mut self, found: Vec<Complaint>) {
        // Pools of one cluster may all have the same strategy: once is enough.
        let new: Vec<_> = found.into_iter().filter(|c| !self.complaints.contains(c)).collect();
        self.complaints.extend(new);
    }

    /// Terraform's cycling of a pool: make a temporary one, delete the old, make the new, delete the temporary one.
    pub(super) fn rotate(&mut self, pool: &AgentPool, id: PoolId, desired: &PoolFields) {
        let count = desired.count.unwrap_or(pool.count);
        let of = |suffix: &str| self.interned.pools.get(&format!("{}{suffix}", pool.name)).copied();
        let (Some(temporary), Some(successor)) = (of(TEMPORARY), of(SUCCESSOR)) else {
            return;
        };
        self.coverage.assume(
            "replacing a pool",
            "temporary pool, delete the old, make the new, delete the temporary; each step starts when the one before is as good as done",
            "terraform-provider-azurerm: temporary_name_for_rotation",
            'A',
        );
        // It has the old pool's name again, and so the labels that nodes carry it in.
        self.interned.spec.pools.rows_mut()[successor.0 as usize].templates = {
            let named = self.interned.reshaped(successor, |shape| name_after(shape, &pool.name));
            named.into_iter().map(|(_, to)| to).collect()
        };
        let drain = self.platform_drain(true);
        let steps = [
            Simulated::Scale { pool: temporary, count, drain },
            Simulated::DeletePool { pool: id, drain },
            Simulated::Scale { pool: successor, count, drain },
            Simulated::DeletePool { pool: temporary, drain },
        ];
        let mut after = Duration::ZERO;
        for operation in steps {
            let takes = match &operation {
                // Nothing leaves a pool that grows.
                Simulated::Scale { pool, .. } => horizon::made(*pool, &self.interned.spec),
                other => horizon::expected(other, &self.interned.spec),
            };
            let made = matches!(&operation, Simulated::Scale { pool, .. } if *pool == successor);
            self.planned.push(Planned::new(later(after), operation));
            if made {
                self.autoscaled(successor, &fields::written(pool, desired), later(after));
            }
            after += takes;
        }
    }
}

fn name_after(shape: &mut NodeShape, pool: &str) {
    for label in POOL_LABELS {
        if let Some(name) = shape.labels.get_mut(label) {
            pool.clone_into(name);
        }
    }
}

/// What a machine of another size has of its size.
fn sized(shape: &mut NodeShape, model: &NodeShape) {
    shape.allocatable = model.allocatable;
    shape.cores = model.cores;
    let of_size = |key: &str| key.contains("instance-type") || key.contains("sku-") || key.ends_with("/accelerator");
    shape.labels.retain(|key, _| !of_size(key));
    shape.labels.extend(model.labels.iter().filter(|(key, _)| of_size(key)).map(|(k, v)| (k.clone(), v.clone())));
}
