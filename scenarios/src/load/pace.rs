//! How long operations usually take, against the windows of planned maintenance.

use simulator::change::{Operation, Planned, Replacement};
use simulator::random::Dist;
use simulator::spec::ClusterSpec;
use simulator::{Duration, PoolId, Time};

use super::admission::{begins, opening};

/// Where operations that keep to windows end, at the pace of [`pace`], after the window that the first of them begins in: in
/// words, with both lengths. What chance adds to the pace is for the trials to tell.
pub(super) fn overruns(planned: &[Planned], cluster: &ClusterSpec) -> Option<String> {
    let first = planned.first().filter(|p| !p.admission.windows.is_empty())?;
    let (mut begin, mut end) = (None, Time::ZERO);
    for p in planned {
        let from = match p.admission.turn {
            Some(wait) => opening(&p.admission.windows, end.max(p.at) + wait),
            None => begins(p),
        };
        begin = begin.or(Some(from));
        end = end.max(from + pace(&p.operation, cluster));
    }
    let (from, until) = *first.admission.windows.iter().find(|(_, until)| begin.is_some_and(|b| b < *until))?;
    let minutes = |d: Duration| d.as_mins_f64().round();
    (end > until).then(|| {
        format!(
            "It takes about {} min, and its maintenance window is {} min long.",
            minutes(end.since(begin.unwrap_or(from))),
            minutes(until.since(from))
        )
    })
}

/// How long an operation usually takes: medians, and drains that nothing blocks.
fn pace(operation: &Operation, cluster: &ClusterSpec) -> Duration {
    let nodes = |pool: PoolId| cluster.nodes.iter().filter(|(_, n)| n.pool == pool).count() as u32;
    let made = |pool: PoolId| median(&cluster.pools[pool].provision);
    let rounds = |n: u32, at_a_time: u32| u64::from(n.div_ceil(at_a_time.max(1)));
    match operation {
        Operation::Upgrade { pool, how } => {
            let n = nodes(*pool);
            let surge = how.max_surge.of(n);
            let parallel = if surge == 0 { how.max_unavailable.of(n) } else { surge };
            let renewed = match how.replacement {
                Replacement::Reimage => median(&cluster.pools[*pool].reimage),
                Replacement::Recreate => median(&cluster.pools[*pool].delete) + made(*pool),
            };
            let round = Duration::mins(1) + how.soak + renewed;
            let first = if surge == 0 { Duration::ZERO } else { made(*pool) };
            first + Duration(round.0.saturating_mul(rounds(n, parallel)))
        }
        Operation::BlueGreen { pool, how } => {
            let n = nodes(*pool);
            let batches = rounds(n, how.batch.of(n));
            made(*pool) + Duration((Duration::mins(1) + how.batch_soak).0.saturating_mul(batches)) + how.final_soak
        }
        Operation::Scale { pool, count, .. } if *count > nodes(*pool) => made(*pool),
        Operation::Scale { pool, .. } | Operation::DeletePool { pool, .. } => median(&cluster.pools[*pool].delete),
        Operation::ControlPlane { takes } => *takes,
        _ => Duration::ZERO,
    }
}

fn median(dist: &Dist) -> Duration {
    match dist {
        Dist::Constant(d) => *d,
        Dist::Exponential { mean } => Duration::from_secs_f64(mean.as_secs_f64() * std::f64::consts::LN_2),
        Dist::LogNormal { median, .. } | Dist::ZeroOrLogNormal { median, .. } => *median,
        Dist::Weibull { scale, shape } => {
            Duration::from_secs_f64(scale.as_secs_f64() * std::f64::consts::LN_2.powf(1.0 / shape))
        }
        Dist::Uniform { low, high } => Duration((low.0 + high.0) / 2),
    }
}
