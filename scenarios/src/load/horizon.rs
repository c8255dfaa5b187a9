//! How long a change is simulated: until it is done, and on until the damage it may do late has shown (the longest grace
//! period, the toleration of a lost node, a new node; METHODS of the estimate, section 0).

use simulator::change::{BlueGreenSettings, DrainSettings, Operation, Planned, Replacement, UpgradeSettings};
use simulator::random::Dist;
use simulator::spec::{ClusterSpec, Disruption, Provisioner};
use simulator::{Duration, PoolId, Time};

use super::admission::{begins, opening};
use crate::change::ChangeSettings;
use crate::complaint::Complaint;

const LEAST: Duration = Duration::mins(2 * 60);
const MOST: Duration = Duration::mins(48 * 60);
/// Least and most that is simulated beyond the horizon.
const FOLLOW: (Duration, Duration) = (Duration::mins(60), Duration::mins(6 * 60));
/// A drain that nothing blocks: grace periods and restarts of a node's pods.
const DRAIN: Duration = Duration::mins(3);

/// The horizon: as the settings say, else as derived.
pub(super) fn choose(
    planned: &[Planned],
    cluster: &ClusterSpec,
    settings: &ChangeSettings,
) -> Result<Duration, Complaint> {
    if let Some(hours) = settings.horizon_hours {
        let most = MOST.as_secs_f64() / 3600.0;
        if !(hours > 0.0 && hours <= most) {
            return Err(Complaint::at(
                "settings.horizonHours",
                hours,
                format!("a number of hours above 0, up to {most}"),
            ));
        }
        return Ok(Duration::from_secs_f64(hours * 3600.0));
    }
    let (mut end, mut chain) = (super::START, super::START);
    for p in planned {
        let begin = match p.admission.turn {
            Some(wait) => opening(&p.admission.windows, chain.max(p.at) + wait),
            None => begins(p),
        };
        end = end.max(begin + expected(&p.operation, cluster));
        chain = end;
    }
    let whole = end.since(Time::ZERO) + late(cluster);
    Ok(whole.max(LEAST).min(MOST))
}

/// How long beyond the horizon a trial may be followed in which something is out or under way at its end: as long again, but
/// no longer than six hours. Most settle in minutes; those that have not by then have no way to (no room, no machine).
pub(super) fn follow(horizon: Duration) -> Duration {
    horizon.max(FOLLOW.0).min(FOLLOW.1)
}

/// How long late damage takes to show.
fn late(cluster: &ClusterSpec) -> Duration {
    let grace = cluster.workloads.iter().map(|(_, w)| w.grace).max().unwrap_or_default().min(Duration::mins(60));
    let toleration =
        cluster.workloads.iter().filter_map(|(_, w)| w.unreachable).max().unwrap_or_default().min(Duration::mins(60));
    let provision = cluster.pools.iter().map(|(_, p)| high(&p.provision)).max().unwrap_or_default();
    grace + toleration + provision
}

/// How long an operation takes at most but for bad luck: what blocks a drain is counted once, up to its time-out.
pub(super) fn expected(operation: &Operation, cluster: &ClusterSpec) -> Duration {
    let made = |pool: PoolId| made(pool, cluster);
    match operation {
        Operation::Scale { pool, drain, .. } => made(*pool) + emptying(drain) + high(&cluster.pools[*pool].delete),
        Operation::DeletePool { pool, drain } => emptying(drain) + high(&cluster.pools[*pool].delete),
        Operation::Upgrade { pool, how } => rolling(how, *pool, cluster) + emptying(&how.drain),
        Operation::BlueGreen { pool, how } => blue_green(how, *pool, cluster) + emptying(&how.drain),
        Operation::Rollback { pool, drain } => emptying(drain) + high(&cluster.pools[*pool].delete),
        Operation::Abort { takes, .. }
        | Operation::ControlPlane { takes }
        | Operation::Reshape { takes, .. }
        | Operation::SetAutoscaler { takes, .. }
        | Operation::Settings { takes, .. } => *takes,
        Operation::Drain { drain, .. } => emptying(drain),
        Operation::DeleteNodes { .. } => Duration::mins(2),
        Operation::Drift => cluster.provisioners.iter().map(|p| drifting(p, cluster)).max().unwrap_or_default(),
        // Pods of a large workload are renewed some at a time.
        Operation::Rollout { .. } => Duration::mins(10),
        Operation::Cordon { .. } | Operation::Uncordon { .. } | Operation::SetReplicas { .. } => Duration::ZERO,
    }
}

