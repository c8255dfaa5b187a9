//! Random clusters, operations and failures: every run keeps the invariants (checked after each event), is the same when
//! repeated, and doing nothing does nothing. `PROPTEST_CASES=10000` makes it a long run; a run that fails says its number.

use proptest::test_runner::Config;

use crate::change::{BlueGreenSettings, DrainSettings, Operation, Replacement, Undrainable, UpgradeSettings};
use crate::example::{Example, drain_settings};
use crate::random::{Dist, Process, Streams};
use crate::scenario::{Decay, Happening};
use crate::settings::{Demand, Expander, Repair};
use crate::spec::{
    Autoscaled, Backend, BudgetRule, Clients, Effect, Exposure, Quantity, Role, Scaling, Service, ServiceMemory,
    SpotPolicy, StaleEntries, Stampede, Taint, Toleration, Webhook, WorkloadKind,
};
use crate::time::Duration;
use crate::{NodeId, NodeShapeId, PoolId, Runs, Scenario, WorkloadId, ZoneId, paired};

#[test]
#[allow(clippy::print_stdout, reason = "a run that fails says its number")]
fn random_runs_keep_the_invariants() {
    for run in 0..Config::default().cases.max(300) {
        println!("run {run}");
        let scenario = Random::new(run).scenario();
        let pairs =
            |scenario: &Scenario| paired(scenario, Runs { seed: 7, first: run, trials: 1, threads: 1 }, &|_| {});
        let found = pairs(&scenario);
        assert_eq!(found, pairs(&scenario));
        let nothing = pairs(&scenario.do_nothing());
        assert_eq!(nothing[0].proposal, nothing[0].baseline);
        // The plan beside it decides no more of doing nothing than how long it is looked at.
        if nothing[0].baseline.end == found[0].baseline.end {
            assert_eq!(nothing[0].baseline, found[0].baseline);
        }
        for operation in &found[0].proposal.operations {
            assert!(operation.ended.is_none_or(|ended| ended >= operation.started));
        }
    }
}

/// Draws that make up a scenario.
struct Random {
    streams: Streams,
    next: u32,
}

impl Random {
    fn new(run: u32) -> Random {
        Random { streams: Streams::new(41, run), next: 0 }
    }

