//! What is not known well, how wide the doubt is, and where that is from: the ranges that 90 % of clusters are thought to lie
//! in, as distributions that the simulator draws from, each trial anew. What somebody has stated for a cluster is not doubted.
//!
//! Rates are gamma distributed and probabilities beta distributed around the default as their mean, times log-normal
//! around it as their median. Where sources disagree about what AKS does, both readings are drawn by how likely each is.

use simulator::change::{Operation, Planned, Undrainable};
use simulator::parameters::{Belief, Knob};
use simulator::random::Prior;
use simulator::settings::{Cause, Settings};
use simulator::spec::{ClusterSpec, Quantity};

use crate::change::ChangeSettings;

/// A number that is not known well.
pub struct Doubt {
    /// Which.
    pub knob: Knob,
    /// What it is, as a sentence begins.
    pub what: &'static str,
    /// Range and default, in the unit people use.
    range: Range,
    /// Where the range is from.
    pub source: &'static str,
    /// `A`, `B` or `C`, of the range.
    pub grade: char,
    /// Beginning of the name of the assumption it is about.
    pub about: &'static str,
    /// Names of given numbers that leave no doubt.
    given: &'static [&'static str],
    /// Switched off, it has no say.
    cause: Option<Cause>,
    /// How to get the number for one cluster, in words that end a sentence.
    pub datum: &'static str,
}