/// How long the nodes of a provisioner take to be replaced, as many at a time as its budgets allow.
fn drifting(provisioner: &Provisioner, cluster: &ClusterSpec) -> Duration {
    let own = |pool: PoolId| provisioner.sizes.contains(&pool);
    let nodes = cluster.nodes.iter().filter(|(_, n)| own(n.pool)).count() as u32;
    let budgets = provisioner.budgets.iter().filter(|b| b.reason.is_none_or(|r| r == Disruption::Drifted));
    let at_a_time = budgets.map(|b| b.nodes.of(nodes)).min().unwrap_or(nodes);
    if nodes == 0 || at_a_time == 0 {
        return Duration::ZERO;
    }
    let pools = provisioner.sizes.iter().map(|&pool| made(pool, cluster) + high(&cluster.pools[pool].delete));
    let round = DRAIN + pools.max().unwrap_or_default();
    Duration(round.0.saturating_mul(nodes.div_ceil(at_a_time).into()))
}

/// How long nodes of a pool take to be made, but for bad luck.
pub(super) fn made(pool: PoolId, cluster: &ClusterSpec) -> Duration {
    high(&cluster.pools[pool].provision)
}

fn emptying(drain: &DrainSettings) -> Duration {
    if drain.evict { drain.timeout.max(DRAIN) } else { Duration::ZERO }
}

/// How long the replacement of a pool's nodes takes where no drain is blocked; nothing for other operations.
pub(super) fn replacing(operation: &Operation, cluster: &ClusterSpec) -> Option<Duration> {
    match operation {
        Operation::Upgrade { pool, how } => Some(rolling(how, *pool, cluster)),
        Operation::BlueGreen { pool, how } => Some(blue_green(how, *pool, cluster)),
        _ => None,
    }
}

/// How long an upgrade takes where no drain is blocked.
fn rolling(how: &UpgradeSettings, pool: PoolId, cluster: &ClusterSpec) -> Duration {
    let nodes = cluster.nodes.iter().filter(|(_, n)| n.pool == pool).count() as u32;
    let parallel = match how.max_surge.of(nodes) {
        0 => how.max_unavailable.of(nodes),
        surge => surge,
    };
    let rounds = u64::from(nodes.div_ceil(parallel.max(1)));
    let renewed = match how.replacement {
        Replacement::Reimage => high(&cluster.pools[pool].reimage),
        Replacement::Recreate => high(&cluster.pools[pool].delete) + made(pool, cluster),
    };
    let round = DRAIN + how.soak + renewed;
    made(pool, cluster) + Duration(round.0.saturating_mul(rounds))
}

/// How long a blue-green upgrade takes where no drain is blocked.
fn blue_green(how: &BlueGreenSettings, pool: PoolId, cluster: &ClusterSpec) -> Duration {
    let nodes = cluster.nodes.iter().filter(|(_, n)| n.pool == pool).count() as u32;
    let batches = u64::from(nodes.div_ceil(how.batch.of(nodes).max(1)));
    let drains = Duration((DRAIN + how.batch_soak).0.saturating_mul(batches));
    made(pool, cluster) + drains + how.final_soak + high(&cluster.pools[pool].delete)
}

/// A time that is rarely exceeded: the 99 % point, in whole seconds, so that it is the same on every machine.
fn high(dist: &Dist) -> Duration {
    const Z: f64 = 2.326;
    let exact = match dist {
        Dist::Constant(d) => *d,
        Dist::Exponential { mean } => Duration::from_secs_f64(mean.as_secs_f64() * 4.605),
        Dist::LogNormal { median, sigma } | Dist::ZeroOrLogNormal { median, sigma, .. } => {
            Duration::from_secs_f64(median.as_secs_f64() * (Z * sigma).exp())
        }
        Dist::Weibull { scale, shape } => Duration::from_secs_f64(scale.as_secs_f64() * 4.605_f64.powf(1.0 / shape)),
        Dist::Uniform { high, .. } => *high,
    };
    Duration::secs(exact.0.div_ceil(1_000_000))
}
