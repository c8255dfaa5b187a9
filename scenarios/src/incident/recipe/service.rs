//! What a recipe says of services as flows: demand, capacity, clients, memory, stale entries, local caches.

use schemars::JsonSchema;
use serde::Deserialize;
use simulator::Duration;
use simulator::random::Dist;
use simulator::spec::{Clients, ClusterSpec, Service, ServiceMemory, StaleEntries, Stampede};

use super::{RecipeFields, TimeFields, split};
use crate::incident::template::Expressed;

/// A service.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceFields {
    /// Demand per second at base load, over all replicas.
    #[schemars(with = "Expressed")]
    pub rate: f64,
    /// Requests per second that one replica can serve.
    #[schemars(with = "Expressed")]
    pub capacity: f64,
    /// Requests that one unit of demand comes to, such as the length of a DNS search list; 1 when absent.
    #[schemars(with = "Option<Expressed>")]
    pub requests_per_demand: Option<f64>,
    /// CPU seconds of a request; none when absent.
    #[schemars(with = "Option<Expressed>")]
    pub cpu_seconds: Option<f64>,
    /// Requests that may wait for each replica; none when absent.
    #[schemars(with = "Option<Expressed>")]
    pub queue: Option<f64>,
    /// Seconds from being in rotation until a replica can answer, where no readiness probe sees to that.
    #[schemars(with = "Option<Expressed>")]
    pub answers_seconds: Option<TimeFields>,
    /// Seconds after which clients ask again; never when absent.
    #[schemars(with = "Option<Expressed>")]
    pub timeout_seconds: Option<f64>,
    /// How often they ask at the most, the first time included.
    #[schemars(with = "Option<Expressed>")]
    pub attempts: Option<f64>,
    /// Memory of a replica.
    pub memory: Option<MemoryFields>,
    /// Entries of connection tracking that outlive a replica.
    pub stale: Option<StaleFields>,
    /// Extra demand after an outage.
    pub stampede: Option<StampedeFields>,
}

/// Memory of a replica.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MemoryFields {
    /// MiB while it can serve what it is asked.
    #[schemars(with = "Expressed")]
    pub base_mib: f64,
    /// KiB more for each request per second it is asked while that is more than it can serve.
    #[schemars(with = "Expressed")]
    pub kib_per_rate: f64,
    /// Limit in MiB; none when absent.
    #[schemars(with = "Option<Expressed>")]
    pub limit_mib: Option<f64>,
    /// Seconds from being asked too much until the memory is full.
    #[schemars(with = "Expressed")]
    pub fills_seconds: f64,
}

/// Stale entries of connection tracking.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StaleFields {
    /// Probability that a node keeps some when a replica goes.
    #[schemars(with = "Expressed")]
    pub probability: f64,
    /// For how many minutes.
    #[schemars(with = "Expressed")]
    pub minutes: f64,
}

/// Extra demand after an outage.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StampedeFields {
    /// Multiple of the demand.
    #[schemars(with = "Expressed")]
    pub factor: f64,
    /// For how many minutes.
    #[schemars(with = "Expressed")]
    pub minutes: f64,
    /// Seconds that the outage must have lasted.
    #[schemars(with = "Expressed")]
    pub after_seconds: f64,
}

/// Puts services and caches into the cluster.
pub(super) fn apply(recipe: &RecipeFields, cluster: &mut ClusterSpec) {
    for fields in &recipe.workloads {
        let (namespace, name) = split(&fields.name);
        let own = cluster.workloads.rows_mut().iter_mut().find(|w| w.namespace == namespace && w.name == name);
        // Without demand there is no share of it to lose.
        let asked = fields.service.as_ref().filter(|s| s.rate > 0.0 && s.capacity > 0.0);
        if let (Some(service), Some(workload)) = (asked, own) {
            let read = service.read();
            let replicas = f64::from(workload.replicas.max(1));
            let cpu = read.rate * read.requests_per_demand * read.cpu_seconds * 1000.0 / replicas;
            if read.cpu_seconds > 0.0 {
                workload.cpu_use = cpu.ceil().clamp(1.0, 1e9) as i64;
            }
            workload.follows_load = true;
            workload.service = Some(read);
        }
    }
    for fields in &recipe.pools {
        let own = cluster.pools.rows_mut().iter_mut().find(|p| p.name == fields.name);
        if let (Some(share), Some(pool)) = (fields.local_cache, own) {
            // A cache that lets everything through is none.
            pool.local_cache = (share < 1.0).then_some(share.max(0.0));
        }
    }
}

impl ServiceFields {
    fn read(&self) -> Service {
        let plain = Service::plain(self.rate, self.capacity, self.cpu_seconds.unwrap_or(0.0));
        let minutes = |m: f64| Duration::from_secs_f64((m * 60.0).max(0.0));
        let bytes = |mib: f64| (mib * f64::from(1 << 20)).clamp(0.0, 1e15) as i64;
        Service {
            requests_per_demand: self.requests_per_demand.unwrap_or(1.0).max(0.0),
            queue: self.queue.unwrap_or(0.0).max(0.0),
            answers: self.answers_seconds.map_or(plain.answers.clone(), TimeFields::dist),
            clients: self.timeout_seconds.map_or(plain.clients, |timeout| Clients {
                timeout: Duration::from_secs_f64(timeout.max(0.0)),
                attempts: self.attempts.unwrap_or(2.0).clamp(1.0, Clients::MOST as f64),
            }),
            stampede: self.stampede.as_ref().map_or(plain.stampede, |s| Stampede {
                factor: s.factor.max(1.0),
                lasts: minutes(s.minutes),
                after: Duration::from_secs_f64(s.after_seconds.max(0.0)),
            }),
            memory: self.memory.as_ref().map(|m| ServiceMemory {
                base: bytes(m.base_mib),
                per_rate: m.kib_per_rate.max(0.0) * 1024.0,
                limit: m.limit_mib.map(bytes),
                fills: Duration::from_secs_f64(m.fills_seconds.max(0.0)),
            }),
            stale: self.stale.as_ref().map_or(plain.stale.clone(), |s| StaleEntries {
                probability: s.probability.clamp(0.0, 1.0),
                lasts: Dist::Constant(minutes(s.minutes)),
                ..StaleEntries::default()
            }),
            ..plain
        }
    }
}

impl TimeFields {
    fn dist(self) -> Dist {
        let seconds = |s: f64| Duration::from_secs_f64(s.clamp(0.0, 604_800.0));
        match self {
            TimeFields::Constant(s) => Dist::Constant(seconds(s)),
            TimeFields::LogNormal { median, sigma } => {
                Dist::LogNormal { median: seconds(median), sigma: sigma.clamp(0.0, 5.0) }
            }
        }
    }
}
