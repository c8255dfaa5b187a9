//! Times that a workload states itself, by annotation: how long its pods take to pull, to start, to become ready, to exit. A value
//! is `SECONDS`, or `SECONDS sigma SIGMA` for the median of a log-normal time.

use simulator::Duration;
use simulator::random::Dist;

use crate::coverage::Coverage;
use crate::defaults::pods::LifeCycle;
use crate::snapshot::Workload;

/// Annotations of a workload.
pub const PULL: &str = "poolproof.dev/pull-seconds";
/// From then until its containers run.
pub const START: &str = "poolproof.dev/start-seconds";
/// From then until its pods are ready.
pub const READY: &str = "poolproof.dev/ready-seconds";
/// From being told to stop until they have exited.
pub const EXIT: &str = "poolproof.dev/exit-seconds";

/// Longest time, in seconds: a week outlasts every horizon.
const LONGEST: f64 = 604_800.0;

/// Puts what the workload states in place of what is assumed; what cannot be read is noted.
pub(super) fn apply(workload: &Workload, life: &mut LifeCycle, coverage: &mut Coverage) {
    let times =
        [(PULL, &mut life.pull), (START, &mut life.start), (READY, &mut life.readiness), (EXIT, &mut life.exit)];
    for (key, dist) in times {
        let Some(text) = workload.annotations.get(key) else { continue };
        match time(text) {
            Some(stated) => *dist = stated,
            None => coverage.missing(format!(
                "annotation {key} of {}/{} is {text:?}, not seconds such as 90 or 90 sigma 0.5; it was not followed",
                workload.namespace, workload.name
            )),
        }
    }
}

fn time(text: &str) -> Option<Dist> {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let seconds = |text: &str| number(text).filter(|s| (0.0..=LONGEST).contains(s)).map(Duration::from_secs_f64);
    match text.split_once("sigma") {
        None => seconds(text).map(Dist::Constant),
        Some((median, sigma)) => {
            let sigma = number(sigma).filter(|s| (0.0..=5.0).contains(s))?;
            Some(Dist::LogNormal { median: seconds(median)?, sigma })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_with_or_without_a_spread() {
        let constant = |s: u64| Some(Dist::Constant(Duration::secs(s)));
        assert_eq!(format!("{:?}", time("90")), format!("{:?}", constant(90)));
        let spread = Some(Dist::LogNormal { median: Duration::secs(60), sigma: 0.5 });
        assert_eq!(format!("{:?}", time(" 60 sigma 0.5")), format!("{spread:?}"));
        for text in ["", "soon", "-1", "1e9", "60 sigma", "60 sigma 9", "NaN"] {
            assert!(time(text).is_none(), "{text}");
        }
    }
}