    /// One of `0..n`.
    fn below(&mut self, n: u32) -> u32 {
        self.next += 1;
        let u = self.streams.uniform(Process::TieBreak, 0, self.next);
        ((u * f64::from(n)) as u32).min(n - 1)
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u32) as usize]
    }

    /// A rate per hour: usually none, else high.
    fn rate(&mut self) -> f64 {
        self.of(&[0.0, 0.0, 0.2, 2.0])
    }

    fn minutes(&mut self, most: u32) -> Dist {
        let mean = Duration::mins(u64::from(1 + self.below(most)));
        if self.one_in(2) { Dist::Exponential { mean } } else { Dist::Constant(mean) }
    }

    fn scenario(&mut self) -> Scenario {
        let mut example = Example::new();
        let mut nodes = 0;
        let pools = 1 + self.below(3);
        for pool in 0..pools {
            let size = 1 + self.below(7);
            example = self.pool(example, pool, size);
            nodes += size;
            for n in 0..1 + self.below(2) {
                example = self.workload(example, &format!("w-{pool}-{n}"), nodes);
            }
        }
        if self.one_in(2) {
            // On some nodes it is missing.
            let hosts = (0..nodes).filter(|_| !self.one_in(5)).map(NodeId).collect();
            let cpu = self.of(&[50, 50, 1500]);
            let selects = self.one_in(3);
            example = example.workload("daemon", WorkloadKind::DaemonSet, hosts).with_shape(|s| {
                s.requests.cpu = cpu;
                if selects {
                    s.node_selector.insert("agentpool".into(), "pool-0".into());
                }
            });
        }
        if self.one_in(2) {
            let free = self.below(6);
            example = example.supply("cores", free, 1 + free % 2);
        }
        example = self.troubles(example);
        for _ in 0..self.below(4) {
            let at = Duration::secs(u64::from(self.below(3600)));
            example = example.happens(at, self.happening(nodes));
        }
        for _ in 0..self.below(4) {
            let at = Duration::secs(u64::from(self.below(3600)));
            example = example.change(at, self.operation(pools, nodes));
        }
        let mut scenario = example.horizon(Duration::mins(150)).build();
        scenario.settings.follow = Duration::mins(self.of(&[0, 60]));
        self.rollouts(&mut scenario);
        self.other_shapes(&mut scenario);
        self.functions(&mut scenario);
        scenario.changes.sort_by_key(|planned| planned.at);
        scenario.script.sort_by_key(|scripted| scripted.at);
        scenario
    }

    /// Some workloads are being rolled out, and some lack pods.
    fn rollouts(&mut self, scenario: &mut Scenario) {
        let cluster = &mut scenario.cluster;
        for workload in cluster.workloads.ids() {
            let rolls = self.one_in(5) && cluster.workloads[workload].kind != WorkloadKind::Job;
            let spec = &mut cluster.workloads.rows_mut()[workload.0 as usize];
            spec.control.ordered = !self.one_in(3);
            spec.control.surge = Quantity::Count(self.below(3));
            spec.control.unavailable = Quantity::Count(self.below(3));
            spec.replicas += if spec.kind != WorkloadKind::Bare && self.one_in(5) { self.below(3) } else { 0 };
            let mine = cluster.pods.iter_mut().filter(|pod| pod.workload == workload);
            mine.filter(|_| rolls && self.one_in(2)).for_each(|pod| pod.old = true);
        }
    }

    /// Some pods carry what others wait for.
    fn functions(&mut self, scenario: &mut Scenario) {
        let cluster = &mut scenario.cluster;
        let workloads: Vec<WorkloadId> = cluster.workloads.ids().collect();
        for &id in &workloads {
            let role = self.of(&[None, None, None, Some(Role::Tunnel), Some(Role::Metrics), Some(Role::Ingress)]);
            let (initialises, drives, mounts) = (self.one_in(2), self.one_in(2), self.one_in(3));
            let local = self.of(&[None, None, Some(true), Some(false)]);
            let spec = &mut cluster.workloads[id];
            spec.role = role.unwrap_or(spec.role);
            spec.duty.exposed = local.map(|local| Exposure { local });
            if spec.kind == WorkloadKind::DaemonSet {
                spec.duty.initialises_nodes = initialises;
                spec.duty.driver = drives.then(|| "disk".to_owned());
                let all = Toleration { key: None, value: None, effect: Some(Effect::NoSchedule), seconds: None };
                cluster.pod_shapes[spec.shape].tolerations.push(all);
            } else if mounts {
                cluster.pod_shapes[spec.shape].volumes.drivers = vec!["disk".to_owned()];
            }
        }
        for n in 0..self.below(3) {
            let mut some = |one_in: u32| workloads.iter().copied().filter(|_| self.one_in(one_in)).collect::<Vec<_>>();
            let (backend, creations, evictions) = (some(2), some(2), some(3));
            cluster.webhooks.push(Webhook {
                name: format!("webhook-{n}"),
                backend: if self.one_in(5) { Backend::Outside } else { Backend::Inside(backend) },
                fails_closed: !self.one_in(3),
                creations,
                evictions,
                timeout: Duration::secs(u64::from(1 + self.below(30))),
                denies_evictions: self.one_in(6),
            });
        }
        scenario.settings.tunnel_connect = self.minutes(1);
        scenario.settings.balancers_drop_cordoned = self.one_in(2);
    }

    /// Shapes with another label or taint, one for each there is.
    fn other_shapes(&mut self, scenario: &mut Scenario) {
        for shape in scenario.cluster.node_shapes.rows().to_vec() {
            let mut other = shape;
            match self.of(&[None, Some(Effect::NoSchedule), Some(Effect::NoExecute)]) {
                Some(effect) => other.taints.push(Taint { key: "k".into(), value: String::new(), effect }),
                None => other.labels.clear(),
            }
            scenario.cluster.node_shapes.push(other);
        }
    }

    fn pool(&mut self, example: Example, pool: u32, size: u32) -> Example {
        let zones = 1 + self.below(3);
        let min = self.below(size + 1);
        let range = Autoscaled { min, max: size + self.below(4), priority: self.below(3) as i32 };
        let autoscaler = self.one_in(3).then_some(range);
        let room = if self.one_in(2) { Some(self.below(5)) } else { None };
        let spot = self.of(&[None, None, Some(SpotPolicy::Delete), Some(SpotPolicy::Deallocate)]);
        let deallocates = self.one_in(4).then_some(Dist::Constant(Duration::secs(60)));
        let (provision, reimage) = (self.minutes(5), self.minutes(6));
        let cache = self.of(&[None, None, Some(0.2)]);
        example.pool(&format!("pool-{pool}"), size).zones(zones).with_pool(|p| {
            (p.autoscaler, p.room, p.spot, p.deallocates) = (autoscaler, room, spot, deallocates);
            (p.provision, p.reimage) = (provision, reimage);
            p.local_cache = cache;
        })
    }

    fn workload(&mut self, example: Example, name: &str, nodes: u32) -> Example {
        use WorkloadKind::{Bare, Deployment, Job, StatefulSet};
        let kind = self.of(&[Deployment, Deployment, StatefulSet, Job, Bare]);
        let replicas = 1 + self.below(8);
        let hosts = (0..replicas).map(|i| NodeId(i % nodes)).collect();
        let (cpu, priority) = (self.of(&[50, 200, 400]), self.of(&[0, 0, 1000, 2_000_000_000]));
        let unreachable = self.of(&[None, Some(0), Some(30), Some(300)]).map(Duration::secs);
        let readiness = self.minutes(1);
        let pull = self.minutes(1);
        let (follows, serves) = (self.one_in(3), self.one_in(4));
        let runs = if self.one_in(2) { Some(self.minutes(30)) } else { None };
        let completions = self.of(&[None, Some(replicas), Some(2 * replicas)]);
        let forgives = self.one_in(2);
        let memory = self.of(&[None, None, Some(4 << 30)]);
        let service = self.service();
        let mut example = example
            .workload(name, kind, hosts)
            .minimum(1)
            .with_shape(|s| {
                s.requests.cpu = cpu;
                s.score_requests.0 = cpu;
                s.priority = priority;
            })
            .with(|w| {
                (w.unreachable, w.readiness, w.pull, w.follows_load) = (unreachable, readiness, pull, follows);
                (w.control.job.runs, w.control.job.completions) = (runs, completions);
                w.control.job.forgives_disruption = forgives;
                (w.memory.used, w.memory.with_load) = (memory, if follows { 0.5 } else { 0.0 });
                if follows {
                    w.scaling = Some(Scaling::Utilisation { min: 1, max: 10, target_percent: 70.0 });
                }
                if serves {
                    w.role = Role::Dns;
                    w.service = Some(service);
                }
            });
        if self.one_in(2) {
            let count = Quantity::Count(self.below(replicas + 1));
            let rule = self.of(&[BudgetRule::MinAvailable(count), BudgetRule::MaxUnavailable(count)]);
            example = example.budget(rule);
        }
        example
    }

    fn service(&mut self) -> Service {
        let minutes = Dist::Uniform { low: Duration::secs(3), high: Duration::mins(4) };
        let limit = self.of(&[None, Some(55 << 20), Some(60 << 20)]);
        Service {
            requests_per_demand: self.of(&[1.0, 1.5]),
            service_time: Duration::millis(u64::from(self.below(3))),
            queue: self.of(&[0.0, 0.0, 500.0, f64::INFINITY]),
            answers: Dist::Constant(Duration::secs(u64::from(self.below(2) * 20))),
            clients: Clients { timeout: Duration::secs(5), attempts: self.of(&[1.0, 2.0, 3.5, 10.0]) },
            stampede: Stampede {
                factor: self.of(&[1.0, 2.0]),
                lasts: Duration::mins(5),
                after: Duration::secs(u64::from(self.below(2) * 60)),
            },
            memory: self.of(&[false, true]).then_some(ServiceMemory {
                base: 54 << 20,
                per_rate: 2000.0,
                limit,
                fills: Duration::secs(u64::from(self.below(4))),
            }),
            stale: StaleEntries {
                probability: self.of(&[0.0, 0.3]),
                lasts: minutes.clone(),
                long_probability: 0.03,
                long_lasts: minutes,
            },
            ..Service::plain(3000.0, 2000.0, 1e-4)
        }
    }

    fn demand(&mut self) -> Demand {
        Demand {
            daily_swing: self.of(&[0.0, 0.5]),
            peak_in: Duration::mins(u64::from(self.below(1440))),
            weekend: self.of(&[1.0, 0.7]),
            weekend_in: Duration::mins(u64::from(self.below(200))),
            noise: self.of(&[0.0, 0.2]),
        }
    }

    fn troubles(&mut self, example: Example) -> Example {
        let repair = self
            .one_in(2)
            .then(|| Repair::aks([(self.minutes(6), 0.6), (self.minutes(9), 0.5), (self.minutes(9), 0.7)]));
        let downs: Vec<Dist> = (0..5).map(|_| self.minutes(20)).collect();
        let rates: Vec<f64> = (0..8).map(|_| self.rate()).collect();
        let crews = self.of(&[None, None, Some(1), Some(2)]);
        let company = self.of(&[0.0, 0.5]);
        let share = self.of(&[None, Some(1.2)]);
        let correlation = self.of(&[0.0, 0.3, 1.0]);
        let trouble = self.of(&[0.0, 0.2]);
        let retries = self.below(2);
        let expander = self.of(&[Expander::Random, Expander::LeastWaste, Expander::MostPods, Expander::Priority]);
        let retry = self.of(&[0, 5]);
        let (delay, serial) = (self.minutes(1), self.one_in(2));
        let demand = self.demand();
        let ramp = self.minutes(3);
        example.settings(|s| {
            let f = &mut s.failures;
            (f.per_hour, f.faults_per_hour, f.reboots_per_hour, f.grey_per_hour) =
                (rates[0], rates[1], rates[2], rates[3]);
            (f.zone_per_hour, f.domain_per_hour, f.fleet_per_hour) = (rates[4], rates[5], rates[6]);
            (f.down, f.reboot, f.grey) = (downs[0].clone(), downs[1].clone(), downs[2].clone());
            (f.zone_down, f.domain_down, f.fleet_down) = (downs[3].clone(), downs[4].clone(), downs[0].clone());
            (f.crews, f.company, f.zone_share, f.repair) = (crews, company, share, repair);
            (s.spot.hourly, s.spot.correlation) = (rates[7].min(0.9), correlation);
            s.provisioning.bootstrap_failure = trouble;
            s.provisioning.allocation_failure = trouble;
            s.provisioning.retries = retries;
            s.autoscaler.expander = expander;
            s.bursts.per_hour = rates[0];
            s.bursts.ramp = ramp;
            s.demand = demand;
            s.eviction_retry = Duration::secs(retry);
            (s.endpoint_delay, s.serial_pulls) = (delay, serial);
        })
    }

    fn happening(&mut self, nodes: u32) -> Happening {
        let node = NodeId(self.below(nodes));
        let lasts = Duration::secs(u64::from(self.below(2000)));
        let (workload, share) = (WorkloadId(0), self.of(&[0.1, 0.5, 1.0]));
        match self.below(11) {
            5 => Happening::Capacity { workload, factor: 2.0 * share },
            6 => Happening::MemoryLimit { workload, bytes: self.of(&[None, Some(56 << 20)]) },
            7 => Happening::RequestsLost { workload, node: self.of(&[None, Some(node)]), share, lasts },
            8 => Happening::UpstreamFails { node, share, lasts },
            9 => Happening::Replicas { workload, replicas: self.below(6) },
            10 => Happening::Burst {
                target: None,
                factor: 6.0 * share,
                ramp: lasts,
                hold: Duration::mins(3),
                decay: self.of(&[Decay::Linear(lasts), Decay::Exponential(lasts)]),
            },
            0 => Happening::NodeFailure { node, down: lasts },
            1 => Happening::NodeFault { node },
            2 => Happening::GreyNode { node, lasts },
            3 => Happening::SpotEviction { node },
            _ => Happening::ZoneFailure { pool: None, zone: ZoneId(self.below(3)), down: lasts },
        }
    }

    fn drain(&mut self) -> DrainSettings {
        DrainSettings {
            timeout: Duration::mins(3),
            respect_budgets: !self.one_in(4),
            evict: !self.one_in(5),
            undrainable: self.of(&[Undrainable::Fail, Undrainable::Quarantine, Undrainable::Force]),
            ..drain_settings()
        }
    }

    /// The shapes a pool's nodes get when they are relabelled: they follow those of all pools.
    fn shapes(pools: u32, pool: PoolId) -> Vec<(NodeShapeId, NodeShapeId)> {
        let own = 3 * pool.0..3 * pool.0 + 3;
        own.map(|shape| (NodeShapeId(shape), NodeShapeId(3 * pools + shape))).collect()
    }

    fn operation(&mut self, pools: u32, nodes: u32) -> Operation {
        let (pool, drain) = (PoolId(self.below(pools)), self.drain());
        let (takes, count) = (Duration::secs(9), self.below(9));
        let some: Vec<NodeId> = (0..1 + self.below(3)).map(|_| NodeId(self.below(nodes))).collect();
        let mut distinct = some;
        distinct.sort_unstable();
        distinct.dedup();
        match self.below(15) {
            0 | 1 => Operation::Scale { pool, count, drain },
            2 => Operation::DeletePool { pool, drain },
            3..=5 => {
                let how = UpgradeSettings {
                    max_surge: Quantity::Count(self.below(4)),
                    max_blocked: Quantity::Count(1),
                    replacement: self.of(&[Replacement::Reimage, Replacement::Recreate]),
                    ..UpgradeSettings::one_by_one(drain)
                };
                Operation::Upgrade { pool, how }
            }
            6 => {
                let how = BlueGreenSettings {
                    batch: Quantity::Count(1 + self.below(3)),
                    batch_soak: Duration::secs(60),
                    final_soak: Duration::mins(10),
                    drain,
                    shapes: Vec::new(),
                };
                Operation::BlueGreen { pool, how }
            }
            7 => Operation::Abort { pool, takes },
            8 => Operation::Drain { nodes: distinct, drain },
            9 => Operation::DeleteNodes { nodes: distinct },
            10 => Operation::Cordon { nodes: distinct },
            11 => Operation::SetReplicas { workload: WorkloadId(0), replicas: count },
            12 => Operation::Reshape { pool, shapes: Self::shapes(pools, pool), takes },
            13 => Operation::SetAutoscaler { pool, range: Some(Autoscaled { min: 1, max: 5, priority: 0 }), takes },
            _ => Operation::Uncordon { nodes: distinct },
        }
    }
}