#[derive(Clone, Copy)]
enum Range {
    /// Per year: least, default, most.
    PerYear(f64, f64, f64),
    /// Per day.
    PerDay(f64, f64, f64),
    /// A probability.
    Share(f64, f64, f64),
    /// A positive number with its unit.
    Positive(f64, f64, f64, &'static str),
    /// As a factor on the default, where defaults differ from pool to pool or workload to workload.
    Factor(f64, f64),
    /// Factor on odds: probabilities least, default, most.
    Odds(f64, f64, f64),
    /// Sources disagree: value of our reading, of the other, probability of the other.
    Either(f64, f64, f64),
}

/// A question that sources answer differently.
pub struct Question {
    /// The number that says which answer holds in a trial.
    pub knob: Knob,
    /// The question.
    pub asks: &'static str,
    /// The answer taken unless drawn otherwise.
    pub ours: &'static str,
    /// The other.
    pub other: &'static str,
}

/// Every question, in the order of reports.
pub const QUESTIONS: &[Question] = &[
    Question {
        knob: Knob::DeletionDrains,
        asks: "Does AKS drain nodes that are scaled away or deleted?",
        ours: "yes, under disruption budgets",
        other: "no, they go as they stand",
    },
    Question {
        knob: Knob::UndrainableReplaced,
        asks: "What does undrainable behaviour Schedule do with a node that cannot be drained in time?",
        ours: "the upgrade fails",
        other: "the node is made anew with the pods it still has",
    },
    Question {
        knob: Knob::OneSurge,
        asks: "How many surge nodes has an upgrade by default?",
        ours: "10 % of the pool from 1.32 on",
        other: "one",
    },
];

macro_rules! doubts {
    ($($knob:ident $what:literal $range:expr, $grade:literal $source:literal, about $about:literal, given $given:expr, off $cause:expr, get $datum:literal;)*) => {
        /// Every doubt, in the order of the documentation.
        pub const DOUBTS: &[Doubt] = &[$(Doubt {
            knob: Knob::$knob, what: $what, range: $range, source: $source, grade: $grade, about: $about, given: &$given, cause: $cause, datum: $datum,
        }),*];
    };
}

use Range::{Either, Factor, Odds, PerDay, PerYear, Positive, Share};

doubts! {
    Interruptions "interruptions of a node" PerYear(0.18, 1.0, 2.4), 'B' "Azure core compute 99.995 % to mid-2019 at 10-25 min each; some 1,000 failures a year among 1,800 servers at Google (2008)",
        about "interruptions of a node", given ["interruptionsPerYear"], off Some(Cause::NodeFailure),
        get "count how often nodes of this cluster were interrupted in the last year (Azure resource health of the scale sets), and state `interruptionsPerYear`";
    NodeDown "how long they last, median" Positive(180.0, 480.0, 1200.0, "s"), 'C' "consistent with 26 min of interruption per VM-year",
        about "node down", given ["nodeDownSeconds"], off None,
        get "take the median of how long nodes of this cluster stayed NotReady, and state `nodeDownSeconds`";
    Company "share of interruptions that come with others" Share(0.05, 0.15, 0.4), 'C' "Ford et al., OSDI 2010, found correlation critical; the share is judgement",
        about "interruptions of a node", given [], off Some(Cause::FailureCompany),
        get "look up how many of the past interruptions hit several nodes at once";
    Faults "faults inside a node" PerYear(0.06, 0.5, 1.3), 'C' "no public figure",
        about "faults inside a node", given ["faultsPerYear"], off Some(Cause::NodeFault),
        get "count how often nodes of this cluster became NotReady without an interruption of their machine in the last year, and state `faultsPerYear`";
    ZoneIncidents "incidents of a zone" PerYear(0.01, 0.03, 0.1), 'C' "Azure status history: one in 50 to 100 zone-years listed, partial ones at least as frequent",
        about "zone incidents", given ["zoneIncidentsPerYear"], off Some(Cause::ZoneFailure),
        get "count the incidents of single zones of the region in Azure's status history, and state `zoneIncidentsPerYear`";
    DomainIncidents "incidents of a fault domain" PerYear(0.005, 0.05, 0.45), 'C' "20 rack failures a year over some 45 racks (2008), newer fabrics taken as ten times better",
        about "fault domains", given ["domainIncidentsPerYear"], off Some(Cause::DomainFailure),
        get "count how often several nodes of one zone were lost together, and state `domainIncidentsPerYear`";
    MonitorGrace "age of the last heartbeat at NotReady" Positive(40.0, 50.0, 120.0, "s"), 'B' "Kubernetes' default; AKS publishes none",
        about "detection of a lost node", given ["monitorGraceSeconds"], off None,
        get "time how long a node that is stopped in a test pool takes to become NotReady, and state `monitorGraceSeconds`";
    RepairSuccess "probability that a reimage helps a broken node" Odds(0.4, 0.7, 0.9), 'C' "judgement",
        about "auto-repair", given [], off Some(Cause::AutoRepair),
        get "look up which of the cluster's auto-repair events (`kubectl get events`) ended with a Ready node";
    SpotEvictions "probability that a spot node goes within an hour" Share(0.01, 0.05, 0.2), 'C' "Azure's published buckets reach from 0-5 % to above 20 % an hour",
        about "spot evictions", given ["spotEvictionsPerHour"], off Some(Cause::SpotEviction),
        get "look up the eviction rate of the VM size in Azure Resource Graph (SpotResources), and state `spotEvictionsPerHour`";
    AllocationFailure "probability that there is no machine" Share(0.0002, 0.002, 0.01), 'C' "none published",
        about "allocation failure", given ["allocationFailure"], off Some(Cause::AllocationFailure),
        get "count the allocation failures of this VM size and zone among the cluster's past requests for nodes (activity log), and state `allocationFailure`";
    BootstrapFailure "probability that a machine never joins" Share(0.001, 0.005, 0.03), 'C' "judgement",
        about "bootstrap failure", given ["bootstrapFailure"], off Some(Cause::BootstrapFailure),
        get "count the nodes that were made and never became Ready (activity log), and state `bootstrapFailure`";
    SurgeGap "share of upgrades that do not await surge nodes" Share(0.02, 0.25, 0.6), 'C' "Azure/AKS issue 4340",
        about "surge node not awaited", given ["surgeGapShare"], off Some(Cause::SurgeGap),
        get "watch one upgrade of a test pool: is the first node drained before the surge node is Ready? State `surgeGapShare`";
    ProvisionTime "time to make a node, of its default" Factor(0.6, 1.6), 'A' "AKS docs, concepts-scale: 2-5 min; 90-240 s observed for a default of 150 s",
        about "making a", given ["provisionSeconds"], off Some(Cause::NodeTimes),
        get "take the median time from request to Ready of the nodes added lately, and state `provisionSeconds`";
    ReimageTime "time to reimage a node, of its default" Factor(0.6, 1.8), 'A' "120-360 s observed for a default of 200 s",
        about "reimaging a", given ["reimageSeconds"], off Some(Cause::NodeTimes),
        get "take the time a node was away in the last node image upgrade, and state `reimageSeconds`";
    PullTime "time to pull an image, of its default" Factor(0.6, 6.0), 'C' "judgement: 3-30 s for a default of 5 s",
        about "image pull of", given [], off Some(Cause::PullTime),
        get "look up how long pulls of the watched images take (`Pulled` events)";
    StartTime "time to start a container, of its default" Factor(0.6, 1.3), 'B' "Kubernetes scalability tests, 100 nodes: medians of 0.9-1.9 s",
        about "start of a container", given [], off Some(Cause::StartTime),
        get "look up how long containers take from scheduled to started (events)";
    ReadinessTime "time pods take to become Ready, of its default" Factor(0.5, 3.3), 'C' "judgement: 3-20 s for a default of 6 s",
        about "CoreDNS ready after start", given [], off Some(Cause::ReadinessTime),
        get "take the time the replicas of CoreDNS took from started to Ready at their last restart";
    Bursts "bursts of load" PerDay(0.02, 0.25, 2.0), 'C' "eight sudden rises in a month over many sites (operator's note)",
        about "bursts of load", given ["burstsPerDay"], off Some(Cause::Burst),
        get "count the sudden rises of load in the last month, and state `burstsPerDay`";
    BurstExponent "Pareto exponent of their size" Positive(1.5, 2.2, 3.5, ""), 'C' "rises of 100 % to 1000 % (operator's note)",
        about "size of a burst", given ["burstFactor"], off Some(Cause::BurstShape),
        get "note by which factor load rose in the bursts of the last months, and state `burstFactor`";
    ServiceCapacity "queries a DNS replica answers, of the default" Factor(0.5, 6.0), 'B' "2,500 (per core, vendors) to 33,700 q/s (coredns.io) for a default of 5,000; less than the ready replicas need for today's load is ruled out",
        about "capacity of cluster DNS", given ["dnsQpsPerReplica"], off None,
        get "load one CoreDNS replica with dnsperf in a test cluster, and state `dnsQpsPerReplica`";
    Retries "how often DNS clients ask again, of the default" Factor(0.1, 9.0), 'B' "asked once to ten times for a default of twice; Zalando postmortem of 2019-01-07: retries multiplied queries",
        about "DNS clients", given ["dnsAttempts"], off Some(Cause::Retries),
        get "look up `options attempts` and the retries of the DNS library in the images that ask most, and state `dnsAttempts`";
    StaleEntries "share of nodes that keep entries of a DNS replica that has gone" Odds(0.01, 0.1, 0.5), 'C' "0 to 50 %; kubernetes/kubernetes issue 129617 saw some of the pods that ask",
        about "stale entries for", given ["dnsStaleShare"], off Some(Cause::StaleEntries),
        get "delete a CoreDNS pod of a test cluster, count the nodes whose lookups stall, and state `dnsStaleShare`";
    DeletionDrains "nodes that are scaled away or deleted go as they stand" Either(1.0, 0.0, 0.1), 'C' "azure-docs issue 22676 and older pages against AKS docs, scale-cluster, and issues 3996 and 2090",
        about "nodes that are scaled away or deleted", given ["drainOnDelete"], off None,
        get "scale a test pool with a pod on each node down by one and look whether the pod is evicted or killed, and set `drainOnDelete`";
    UndrainableReplaced "undrainable behaviour Schedule makes the node anew" Either(0.0, 1.0, 0.3), 'C' "AKS docs, upgrade-options, against the AKS changelog",
        about "undrainable behaviour Schedule", given ["undrainableSchedule"], off None,
        get "upgrade a test pool with a budget that allows nothing and see how it ends, and set `undrainableSchedule`";
    OneSurge "an upgrade has one surge node by default" Either(0.0, 1.0, 0.1), 'C' "AKS docs, upgrade-aks-node-pools-rolling (2026), against the changelog and recorded pools of 1.32 and later",
        about "maxSurge", given [], off None,
        get "read `upgradeSettings.maxSurge` of the pool (`az aks nodepool show`)";
}

/// The doubts that have a say in a scenario, as the simulator takes them; `surge_unsaid` where nobody has said how many surge
/// nodes an upgrade has.
pub fn beliefs(
    given: &ChangeSettings,
    settings: &Settings,
    cluster: &ClusterSpec,
    planned: &[Planned],
    surge_unsaid: bool,
) -> Vec<Belief> {
    let stated = |doubt: &Doubt| doubt.given.iter().any(|name| is_stated(name, given));
    let concerned = DOUBTS.iter().filter(|d| !stated(d) && concerns(d, settings, cluster, planned, surge_unsaid));
    concerned.map(|d| Belief { knob: d.knob, prior: d.prior(settings) }).collect()
}

/// The doubt about a number.
pub fn doubt(knob: Knob) -> Option<&'static Doubt> {
    DOUBTS.iter().find(|d| d.knob == knob)
}

