//! Happenings of a recording, names resolved against a cluster.

use simulator::scenario::{Decay, Happening, Scripted, Whom};
use simulator::spec::ClusterSpec;
use simulator::{NodeId, PoolId, Time, WorkloadId, ZoneId};

use super::{NamedHappening, NamedWhom, Recording, TimedHappening};
use crate::complaint::{Complaint, Complaints};

impl Recording {
    /// The happenings as the simulator runs them, in order of time.
    ///
    /// # Errors
    /// Every node, zone, pool and workload that the cluster does not have.
    pub fn resolve_script(&self, cluster: &ClusterSpec) -> Result<Vec<Scripted>, Complaints> {
        let (mut script, mut complaints) = (Vec::new(), Vec::new());
        for happening in &self.happenings {
            match resolve(happening, cluster) {
                Ok(what) => script.push(Scripted { at: Time::ZERO + happening.at, what }),
                Err(mut found) => complaints.append(&mut found),
            }
        }
        if complaints.is_empty() { Ok(script) } else { Err(Complaints::first_of(complaints)) }
    }
}

fn resolve(happening: &TimedHappening, cluster: &ClusterSpec) -> Result<Happening, Vec<Complaint>> {
    let at = |key: &str, name: &str, expected: String| {
        vec![Complaint::at(format!("{}.{key}", happening.path), name, expected)]
    };
    let target = |workload: &Option<String>| match workload {
        None => Ok(None),
        Some(name) => workload_id(name, cluster).map(Some).map_err(|expected| at("workload", name, expected)),
    };
    let node_at = |name: &String| {
        node_id(name, cluster)
            .ok_or_else(|| at("node", name, "a node of the snapshot, by name or as POOL/NUMBER".to_owned()))
    };
    let workload_at = |name: &String| workload_id(name, cluster).map_err(|expected| at("workload", name, expected));
    let pool_at =
        |name: &String| pool_id(name, cluster).ok_or_else(|| at("pool", name, "a pool of the snapshot".to_owned()));
    let zone_at = |name: &String| zone_id(name, cluster).map_err(|expected| at("zone", name, expected));
    let whom_of = |named: &NamedWhom| {
        let (pool, zone) = (named.pool.as_ref().map(pool_at), named.zone.as_ref().map(zone_at));
        both(pool.transpose(), zone.transpose()).map(|(pool, zone)| Whom { pool, zone })
    };
    match &happening.what {
        NamedHappening::NodeFailure { node, down } => Ok(Happening::NodeFailure { node: node_at(node)?, down: *down }),
        NamedHappening::ZoneFailure { zone, pool, down } => {
            let (zone, pool) = both(zone_at(zone), pool.as_ref().map(pool_at).transpose())?;
            Ok(Happening::ZoneFailure { pool, zone, down: *down })
        }
        NamedHappening::NodeFault { node } => Ok(Happening::NodeFault { node: node_at(node)? }),
        NamedHappening::GreyNode { node, lasts } => Ok(Happening::GreyNode { node: node_at(node)?, lasts: *lasts }),
        NamedHappening::SpotEviction { node } => Ok(Happening::SpotEviction { node: node_at(node)? }),
        NamedHappening::Nodes { whom, share, within, down, silent } => {
            let (whom, share, within) = (whom_of(whom)?, *share, *within);
            Ok(match silent {
                true => Happening::NodesSilent { whom, share, within, lasts: *down },
                false => Happening::NodesFail { whom, share, within, down: *down },
            })
        }
        NamedHappening::NoMachines { whom, lasts } => Ok(Happening::NoMachines { whom: whom_of(whom)?, lasts: *lasts }),
        NamedHappening::Replicas { workload, replicas } => {
            Ok(Happening::Replicas { workload: workload_at(workload)?, replicas: *replicas })
        }
        NamedHappening::Capacity { workload, factor } => {
            Ok(Happening::Capacity { workload: workload_at(workload)?, factor: *factor })
        }
        NamedHappening::MemoryLimit { workload, bytes } => {
            Ok(Happening::MemoryLimit { workload: workload_at(workload)?, bytes: *bytes })
        }
        NamedHappening::RequestsLost { workload, node, share, lasts } => {
            let node = node.as_ref().map(node_at).transpose()?;
            let (workload, share, lasts) = (workload_at(workload)?, *share, *lasts);
            Ok(Happening::RequestsLost { workload, node, share, lasts })
        }
        NamedHappening::UpstreamFails { node, share, lasts } => {
            Ok(Happening::UpstreamFails { node: node_at(node)?, share: *share, lasts: *lasts })
        }
        NamedHappening::GatesLifted { workload } => Ok(Happening::GatesLifted { workload: workload_at(workload)? }),
        NamedHappening::Rollout { workload } => Ok(Happening::Rollout { workload: workload_at(workload)? }),
        NamedHappening::Load { workload, factor } => Ok(Happening::Load { target: target(workload)?, factor: *factor }),
        NamedHappening::Burst { workload, factor, ramp, hold, decay } => {
            let target = target(workload)?;
            Ok(Happening::Burst {
                target,
                factor: *factor,
                ramp: *ramp,
                hold: *hold,
                decay: Decay::Exponential(*decay),
            })
        }
    }
}

fn both<A, B>(a: Result<A, Vec<Complaint>>, b: Result<B, Vec<Complaint>>) -> Result<(A, B), Vec<Complaint>> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (a, b) => Err(a.err().into_iter().chain(b.err()).flatten().collect()),
    }
}

/// A node by its name, or as `POOL/NUMBER`.
fn node_id(name: &str, cluster: &ClusterSpec) -> Option<NodeId> {
    let numbered = name.split_once('/').and_then(|(pool, number)| Some((pool, number.parse::<u32>().ok()?)));
    let is = |n: &simulator::spec::NodeSpec| match numbered {
        Some((pool, number)) => cluster.pools[n.pool].name == pool && n.ordinal == number,
        None => n.name == name,
    };
    cluster.nodes.iter().find(|(_, n)| is(n)).map(|(id, _)| id)
}

fn pool_id(name: &str, cluster: &ClusterSpec) -> Option<PoolId> {
    cluster.pools.iter().find(|(_, p)| p.name == name).map(|(id, _)| id)
}

/// A zone by its full name, or by its number where only one region is in play.
fn zone_id(name: &str, cluster: &ClusterSpec) -> Result<ZoneId, String> {
    if let Some((id, _)) = cluster.zones.iter().find(|(_, z)| z.as_str() == name) {
        return Ok(id);
    }
    let numbered = |zone: &str| zone.rsplit_once('-').is_some_and(|(_, number)| number == name);
    let mut found = cluster.zones.iter().filter(|(_, z)| numbered(z)).map(|(id, _)| id);
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        _ => Err(format!("a zone of the snapshot: {}", listed(cluster.zones.iter().map(|(_, z)| z.as_str())))),
    }
}

/// A workload by `namespace/name`, or by its name alone where that is unique.
fn workload_id(name: &str, cluster: &ClusterSpec) -> Result<WorkloadId, String> {
    let (namespace, bare) = name.split_once('/').map_or((None, name), |(n, b)| (Some(n), b));
    let mut found = cluster
        .workloads
        .iter()
        .filter(|(_, w)| w.name == bare && namespace.is_none_or(|n| n == w.namespace))
        .map(|(id, _)| id);
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        (None, _) => Err("a workload of the snapshot, as namespace/name".to_owned()),
        _ => Err("namespace/name, as several workloads have this name".to_owned()),
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.take(12).collect();
    if names.is_empty() { "it has none".to_owned() } else { names.join(", ") }
}
