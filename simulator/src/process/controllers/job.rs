//! Jobs: pods that succeed are not replaced, pods that are lost are replaced after a back-off, too many losses end the Job.
//!
//! Kubernetes v1.34 pkg/controller/job: a pod marked for deletion counts as failed at once and is replaced after 10 s, doubling
//! with each failure up to 10 min (`DefaultJobPodFailureBackOff`, `MaxJobPodFailureBackOff`); once more pods have failed than
//! `backoffLimit` allows, the Job has failed and its pods go. A pod failure policy may forgive disruptions: such a pod is
//! replaced at once. Left out: deadlines, indexed limits, success policies.

use super::Missing;
use crate::cluster::pod::{Pod, PodState};
use crate::event::Event;
use crate::random::Process;
use crate::sim::Sim;
use crate::time::Duration;
use crate::{PodId, WorkloadId};

/// Delay after a first failure.
const FIRST: Duration = Duration::secs(10);
/// The longest delay.
const LONGEST: Duration = Duration::mins(10);

impl Sim<'_> {
    /// Another number of pods: first those that are yet to come are given up, then pods; or more are made.
    pub(super) fn job_scaled(&mut self, workload: WorkloadId) {
        let row = self.cluster.workloads[workload];
        let mut room = row.desired.saturating_sub(row.alive);
        self.missing.retain(|m| {
            let kept = m.workload != workload || room > 0;
            room -= u32::from(kept && m.workload == workload);
            kept
        });
        (0..room).for_each(|_| self.create_pod(workload));
        self.shrink_to(workload, row.desired);
    }

    pub(super) fn job_pod_lost(&mut self, gone: &Pod) {
        let workload = gone.workload;
        let job = &self.spec.workloads[workload].control.job;
        if self.cluster.workloads[workload].alive >= self.cluster.workloads[workload].desired {
            return; // it was taken away on purpose
        }
        self.missing.push(Missing::after(gone));
        if job.forgives_disruption || gone.gapless {
            self.job_replaces(workload);
            return;
        }
        let row = &mut self.cluster.workloads[workload];
        row.failures += 1;
        if row.failures > job.retries {
            self.missing.retain(|m| m.workload != workload);
            self.set_replicas(workload, 0);
            return;
        }
        let doubled = FIRST.0 << (row.failures - 1).min(20);
        self.queue.at(self.now + Duration(doubled).min(LONGEST), Event::JobReplaces(workload));
    }

    /// The back-off is over: what is missing is made.
    pub(crate) fn job_replaces(&mut self, workload: WorkloadId) {
        while let Some(at) = self.missing.iter().position(|m| m.workload == workload) {
            let missing = self.missing.remove(at);
            let row = &self.cluster.workloads[workload];
            if row.alive < row.desired {
                self.make(missing);
            }
        }
    }

    /// A pod works from now on.
    pub(super) fn job_pod_runs(&mut self, pod: PodId) {
        let row = &self.cluster.pods[pod];
        if let Some(runs) = &self.spec.workloads[row.workload].control.job.runs {
            let takes = self.draw(runs, Process::JobRun, row.key, row.generation);
            self.queue.at(self.now + takes, Event::PodSucceeds { pod, epoch: row.epoch });
        }
    }

    /// A pod has done its work. The next one is made where more successes are wanted than pods are at work.
    pub(crate) fn pod_succeeds(&mut self, pod: PodId, epoch: u32) {
        let row = self.cluster.pods[pod];
        if row.epoch != epoch || row.state != PodState::Running || !row.up {
            return;
        }
        let workload = row.workload;
        self.cluster.terminate(self.spec, pod);
        self.pod_gone(pod);
        let owner = &mut self.cluster.workloads[workload];
        owner.succeeded += 1;
        let left = match self.spec.workloads[workload].control.job.completions {
            Some(completions) => completions.saturating_sub(owner.succeeded),
            None => owner.alive,
        };
        let desired = owner.desired.min(left);
        self.set_replicas(workload, desired);
        let coming = self.missing.iter().filter(|m| m.workload == workload).count() as u32;
        if self.cluster.workloads[workload].alive + coming < desired {
            self.create_pod(workload);
        }
    }
}
