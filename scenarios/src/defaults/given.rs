//! Numbers given for one cluster in place of defaults: by its snapshot (`assume` beside `quota`), or by a message
//! (`settings.assume`), which wins. A closed list of names: a misspelt one is a complaint, not a default.

use std::collections::BTreeMap;

use serde_json::Value;
use simulator::Duration;
use simulator::random::Dist;
use simulator::settings::Settings;
use simulator::spec::{ClusterSpec, PoolSpec, Service, ServiceMemory};

use super::rates::HOURS_PER_YEAR;
use crate::complaint::Complaint;
use crate::coverage::Coverage;
use crate::snapshot::ClusterFacts;

/// A number that may be given.
pub struct Number {
    /// Its name.
    pub name: &'static str,
    /// What it is, with its unit.
    pub what: &'static str,
    /// Least and most.
    range: (f64, f64),
    /// Beginnings of the names of the assumptions it replaces.
    instead_of: &'static [&'static str],
    set: fn(&mut Settings, &mut ClusterSpec, f64),
}

const fn number(
    name: &'static str,
    what: &'static str,
    range: (f64, f64),
    instead_of: &'static [&'static str],
    set: fn(&mut Settings, &mut ClusterSpec, f64),
) -> Number {
    Number { name, what, range, instead_of, set }
}

/// Rates per year, probabilities, and times in seconds: whatever is longer than a week outlasts every horizon.
const RATE: (f64, f64) = (0.0, 10_000.0);
const SHARE: (f64, f64) = (0.0, 1.0);
const TIME: (f64, f64) = (1.0, 604_800.0);