impl Doubt {
    /// Its distribution around what the settings say.
    fn prior(&self, settings: &Settings) -> Prior {
        let stated = self.knob.stated(settings);
        match self.range {
            PerYear(low, _, high) | PerDay(low, _, high) => Prior::rate(stated, low, high),
            Share(low, _, high) => Prior::probability(stated, low, high),
            Positive(low, _, high, _) if self.knob == Knob::NodeDown => Prior::positive(1.0, low / 480.0, high / 480.0),
            Positive(low, _, high, _) => Prior::positive(stated, low.min(stated), high.max(stated)),
            Factor(low, high) => Prior::positive(1.0, low, high),
            Odds(low, middle, high) => {
                let odds = |p: f64| p / (1.0 - p);
                Prior::positive(1.0, odds(low) / odds(middle), odds(high) / odds(middle))
            }
            Either(one, other, share) => Prior::Either { one, other, share },
        }
    }

    /// What is believed with the default settings, in the unit people use.
    pub fn usual(&self) -> Prior {
        match self.range {
            PerYear(low, mean, high) | PerDay(low, mean, high) => Prior::rate(mean, low, high),
            Share(low, mean, high) => Prior::probability(mean, low, high),
            Positive(low, median, high, _) => Prior::positive(median, low, high),
            Factor(low, high) => Prior::positive(1.0, low, high),
            Odds(low, median, high) => Prior::positive(median, low, high),
            Either(one, other, share) => Prior::Either { one, other, share },
        }
    }

