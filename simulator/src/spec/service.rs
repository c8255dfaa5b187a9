//! A service whose demand and capacity are modelled as flows: what it can bear, and what its clients, its containers and the
//! nodes' packet tables do when that is not enough. [`Service::plain`] has none of the latter: what is too much is lost.

use crate::random::Dist;
use crate::time::Duration;

/// A service of a workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Demand per second at base load, over all replicas and before the caches of nodes ([`super::PoolSpec::local_cache`]).
    pub rate: f64,
    /// Requests that one unit of that demand comes to: 1 where `rate` counts requests; with demand in lookups of external names
    /// the length of the search list (CoreDNS under `ndots: 5`: 3 to 10).
    pub requests_per_demand: f64,
    /// Requests per second one replica can serve when it gets all the CPU it asks for.
    pub capacity: f64,
    /// CPU seconds one request costs.
    pub cpu_seconds: f64,
    /// Time a request takes on an idle replica.
    pub service_time: Duration,
    /// Requests that may wait for each replica; more are lost. 0: none waits. Infinite: none is lost.
    pub queue: f64,
    /// From being Ready, and so in rotation, until a replica can answer: zero where a readiness probe sees to that.
    pub answers: Dist,
    /// What clients do about lost requests.
    pub clients: Clients,
    /// What comes after an outage.
    pub stampede: Stampede,
    /// Memory of a replica; absent where it is no matter.
    pub memory: Option<ServiceMemory>,
    /// Entries of connection tracking that outlive a replica.
    pub stale: StaleEntries,
}

impl Service {
    /// A service that loses at once what is too much, and nothing else happens.
    pub fn plain(rate: f64, capacity: f64, cpu_seconds: f64) -> Service {
        Service {
            rate,
            requests_per_demand: 1.0,
            capacity,
            cpu_seconds,
            service_time: Duration::ZERO,
            queue: 0.0,
            answers: Dist::Constant(Duration::ZERO),
            clients: Clients::default(),
            stampede: Stampede::default(),
            memory: None,
            stale: StaleEntries::default(),
        }
    }
}

/// What clients do about a request that is not answered: they ask again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clients {
    /// When a request is taken to be lost, and asked again (resolvers of glibc and musl: 5 s). Zero: clients wait for ever.
    pub timeout: Duration,
    /// How often a request is asked at the most, the first time included: 1 for never again, [`Clients::MOST`] at the most. A
    /// fraction is the share of clients that ask once more.
    pub attempts: f64,
}

impl Clients {
    /// More attempts are not told apart.
    pub const MOST: usize = 10;
}

impl Default for Clients {
    /// Nobody asks again.
    fn default() -> Self {
        Clients { timeout: Duration::ZERO, attempts: 1.0 }
    }
}

/// Extra demand after an outage of the service: caches are empty, connections and jobs begin anew.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stampede {
    /// Multiple of the demand; 1 for none.
    pub factor: f64,
    /// How long it lasts.
    pub lasts: Duration,
    /// How long an outage (more is lost than is tolerated) must have lasted. One that began in a stampede is not followed by another.
    pub after: Duration,
}

impl Default for Stampede {
    /// None.
    fn default() -> Self {
        Stampede { factor: 1.0, lasts: Duration::ZERO, after: Duration::ZERO }
    }
}

/// Memory of one container of a service. Above the limit the kernel kills it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServiceMemory {
    /// Working set while it can serve what it is asked, in bytes.
    pub base: i64,
    /// Bytes more for each request per second it is asked while that is more than it can serve.
    pub per_rate: f64,
    /// Limit in bytes; `None` without one.
    pub limit: Option<i64>,
    /// From being asked too much until the working set is there.
    pub fills: Duration,
}

/// Entries of a node's connection tracking that still point to a replica after it has gone: what the node would send there is
/// lost until they expire or are deleted.
#[derive(Clone, Debug, PartialEq)]
pub struct StaleEntries {
    /// Probability that a node keeps some when a replica goes.
    pub probability: f64,
    /// For how long.
    pub lasts: Dist,
    /// Probability that it keeps them for long, part of the above.
    pub long_probability: f64,
    /// How long that is.
    pub long_lasts: Dist,
}

impl Default for StaleEntries {
    /// None.
    fn default() -> Self {
        let none = Dist::Constant(Duration::ZERO);
        StaleEntries { probability: 0.0, lasts: none.clone(), long_probability: 0.0, long_lasts: none }
    }
}
