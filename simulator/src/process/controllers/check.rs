//! No pod is lost, in tests: after every event each owner has the pods it wants, or knows which it will make and when; at the
//! end of a run every pod that waits is known to whoever it waits for.

use std::collections::BTreeMap;

use crate::cluster::pod::PodState;
use crate::event::Event;
use crate::sim::Sim;
use crate::spec::WorkloadKind;
use crate::{PodId, WorkloadId};

impl Sim<'_> {
    /// Panics where an owner has too few pods, or too many.
    pub(crate) fn check_owners(&self) {
        for (workload, spec) in self.spec.workloads.iter() {
            match spec.kind {
                WorkloadKind::Deployment => self.check_deployment(workload),
                WorkloadKind::StatefulSet => self.check_places(workload),
                WorkloadKind::Job => self.check_job(workload),
                WorkloadKind::DaemonSet => self.check_daemons(workload),
                WorkloadKind::Bare | WorkloadKind::Mirror => {
                    let row = &self.cluster.workloads[workload];
                    assert!(row.alive <= row.desired, "{} has no owner to make pods", spec.name);
                }
            }
        }
    }

    fn check_deployment(&self, workload: WorkloadId) {
        let (row, name) = (&self.cluster.workloads[workload], &self.spec.workloads[workload].name);
        assert_eq!(row.young(), row.new_desired(), "new pods of {name}");
        assert_eq!(row.old, row.old_desired, "old pods of {name}");
    }

    /// Each place of a StatefulSet is taken by one pod or will be.
    fn check_places(&self, workload: WorkloadId) {
        let (row, name) = (&self.cluster.workloads[workload], &self.spec.workloads[workload].name);
        let mut places: BTreeMap<u32, u32> = BTreeMap::new();
        for pod in self.cluster.pods_of(workload) {
            *places.entry(self.cluster.pods[pod].ordinal).or_default() += 1;
        }
        for missing in self.missing.iter().filter(|m| m.workload == workload) {
            assert!(missing.ordinal < row.desired, "a place of {name} that is not wanted is to be filled");
            *places.entry(missing.ordinal).or_default() += 1;
        }
        for ordinal in 0..row.desired {
            assert_eq!(places.get(&ordinal), Some(&1), "place {ordinal} of {name}");
        }
    }

    fn check_job(&self, workload: WorkloadId) {
        let (row, name) = (&self.cluster.workloads[workload], &self.spec.workloads[workload].name);
        let coming = self.missing.iter().filter(|m| m.workload == workload).count() as u32;
        assert_eq!(row.alive + coming, row.desired, "pods of {name}");
    }

    /// One daemon on every registered node where it fits, none for nodes that are gone.
    fn check_daemons(&self, workload: WorkloadId) {
        let name = &self.spec.workloads[workload].name;
        let mut there: BTreeMap<u32, u32> = BTreeMap::new();
        for pod in self.cluster.pods_of(workload) {
            *there.entry(self.cluster.pods[pod].ordinal).or_default() += 1;
        }
        for (node, row) in self.cluster.nodes.iter() {
            let host = &self.cluster.names[node];
            let daemons = there.get(&node.0).copied().unwrap_or(0);
            let wanted = row.registered() && self.daemon_fits(workload, node);
            assert!(daemons <= 1, "{daemons} of {name} for {host}");
            assert!(daemons == 1 || !wanted, "{name} is missing on {host}");
            assert!(daemons == 0 || row.registered(), "{name} for {host}, which is {:?}", row.state);
        }
    }

    /// Panics where a pod waits for something that will not come.
    pub(crate) fn check_waits(&self) {
        let events: Vec<Event> = self.queue.pending().collect();
        for (pod, row) in self.cluster.pods.iter() {
            let name = &self.spec.workloads[row.workload].name;
            let alive = row.node.is_some_and(|n| !self.cluster.nodes[n].is_dead());
            let grey = row.node.is_some_and(|n| self.is_grey(n));
            let expected = match row.state {
                PodState::Pending if row.gated && !row.held => continue,
                PodState::Pending if row.held => {
                    let retries =
                        |e: &Event| matches!(e, Event::CreationRetries { workload, .. } if *workload == row.workload);
                    assert!(events.iter().any(retries), "nobody tries to make a pod of {name}");
                    continue;
                }
                PodState::Pending => {
                    assert!(self.scheduling.holds(pod, row.epoch), "a pod of {name} waits and nobody knows");
                    continue;
                }
                PodState::Starting if alive && row.awaits_driver => {
                    let node = row.node.unwrap_or_default();
                    assert!(self.lacks_driver(pod, node), "a pod of {name} waits for a driver that is there");
                    continue;
                }
                PodState::Starting if alive && !grey => Event::PodReady { pod, epoch: row.epoch },
                PodState::Terminating if alive => Event::PodExits { pod, epoch: row.epoch },
                _ => continue,
            };
            let restarts =
                row.state == PodState::Starting && events.contains(&Event::ContainerStarts { pod, epoch: row.epoch });
            assert!(restarts || events.contains(&expected), "{:?} pod of {name} waits for ever: {row:?}", row.state);
        }
        for missing in &self.missing {
            let (workload, spec) = (missing.workload, &self.spec.workloads[missing.workload]);
            if spec.kind == WorkloadKind::Job {
                assert!(events.contains(&Event::JobReplaces(workload)), "pods of {} are forgotten", spec.name);
            } else {
                assert!(!self.may_be_filled(workload), "a place of {} could be filled and is not", spec.name);
            }
        }
        assert!(
            !self.scheduling.has_work() || events.contains(&Event::Schedule),
            "pods wait for the scheduler, which does not run"
        );
    }

    fn may_be_filled(&self, workload: WorkloadId) -> bool {
        let ready = |p: PodId| self.cluster.pods[p].ready;
        let lowest = self.missing.iter().filter(|m| m.workload == workload).map(|m| m.ordinal).min();
        lowest.is_some_and(|lowest| {
            let before = self.cluster.pods_of(workload).filter(|&p| self.cluster.pods[p].ordinal < lowest && ready(p));
            !self.spec.workloads[workload].control.ordered || before.count() as u32 == lowest
        })
    }
}