    /// Names of the settings and numbers that leave no doubt.
    pub fn given(&self) -> &'static [&'static str] {
        self.given
    }

    /// The range in words.
    pub fn range(&self) -> String {
        match self.range {
            PerYear(low, _, high) => format!("{low} to {high} per year"),
            PerDay(low, _, high) => format!("{low} to {high} per day"),
            Share(low, _, high) | Odds(low, _, high) => format!("{} to {} %", percent(low), percent(high)),
            Positive(low, _, high, "") => format!("{low} to {high}"),
            Positive(low, _, high, unit) => format!("{low} to {high} {unit}"),
            Factor(low, high) => format!("{low} to {high} times"),
            Either(_, _, share) => format!("so in {} % of trials", percent(share)),
        }
    }

    /// The distribution's name and its centre, in words.
    pub fn centre(&self) -> String {
        match self.range {
            PerYear(_, mean, _) => format!("gamma, mean {mean} per year"),
            PerDay(_, mean, _) => format!("gamma, mean {mean} per day"),
            Share(_, mean, _) => format!("beta, mean {} %", percent(mean)),
            Odds(_, median, _) => format!("log-normal odds, median {} %", percent(median)),
            Positive(_, median, _, unit) => format!("log-normal, median {median} {unit}").trim_end().to_owned(),
            Factor(..) => "log-normal, median 1".to_owned(),
            Either(..) => "one of two".to_owned(),
        }
    }
}

