//! Failures, detection, trouble in provisioning, bursts: what becomes the simulator's settings.

use simulator::Duration;
use simulator::scenario::Decay;
use simulator::scheduler::NodesScored;
use simulator::settings::{
    AutoscalerProfile, Bursts, Cause, Demand, Detection, Factor, Failures, Provisioning, Repair, Restarts,
    SchedulerProfile, Settings, Spot,
};

use super::log_normal;
use crate::change::ChangeSettings;
use crate::complaint::Complaint;
use crate::coverage::Coverage;

/// Hours of a year.
pub(super) const HOURS_PER_YEAR: f64 = 8766.0;
/// Outage threshold where none is given, in seconds.
pub const OUTAGE_THRESHOLD: u32 = 60;
/// Probability that a spot node is evicted within an hour; noted as assumed with each spot pool.
const SPOT_HOURLY: f64 = 0.05;
/// Share of interruptions that do not come alone.
const COMPANY: f64 = 0.15;
/// Points of the recorded series.
const SERIES_STEPS: u32 = 120;

/// The settings of a run on a cluster of a Kubernetes minor version.
///
/// # Errors
/// Values of the change's settings that make no sense.
pub fn settings(minor: u32, given: &ChangeSettings, coverage: &mut Coverage) -> Result<Settings, Vec<Complaint>> {
    let mut complaints = Vec::new();
    let settings = Settings {
        failures: failures(coverage),
        detection: detection(minor, coverage),
        provisioning: provisioning(coverage),
        spot: Spot { hourly: SPOT_HOURLY, ..Spot::default() },
        bursts: bursts(given, coverage, &mut complaints),
        demand: Demand::default(),
        restarts: Restarts::default(),
        scheduler: scheduler(minor, coverage),
        autoscaler: AutoscalerProfile::default(),
        nodes_scored: nodes_scored(given, coverage, &mut complaints),
        images_kept: true,
        eviction_retry: eviction_retry(coverage),
        endpoint_delay: super::pods::endpoint_delay(coverage),
        tunnel_connect: super::functions::tunnel_connect(coverage),
        balancers_drop_cordoned: super::functions::balancers_drop_cordoned(minor),
        serial_pulls: super::pods::serial_pulls(minor, coverage),
        outage_threshold: Duration::secs(given.outage_threshold_seconds.unwrap_or(OUTAGE_THRESHOLD).into()),
        loss_tolerance: 0.05,
        windows: true,
        // With the horizon: see `load::horizon`.
        follow: Duration::ZERO,
        series_steps: SERIES_STEPS,
        off: off(given, &mut complaints),
        stratified: false,
        quiet: false,
        failure_factor: None,
    };
    if given.slo.is_some_and(|slo| !(slo > 0.0 && slo < 1.0)) {
        complaints.push(Complaint::at(
            "settings.slo",
            given.slo.unwrap_or_default(),
            "a share between 0 and 1, such as 0.999",
        ));
    }
    if let Some(days) = given.slo_period_days.filter(|days| !(*days > 0.0 && *days <= 3660.0)) {
        complaints.push(Complaint::at("settings.sloPeriodDays", days, "a number of days above 0, up to 3660"));
    }
    complaints.extend(given.thresholds.complaints());
    if let Some(rate) = given.dns_qps.filter(|q| !(0.0..=1e9).contains(q)) {
        let expected = "a number of queries per second from 0 to 1000000000";
        complaints.push(Complaint::at("settings.dnsQps", rate, expected));
    }
    if let Some(rate) = given.dns_lookups.filter(|q| !(0.0..=1e9).contains(q)) {
        let expected = "a number of lookups per second from 0 to 1000000000";
        complaints.push(Complaint::at("settings.dnsLookups", rate, expected));
    }
    if given.dns_lookups.is_some() && given.dns_qps.is_some() {
        complaints.push(Complaint::at("settings.dnsLookups", "dnsQps beside it", "one of the two"));
    }
    if let Some(share) = given.dns_external_share.filter(|share| !(0.0..=1.0).contains(share)) {
        complaints.push(Complaint::at("settings.dnsExternalShare", share, "a share from 0 to 1"));
    }
    if complaints.is_empty() { Ok(settings) } else { Err(complaints) }
}

/// kube-scheduler v1.34.1, `percentageOfNodesToScore`: 0 to 100.
fn nodes_scored(given: &ChangeSettings, coverage: &mut Coverage, complaints: &mut Vec<Complaint>) -> NodesScored {
    match given.percentage_of_nodes_to_score {
        None | Some(0) => {
            coverage.assume(
                "nodes the scheduler scores",
                "all below 100; else 50 % of the feasible ones, 1 % less for each 125 nodes, at least 5 % and 100 nodes",
                "kube-scheduler v1.34.1, percentageOfNodesToScore unset; settings.percentageOfNodesToScore states it",
                'A',
            );
            NodesScored::Adaptive
        }
        Some(percent) => {
            if percent > 100 {
                let path = "settings.percentageOfNodesToScore";
                complaints.push(Complaint::at(path, percent, "a percentage from 0 to 100"));
            }
            NodesScored::Percent(percent)
        }
    }
}