/// Every number that may be given, in the order of the documentation.
pub const NUMBERS: &[Number] = &[
    number("interruptionsPerYear", "Interruptions of a node", RATE, &["interruptions of a node"], |s, _, x| {
        let followers = s.failures.company * (1.0 + s.failures.company_more);
        s.failures.per_hour = x / HOURS_PER_YEAR / (1.0 + followers);
    }),
    number("nodeDownSeconds", "Median time an interruption lasts", TIME, &["node down"], |s, _, x| {
        median(&mut s.failures.down, x);
    }),
    number("repairCrews", "Failed nodes that are worked on at a time", (1.0, 1e6), &[], |s, _, x| {
        s.failures.crews = Some(x as u32);
    }),
    number(
        "repairAfterSeconds",
        "How long a node is NotReady before auto-repair begins",
        TIME,
        &["auto-repair"],
        |s, _, x| {
            if let Some(repair) = &mut s.failures.repair {
                repair.after = Duration::from_secs_f64(x);
            }
        },
    ),
    number("faultsPerYear", "Faults inside a node", RATE, &["faults inside a node"], |s, _, x| {
        s.failures.faults_per_hour = x / HOURS_PER_YEAR;
    }),
    number("rebootsPerYear", "Restarts of a node", RATE, &[], |s, _, x| {
        s.failures.reboots_per_hour = x / HOURS_PER_YEAR;
    }),
    number("greyPerYear", "Times a node turns grey, for 30 min each", RATE, &[], |s, _, x| {
        s.failures.grey_per_hour = x / HOURS_PER_YEAR;
    }),
    number("zoneIncidentsPerYear", "Incidents of a zone", RATE, &["zone incidents"], |s, _, x| {
        s.failures.zone_per_hour = x / HOURS_PER_YEAR;
    }),
    number("domainIncidentsPerYear", "Incidents of a fault domain", RATE, &["fault domains"], |s, _, x| {
        s.failures.domain_per_hour = x / HOURS_PER_YEAR;
    }),
    number("fleetFaultsPerYear", "Faults that hit 30-100 % of all nodes in an hour", RATE, &[], |s, _, x| {
        s.failures.fleet_per_hour = x / HOURS_PER_YEAR;
    }),
    number(
        "monitorGraceSeconds",
        "Age of the last heartbeat at NotReady",
        TIME,
        &["detection of a lost"],
        |s, _, x| {
            s.detection.grace = Duration::from_secs_f64(x).max(s.detection.heartbeat);
        },
    ),
    number("spotEvictionsPerHour", "Probability that a spot node goes", SHARE, &["spot evictions"], |s, _, x| {
        s.spot.hourly = x;
    }),
    number("allocationFailure", "Probability that there is no machine", SHARE, &["allocation failure"], |s, _, x| {
        s.provisioning.allocation_failure = x;
    }),
    number("bootstrapFailure", "Probability that a machine never joins", SHARE, &["bootstrap failure"], |s, _, x| {
        s.provisioning.bootstrap_failure = x;
    }),
    number(
        "surgeGapShare",
        "Share of upgrades that do not await surge nodes",
        SHARE,
        &["surge node not"],
        |s, _, x| {
            s.provisioning.gap_share = x;
        },
    ),
    number("evictionRetrySeconds", "Time between two rounds of evictions", TIME, &["eviction retry"], |s, _, x| {
        s.eviction_retry = Duration::from_secs_f64(x);
    }),
    number(
        "provisionSeconds",
        "Median time to make a node",
        TIME,
        &["making a Linux", "making a Windows", "making a GPU", "making a node above"],
        |_, c, x| {
            pools(c, false).for_each(|pool| median(&mut pool.provision, x));
        },
    ),
    number(
        "napProvisionSeconds",
        "Median time node auto-provisioning takes to make one",
        TIME,
        &["making a node by node auto-provisioning"],
        |_, c, x| pools(c, true).for_each(|pool| median(&mut pool.provision, x)),
    ),
    number("reimageSeconds", "Median time to reimage a node", TIME, &["reimaging a"], |_, c, x| {
        c.pools.rows_mut().iter_mut().for_each(|pool| median(&mut pool.reimage, x));
    }),
    number(
        "endpointSeconds",
        "From the end of a pod's readiness until no traffic comes",
        (0.0, 3600.0),
        &["propagation of"],
        |s, _, x| {
            s.endpoint_delay = Dist::Constant(Duration::from_secs_f64(x));
        },
    ),
    number(
        "tunnelConnectSeconds",
        "Median time an agent of the tunnel connects",
        TIME,
        &["connection of"],
        |s, _, x| {
            median(&mut s.tunnel_connect, x);
        },
    ),
    number(
        "cordonedNodesLeaveBalancers",
        "1: load balancers drop cordoned nodes, 0: they keep them",
        SHARE,
        &[],
        |s, _, x| s.balancers_drop_cordoned = x >= 0.5,
    ),
    number(
        "pullMibPerSecond",
        "Speed of pulling images whose size is known",
        (0.01, 1e6),
        &["image pull of known"],
        |_, c, x| {
            for w in c.workloads.rows_mut() {
                if let Some(bytes) = w.image_bytes {
                    w.pull = super::pods::pull_of_size(bytes, x, &w.pull);
                }
            }
        },
    ),
    number(
        "memoryWithLoad",
        "Share of the memory of pods that follow load that follows it too",
        SHARE,
        &["memory of pods"],
        |_, c, x| {
            c.workloads.rows_mut().iter_mut().filter(|w| w.follows_load).for_each(|w| w.memory.with_load = x);
        },
    ),
    number(
        "dnsQpsPerReplica",
        "Queries a second a DNS replica answers",
        (1.0, 1e9),
        &["capacity of cluster"],
        |_, c, x| {
            services(c).for_each(|service| service.capacity = x);
        },
    ),
    number("dnsTimeoutSeconds", "When a DNS client asks again", (0.1, 3600.0), &["DNS clients"], |_, c, x| {
        services(c).for_each(|service| service.clients.timeout = Duration::from_secs_f64(x));
    }),
    number(
        "dnsAttempts",
        "How often a DNS client asks at the most, the first time included",
        (1.0, 10.0),
        &["DNS clients"],
        |_, c, x| services(c).for_each(|service| service.clients.attempts = x),
    ),
    number(
        "dnsStampede",
        "Multiple of the demand on DNS after an outage, for 5 min",
        (1.0, 100.0),
        &["demand on DNS after"],
        |_, c, x| services(c).for_each(|service| service.stampede.factor = x),
    ),
    number("dnsMemoryMib", "Memory of a DNS replica, MiB", MIB, &["memory of a DNS replica"], |_, c, x| {
        services(c).for_each(|service| memory_of(service).base = mebibytes(x));
    }),
    number("dnsMemoryLimitMib", "Its limit, MiB", MIB, &[], |_, c, x| {
        services(c).for_each(|service| memory_of(service).limit = Some(mebibytes(x)));
    }),
    number(
        "dnsMemoryMibPerKqps",
        "Memory more for each 1,000 queries/s while it is asked too much, MiB",
        (0.0, 10_000.0),
        &["memory of a DNS replica that"],
        |_, c, x| services(c).for_each(|service| memory_of(service).per_rate = x * MEBIBYTE / 1000.0),
    ),
    number(
        "dnsStaleShare",
        "Share of nodes that keep entries of a DNS replica that has gone",
        SHARE,
        &["stale entries for"],
        |_, c, x| {
            for service in services(c) {
                service.stale.probability = x;
                service.stale.long_probability = service.stale.long_probability.min(x);
            }
        },
    ),
    number(
        "dnsStaleLongShare",
        "Share of nodes that keep them for 5 to 30 min",
        SHARE,
        &["stale entries that are"],
        |_, c, x| {
            for service in services(c) {
                service.stale.long_probability = x;
                service.stale.probability = service.stale.probability.max(x);
            }
        },
    ),
    number("localDnsShare", "Share of queries that LocalDNS lets through", SHARE, &["LocalDNS"], |_, c, x| {
        c.pools.rows_mut().iter_mut().filter_map(|pool| pool.local_cache.as_mut()).for_each(|share| *share = x);
    }),
    number("dailySwing", "How far load goes up and down in a day, as a share of its mean", SHARE, &[], |s, _, x| {
        s.demand.daily_swing = x;
    }),
    number("dailyPeakInHours", "From the start until its next peak", (0.0, 24.0), &[], |s, _, x| {
        s.demand.peak_in = Duration::from_secs_f64(3600.0 * x.min(24.0));
    }),
    number("weekendFactor", "Load at weekends as a multiple of other days", (0.0, 100.0), &[], |s, _, x| {
        s.demand.weekend = x;
    }),
    number("weekendInHours", "From the start until the next Saturday begins", (0.0, 167.9), &[], |s, _, x| {
        s.demand.weekend_in = Duration::from_secs_f64(3600.0 * x.min(167.9));
    }),
    number("demandNoise", "Coefficient of variation of demand from minute to minute", (0.0, 10.0), &[], |s, _, x| {
        s.demand.noise = x
    }),
];