/// Per cent without the noise of binary fractions.
fn percent(share: f64) -> f64 {
    (share * 1e6).round() / 1e4
}

fn is_stated(name: &str, given: &ChangeSettings) -> bool {
    match name {
        "burstsPerDay" => given.bursts_per_day.is_some(),
        "burstFactor" => given.burst_factor.is_some(),
        "dnsQps" => given.dns_qps.is_some(),
        "drainOnDelete" => given.drain_on_delete.is_some(),
        "undrainableSchedule" => given.undrainable_schedule.is_some(),
        number => given.assume.contains_key(number),
    }
}

/// Whether a number has a say in what may happen.
fn concerns(
    doubt: &Doubt,
    settings: &Settings,
    cluster: &ClusterSpec,
    planned: &[Planned],
    surge_unsaid: bool,
) -> bool {
    if doubt.cause.is_some_and(|cause| settings.off.contains(&cause)) {
        return false;
    }
    let off = |cause| settings.off.contains(&cause);
    let upgrade = |test: &dyn Fn(&simulator::change::UpgradeSettings) -> bool| {
        planned.iter().any(|p| matches!(&p.operation, Operation::Upgrade { how, .. } if test(how)))
    };
    let replaces = upgrade(&|_| true) || planned.iter().any(|p| matches!(p.operation, Operation::BlueGreen { .. }));
    let makes = replaces
        || planned.iter().any(|p| matches!(p.operation, Operation::Scale { .. } | Operation::SetAutoscaler { .. }))
        || cluster.pools.iter().any(|(_, p)| p.autoscaler.is_some());
    let serves = cluster.workloads.iter().any(|(_, w)| w.service.is_some());
    let stated = doubt.knob.stated(settings);
    match doubt.knob {
        Knob::NodeDown => !off(Cause::NodeFailure) && !off(Cause::RepairTimes),
        Knob::Company => stated > 0.0 && !off(Cause::NodeFailure),
        Knob::RepairSuccess => settings.failures.repair.is_some(),
        Knob::SpotEvictions => stated > 0.0 && cluster.pools.iter().any(|(_, p)| p.spot.is_some()),
        Knob::AllocationFailure | Knob::BootstrapFailure => makes && stated > 0.0 && !off(Cause::ProvisioningFailure),
        Knob::SurgeGap => stated > 0.0 && upgrade(&|how| how.max_surge.of(u32::MAX) > 0),
        Knob::ProvisionTime => makes,
        Knob::ReimageTime => replaces,
        Knob::PullTime | Knob::StartTime | Knob::ReadinessTime => !off(Cause::SlowStart),
        Knob::BurstExponent => settings.bursts.per_hour > 0.0 && !off(Cause::Burst),
        Knob::ServiceCapacity => serves,
        Knob::Retries => {
            cluster.workloads.iter().any(|(_, w)| w.service.as_ref().is_some_and(|s| s.clients.attempts > 1.0))
        }
        Knob::StaleEntries => {
            cluster.workloads.iter().any(|(_, w)| w.service.as_ref().is_some_and(|s| s.stale.probability > 0.0))
        }
        Knob::DeletionDrains => planned.iter().any(|p| match p.operation {
            Operation::Scale { pool, count, .. } => count < nodes(cluster, pool),
            Operation::DeletePool { .. } => true,
            _ => false,
        }),
        Knob::UndrainableReplaced => {
            upgrade(&|how| how.drain.undrainable == Undrainable::Fail && how.drain.respect_budgets && how.drain.evict)
        }
        // A tenth of up to ten nodes is one either way.
        Knob::OneSurge => {
            surge_unsaid
                && planned.iter().any(|p| match &p.operation {
                    Operation::Upgrade { pool, how } => {
                        matches!(how.max_surge, Quantity::Percent(_)) && how.max_surge.of(nodes(cluster, *pool)) > 1
                    }
                    _ => false,
                })
        }
        _ => stated > 0.0,
    }
}