fn failures(coverage: &mut Coverage) -> Failures {
    coverage.assume(
        "interruptions of a node",
        "1 per node and year, exponential; 15 % come with others of the pool (2 on average, within 2 min)",
        "Azure core compute 99.995 % to mid-2019; correlation of failures: Ford et al., OSDI 2010, share is judgement",
        'B',
    );
    coverage.assume(
        "node down",
        "log-normal, median 8 min, sigma 0.9",
        "consistent with 26 min of interruption per VM-year",
        'C',
    );
    coverage.assume(
        "faults inside a node",
        "0.5 per node and year, exponential; only repair ends them",
        "no public figure for kernel, kubelet, runtime and network plugin",
        'C',
    );
    coverage.assume(
        "auto-repair",
        "NotReady for 5 min; reboot, reimage, redeploy (median 4, 7, 9 min; successful in 60, 70, 80 %), 3 rounds in 1 h",
        "AKS docs, node-auto-repair; times and shares are judgement",
        'C',
    );
    coverage.assume(
        "zone incidents",
        "0.03 per zone and year, a share of its nodes beta(1.2, 1), log-normal median 6 h, sigma 1.1",
        "Azure status history: listed incidents of single zones",
        'C',
    );
    coverage.assume(
        "fault domains",
        "0.05 incidents per domain and year, five domains a zone, log-normal median 2 h, sigma 0.8",
        "20 rack failures a year over some 45 racks (Dean, Google I/O 2008), newer fabrics taken as ten times better",
        'C',
    );
    let hourly = |per_year: f64| per_year / HOURS_PER_YEAR;
    Failures {
        // One per node and year in all: those that follow another are two on average.
        per_hour: hourly(1.0 / (1.0 + COMPANY * 2.0)),
        down: log_normal(8.0 * 60.0, 0.9),
        company: COMPANY,
        company_more: 1.0,
        faults_per_hour: hourly(0.5),
        repair: Some(Repair::aks([
            (log_normal(240.0, 0.4), 0.6),
            (log_normal(420.0, 0.4), 0.7),
            (log_normal(540.0, 0.4), 0.8),
        ])),
        zone_per_hour: hourly(0.03),
        zone_down: log_normal(6.0 * 3600.0, 1.1),
        zone_share: Some(1.2),
        domain_per_hour: hourly(0.05),
        domain_down: log_normal(2.0 * 3600.0, 0.8),
        ..Failures::default()
    }
}

/// kubernetes PR 126287 raised the default grace period from 40 s to 50 s in 1.32; AKS publishes no value of its own.
fn detection(minor: u32, coverage: &mut Coverage) -> Detection {
    let grace = if minor >= 32 { 50 } else { 40 };
    let value = format!("heartbeat 10 s, check 5 s, NotReady after {grace} s");
    coverage.assume(
        "detection of a lost node",
        value,
        "Kubernetes defaults (node-monitor-grace-period 50 s since 1.32)",
        'B',
    );
    Detection { grace: Duration::secs(grace), ..Detection::default() }
}

/// What became of the scheduler's queue, by Kubernetes' change logs: queueing hints are on since 1.32, pods are popped from
/// the back-off queue since 1.33, and the hint for pods that repelled others was mended in 1.35.
fn scheduler(minor: u32, coverage: &mut Coverage) -> SchedulerProfile {
    coverage.assume(
        "pace of the scheduler",
        "680 decisions a second, 100 bindings at once, then 50 a second",
        "kubernetes scheduler_perf (SchedulingBasic, 5,000 nodes) and the client's default rate limit; AKS publishes none",
        'B',
    );
    SchedulerProfile {
        hints: minor >= 32,
        pops_from_backoff: minor >= 33,
        hint_of_repelling_pods: minor >= 35,
        ..SchedulerProfile::default()
    }
}

fn provisioning(coverage: &mut Coverage) -> Provisioning {
    coverage.assume("allocation failure", "0.2 % per request for a node", "none published", 'C');
    coverage.assume(
        "bootstrap failure",
        "0.5 % per new node, noticed after 15 min; a reimaged node comes back",
        "AKS docs, cluster-autoscaler: gives up after 15 min; share is judgement",
        'C',
    );
    coverage.assume(
        "surge node not awaited",
        "25 % of upgrades, log-normal median 60 s, sigma 0.6",
        "Azure/AKS issue 4340; share is judgement",
        'C',
    );
    Provisioning {
        allocation_failure: 0.002,
        bootstrap_failure: 0.005,
        bootstrap_notice: Duration::mins(15),
        gap_share: 0.25,
        gap: log_normal(60.0, 0.6),
        ..Provisioning::default()
    }
}