/// Memory in MiB.
const MIB: (f64, f64) = (1.0, 1e6);
const MEBIBYTE: f64 = 1_048_576.0;

fn mebibytes(x: f64) -> i64 {
    (x * MEBIBYTE) as i64
}

fn services(cluster: &mut ClusterSpec) -> impl Iterator<Item = &mut Service> {
    cluster.workloads.rows_mut().iter_mut().filter_map(|w| w.service.as_mut())
}

fn memory_of(service: &mut Service) -> &mut ServiceMemory {
    let none = ServiceMemory { base: 0, per_rate: 0.0, limit: None, fills: Duration::secs(20) };
    service.memory.get_or_insert(none)
}

/// Pools of node auto-provisioning, or all others.
fn pools(cluster: &mut ClusterSpec, provisioned: bool) -> impl Iterator<Item = &mut PoolSpec> {
    let own: Vec<u32> = cluster.provisioners.iter().flat_map(|p| &p.sizes).map(|id| id.0).collect();
    let all = cluster.pools.rows_mut().iter_mut().zip(0..);
    all.filter(move |(_, id)| own.contains(id) == provisioned).map(|(pool, _)| pool)
}

/// The numbers of the snapshot with those of the settings over them.
///
/// # Errors
/// Names that are not known, and values out of their range.
pub fn numbers(
    cluster: &ClusterFacts,
    settings: &BTreeMap<String, f64>,
) -> Result<BTreeMap<String, f64>, Vec<Complaint>> {
    let mut complaints = Vec::new();
    let mut given = BTreeMap::new();
    match cluster.other.get("assume") {
        None | Some(Value::Null) => {}
        Some(Value::Object(map)) => {
            for (name, value) in map {
                match value.as_f64() {
                    Some(x) => keep(name, x, "cluster.assume", &mut given, &mut complaints),
                    None => complaints.push(Complaint::at(format!("cluster.assume.{name}"), value, "a number")),
                }
            }
        }
        Some(other) => complaints.push(Complaint::at("cluster.assume", other, "an object of numbers by name")),
    }
    for (name, x) in settings {
        keep(name, *x, "settings.assume", &mut given, &mut complaints);
    }
    if complaints.is_empty() { Ok(given) } else { Err(complaints) }
}

fn keep(name: &str, x: f64, path: &str, given: &mut BTreeMap<String, f64>, complaints: &mut Vec<Complaint>) {
    let Some(number) = NUMBERS.iter().find(|n| n.name == name) else {
        let known: Vec<&str> = NUMBERS.iter().map(|n| n.name).collect();
        complaints.push(Complaint::at(path, name, format!("one of {}", known.join(", "))));
        return;
    };
    let (least, most) = number.range;
    if (least..=most).contains(&x) {
        given.insert(name.to_owned(), x);
    } else {
        complaints.push(Complaint::at(format!("{path}.{name}"), x, format!("a number from {least} to {most}")));
    }
}

/// Puts one number in place of its default.
pub(super) fn set(name: &str, x: f64, settings: &mut Settings, cluster: &mut ClusterSpec) {
    if let Some(number) = NUMBERS.iter().find(|n| n.name == name) {
        (number.set)(settings, cluster, x);
    }
}