fn nodes(cluster: &ClusterSpec, pool: simulator::PoolId) -> u32 {
    cluster.nodes.iter().filter(|(_, n)| n.pool == pool).count() as u32
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::coverage::Coverage;
    use crate::defaults::rates;

    fn settings(given: &ChangeSettings) -> Settings {
        rates::settings(33, given, &mut Coverage::default()).unwrap()
    }

    fn scenario() -> (ClusterSpec, Vec<Planned>) {
        let scenario = simulator::example::Example::new()
            .pool("p", 30)
            .deployment("dns", 2)
            .upgrade(simulator::PoolId(0), Quantity::Percent(10))
            .build();
        (scenario.cluster, scenario.changes)
    }

    fn knobs(given: &ChangeSettings, surge_unsaid: bool) -> Vec<Knob> {
        let (cluster, planned) = scenario();
        beliefs(given, &settings(given), &cluster, &planned, surge_unsaid).iter().map(|b| b.knob).collect()
    }

    #[test]
    fn ranges_hold_ninety_per_cent() {
        let settings = settings(&ChangeSettings::default());
        for doubt in DOUBTS {
            let prior = doubt.prior(&settings);
            let (low, high) = (prior.quantile(0.05), prior.quantile(0.95));
            let odds = |p: f64| p / (1.0 - p);
            let (found, wanted) = match doubt.range {
                PerYear(l, _, h) | PerDay(l, _, h) => (high / low, h / l),
                Share(l, _, h) => (odds(high) / odds(low), odds(h) / odds(l)),
                Odds(l, _, h) => (high / low, odds(h) / odds(l)),
                Positive(l, _, h, _) | Factor(l, h) => (high / low, h / l),
                Either(one, other, share) => {
                    assert_eq!((prior.quantile(0.5 - share), prior.quantile(1.0 - share / 2.0)), (one, other));
                    continue;
                }
            };
            assert!((found / wanted - 1.0).abs() < 1e-4, "{}: {found} for {wanted}", doubt.what);
        }
    }

    #[test]
    fn what_is_stated_or_switched_off_is_not_doubted() {
        let all = knobs(&ChangeSettings::default(), false);
        for (given, gone) in [
            (r#"{"assume":{"interruptionsPerYear":2}}"#, Knob::Interruptions),
            (r#"{"assume":{"reimageSeconds":2}}"#, Knob::ReimageTime),
            (r#"{"burstsPerDay":2}"#, Knob::Bursts),
            (r#"{"burstFactor":2}"#, Knob::BurstExponent),
            (r#"{"off":["node-fault"]}"#, Knob::Faults),
            (r#"{"off":["slow-start"]}"#, Knob::PullTime),
            (r#"{"off":["provisioning-failure"]}"#, Knob::BootstrapFailure),
            (r#"{"off":["burst"]}"#, Knob::BurstExponent),
        ] {
            assert!(all.contains(&gone), "{gone:?}");
            let left = knobs(&serde_json::from_str(given).unwrap(), false);
            assert!(!left.contains(&gone), "{given}");
        }
    }

    #[test]
    fn disagreement_is_drawn_where_it_matters() {
        let default = ChangeSettings::default();
        assert!(!knobs(&default, false).contains(&Knob::OneSurge));
        let found = knobs(&default, true);
        assert!(found.contains(&Knob::OneSurge) && found.contains(&Knob::UndrainableReplaced));
        assert!(!found.contains(&Knob::DeletionDrains), "nothing is deleted");
        let replaces: ChangeSettings = serde_json::from_str(r#"{"undrainableSchedule":"replace"}"#).unwrap();
        assert!(!knobs(&replaces, true).contains(&Knob::UndrainableReplaced));
        assert!(QUESTIONS.iter().all(|q| doubt(q.knob).is_some()));
    }

    #[test]
    fn each_is_about_something_that_is_assumed() {
        let assumed = crate::model::assumed::all();
        for doubt in DOUBTS.iter().filter(|d| d.knob != Knob::UndrainableReplaced) {
            assert!(assumed.iter().any(|a| a.name.starts_with(doubt.about)), "{}", doubt.about);
        }
    }
}