fn bursts(given: &ChangeSettings, coverage: &mut Coverage, complaints: &mut Vec<Complaint>) -> Bursts {
    let per_day = given.bursts_per_day.unwrap_or_else(|| {
        coverage.assume(
            "bursts of load",
            "0.25 per day, Poisson",
            "eight sudden rises in a month over many sites (operator's note)",
            'C',
        );
        0.25
    });
    let least = given.burst_factor.unwrap_or_else(|| {
        coverage.assume(
            "size of a burst",
            "Pareto, alpha 2.2, at least 1.5 times the base",
            "rises of 100 % to 1000 % within 60 s (operator's note)",
            'C',
        );
        1.5
    });
    if !(0.0..=10_000.0).contains(&per_day) {
        complaints.push(Complaint::at("settings.burstsPerDay", per_day, "a number from 0 to 10000"));
    }
    if !(1.0..=1000.0).contains(&least) {
        complaints.push(Complaint::at("settings.burstFactor", least, "a number from 1 to 1000"));
    }
    coverage.assume(
        "shape of a burst",
        "log-normal ramp, median 60 s, sigma 0.5, and hold, median 10 min, sigma 1; decay 15 min",
        "judgement",
        'C',
    );
    Bursts {
        per_hour: per_day / 24.0,
        factor: Factor::Pareto { alpha: 2.2, min: least },
        ramp: log_normal(60.0, 0.5),
        hold: log_normal(600.0, 1.0),
        decay: Decay::Exponential(Duration::mins(15)),
    }
}

fn eviction_retry(coverage: &mut Coverage) -> Duration {
    coverage.assume("eviction retry", "every 5 s", "time stamps of an AKS upgrade (Azure/AKS issue 4720)", 'A');
    Duration::secs(5)
}

fn off(given: &ChangeSettings, complaints: &mut Vec<Complaint>) -> Vec<Cause> {
    let known: Vec<&str> = Cause::ALL.iter().map(|(_, name)| *name).collect();
    let mut off = Vec::new();
    for (i, name) in given.off.iter().enumerate() {
        match Cause::ALL.iter().find(|(_, n)| n == name) {
            Some((cause, _)) if !off.contains(cause) => off.push(*cause),
            Some(_) => {}
            None => complaints.push(Complaint::at(
                format!("settings.off[{i}]"),
                name,
                format!("one of {}", known.join(", ")),
            )),
        }
    }
    off
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn grace_follows_the_version() {
        for (minor, seconds) in [(31, 40), (32, 50), (34, 50)] {
            let s = settings(minor, &ChangeSettings::default(), &mut Coverage::default()).unwrap();
            assert_eq!(s.detection.grace, Duration::secs(seconds), "1.{minor}");
        }
    }

    #[test]
    fn the_queue_follows_the_version() {
        for (minor, expected) in
            [(31, [false; 3]), (32, [true, false, false]), (34, [true, true, false]), (35, [true; 3])]
        {
            let s = settings(minor, &ChangeSettings::default(), &mut Coverage::default()).unwrap().scheduler;
            assert_eq!([s.hints, s.pops_from_backoff, s.hint_of_repelling_pods], expected, "1.{minor}");
        }
    }

    #[test]
    fn given_values_are_not_assumed() {
        let given = ChangeSettings {
            bursts_per_day: Some(48.0),
            off: vec!["burst".into(), "burst".into()],
            percentage_of_nodes_to_score: Some(100),
            ..ChangeSettings::default()
        };
        let mut coverage = Coverage::default();
        let s = settings(33, &given, &mut coverage).unwrap();
        assert_eq!((s.bursts.per_hour, s.off.as_slice()), (2.0, &[Cause::Burst][..]));
        assert!(!coverage.assumptions.iter().any(|a| a.name == "bursts of load"));
        assert!(coverage.assumptions.iter().any(|a| a.name == "size of a burst"));
        assert_eq!(s.nodes_scored, NodesScored::Percent(100));
        assert!(!coverage.assumptions.iter().any(|a| a.name == "nodes the scheduler scores"));
    }

    #[test]
    fn nonsense_is_refused_all_at_once() {
        let given = ChangeSettings {
            bursts_per_day: Some(f64::NAN),
            burst_factor: Some(0.5),
            slo: Some(1.0),
            dns_qps: Some(f64::NAN),
            percentage_of_nodes_to_score: Some(101),
            off: vec!["gravity".into()],
            ..ChangeSettings::default()
        };
        let found = settings(33, &given, &mut Coverage::default()).unwrap_err();
        let paths: Vec<_> = found.iter().map(|c| c.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "settings.burstsPerDay",
                "settings.burstFactor",
                "settings.percentageOfNodesToScore",
                "settings.off[0]",
                "settings.slo",
                "settings.dnsQps"
            ]
        );
    }
}