/// Puts the numbers in place of the defaults, and notes them with what they replace.
pub fn apply(
    given: &BTreeMap<String, f64>,
    settings: &mut Settings,
    cluster: &mut ClusterSpec,
    coverage: &mut Coverage,
) {
    for number in NUMBERS {
        let Some(&x) = given.get(number.name) else { continue };
        (number.set)(settings, cluster, x);
        let replaced = |name: &str| number.instead_of.iter().any(|start| name.starts_with(start));
        for assumption in coverage.assumptions.iter_mut().filter(|a| replaced(&a.name)) {
            assumption.value = format!("{}; given: {} {x}", assumption.value, number.name);
        }
    }
}

/// The same spread around another median.
fn median(dist: &mut Dist, seconds: f64) {
    let to = Duration::from_secs_f64(seconds);
    match dist {
        Dist::LogNormal { median, .. } => *median = to,
        other => *other = Dist::Constant(to),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::change::ChangeSettings;
    use crate::defaults::rates;

    fn facts(json: &str) -> ClusterFacts {
        let other = [("assume".to_owned(), serde_json::from_str(json).unwrap())].into();
        ClusterFacts { other, ..ClusterFacts::default() }
    }

    #[test]
    fn every_number_changes_something_and_tells_of_it() {
        for number in NUMBERS {
            let mut coverage = Coverage::default();
            let mut settings = rates::settings(33, &ChangeSettings::default(), &mut coverage).unwrap();
            let mut cluster =
                simulator::example::Example::new().pool("nap", 0).pool("p", 2).deployment("dns", 2).build().cluster;
            cluster.pools.rows_mut().iter_mut().for_each(|p| p.provision = super::super::log_normal(150.0, 0.35));
            cluster.pools.rows_mut().iter_mut().for_each(|p| p.local_cache = Some(0.2));
            cluster.provisioners.push(simulator::spec::Provisioner::new("nap", vec![simulator::PoolId(0)]));
            let dns = &mut cluster.workloads.rows_mut()[0];
            dns.service = Some(simulator::spec::Service::plain(1.0, 2.0, 1e-4));
            (dns.image_bytes, dns.follows_load) = (Some(1 << 30), true);
            let before = format!("{settings:?} {cluster:?}");
            // Within every range, and no default.
            let given = [(number.name.to_owned(), if number.range == SHARE { 0.77 } else { 77.0 })].into();
            apply(&given, &mut settings, &mut cluster, &mut coverage);
            assert_ne!(format!("{settings:?} {cluster:?}"), before, "{}", number.name);
            let told = coverage
                .assumptions
                .iter()
                .any(|a| a.value.ends_with(&format!("given: {} {}", number.name, given[number.name])));
            let noted_elsewhere = [
                "provisionSeconds",
                "napProvisionSeconds",
                "reimageSeconds",
                "dnsQpsPerReplica",
                "dnsTimeoutSeconds",
                "dnsAttempts",
                "dnsStampede",
                "dnsMemoryMib",
                "dnsMemoryMibPerKqps",
                "dnsStaleShare",
                "dnsStaleLongShare",
                "localDnsShare",
                "spotEvictionsPerHour",
                "pullMibPerSecond",
                "memoryWithLoad",
            ];
            assert_eq!(
                told,
                !number.instead_of.is_empty() && !noted_elsewhere.contains(&number.name),
                "{}",
                number.name
            );
        }
    }

    #[test]
    fn the_message_wins_over_the_snapshot() {
        let facts = facts(r#"{"provisionSeconds":300,"faultsPerYear":2}"#);
        let given = numbers(&facts, &[("faultsPerYear".to_owned(), 0.0)].into()).unwrap();
        assert_eq!((given["provisionSeconds"], given["faultsPerYear"]), (300.0, 0.0));
        let mut settings = Settings::calm();
        settings.failures.company = 0.5;
        let mut cluster = ClusterSpec::default();
        let one = [("interruptionsPerYear".to_owned(), 2.0)].into();
        apply(&one, &mut settings, &mut cluster, &mut Coverage::default());
        // Half of the interruptions have two followers on average: both count.
        assert!((settings.failures.per_hour * HOURS_PER_YEAR - 1.0).abs() < 1e-12);
    }

    #[test]
    fn nonsense_is_refused_all_at_once() {
        let facts = facts(r#"{"provisionSeconds":0,"gravity":1,"surgeGapShare":"much"}"#);
        let found = numbers(&facts, &[("allocationFailure".to_owned(), f64::NAN)].into()).unwrap_err();
        let paths: Vec<&str> = found.iter().map(|c| c.path.as_str()).collect();
        let expected = ["cluster.assume", "cluster.assume.provisionSeconds", "cluster.assume.surgeGapShare"];
        assert_eq!(paths, [&expected[..], &["settings.assume.allocationFailure"]].concat());
        assert_eq!(numbers(&super::tests::facts("3"), &BTreeMap::new()).unwrap_err().len(), 1);
    }
}
