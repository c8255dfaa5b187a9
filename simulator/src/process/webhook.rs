//! Admission webhooks: owners that are not let make their pods try again after growing pauses, and evictions are refused.
//!
//! Kubernetes v1.34: a webhook whose service has no endpoint, or that the API server has no way to, fails at once; one whose pods
//! do not answer fails after its time-out. `failurePolicy: Fail` makes that a refusal, `Ignore` lets the request pass
//! (apiserver admission/plugin/webhook, generic errors). A controller whose create call fails puts the owner back after 5 ms,
//! doubling up to 1,000 s (client-go workqueue `DefaultTypedControllerRateLimiter`); the Job controller after 1 s, doubling up
//! to 60 s (`DefaultJobApiBackOff`, `MaxJobApiBackOff`). Whatever happens to a pod of the owner makes it try at once, without
//! forgetting how often it has failed. So pods come some time after the webhook is back, up to as long again as it was away.
//! A refused eviction is tried again by the drain every 5 s (Azure/AKS issue 4720). Left out: webhooks on other requests,
//! conditions in CEL, what they answer (yes, but for those that are said to deny evictions), the rate limits of clients.

use crate::event::Event;
use crate::outcome::Functions;
use crate::outcome::Incident;
use crate::random::{Process, entity_key};
use crate::sim::Sim;
use crate::spec::{Backend, WorkloadKind};
use crate::time::{Duration, Time};
use crate::{PodId, WebhookId, WorkloadId};

/// Pods of one owner that are held back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hold {
    workload: WorkloadId,
    /// Failed attempts to make them.
    failures: u32,
    /// Tells attempts apart.
    number: u32,
    /// The attempt in hand is over.
    over: Time,
    /// Nobody refuses any more: they pass when the attempt is over.
    passes: bool,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It passes after a while, with so many webhooks not heard.
    Passes { after: Duration, unheard: u32 },
    /// It fails after a while.
    Fails { after: Duration, by: WebhookId },
}

/// What comes of asking one webhook.
enum Answer {
    Yes,
    /// No way to it, or nobody there.
    Nobody,
    /// Whoever was asked does not answer.
    Silence,
}

impl Sim<'_> {
    /// Hands a new pod to the webhooks that want to see it first. False where there are none.
    pub(crate) fn asks_first(&mut self, pod: PodId) -> bool {
        let workload = self.cluster.pods[pod].workload;
        if self.p.carriers.creations[workload].is_empty() {
            return false;
        }
        self.cluster.pods[pod].held = true;
        self.try_creation(workload);
        true
    }

    /// Something has happened to a pod of an owner: it looks again.
    pub(crate) fn owner_looks_again(&mut self, workload: WorkloadId) {
        if !self.holds.is_empty() && self.holds.iter().any(|hold| hold.workload == workload) {
            self.try_creation(workload);
        }
    }

    /// The pause of an owner is over.
    pub(crate) fn creation_retries(&mut self, workload: WorkloadId, number: u32) {
        let Some(hold) = self.holds.iter().find(|hold| hold.workload == workload && hold.number == number) else {
            return;
        };
        match hold.passes {
            true => self.let_pass(workload),
            false => self.try_creation(workload),
        }
    }

    /// A pod that was held back is not wanted any more.
    pub(crate) fn hold_may_end(&mut self, workload: WorkloadId) {
        if !self.cluster.pods_of(workload).any(|p| self.cluster.pods[p].held) {
            self.holds.retain(|hold| hold.workload != workload);
            self.tell_blocked();
        }
    }

    /// Adds those that are held back now to the counts.
    pub(crate) fn count_held(&self, counts: &mut Functions) {
        for hold in self.holds.iter().filter(|hold| hold.failures > 0) {
            for pod in self.cluster.pods_of(hold.workload).map(|p| &self.cluster.pods[p]).filter(|pod| pod.held) {
                counts.held += 1;
                counts.longest_hold = counts.longest_hold.max(self.now.since(pod.since));
            }
        }
    }

    /// One attempt of an owner to make all pods it lacks.
    fn try_creation(&mut self, workload: WorkloadId) {
        let at = self.holds.iter().position(|hold| hold.workload == workload).unwrap_or_else(|| {
            self.holds.push(Hold { workload, failures: 0, number: 0, over: self.now, passes: false });
            self.holds.len() - 1
        });
        let Hold { failures, number, over, passes, .. } = self.holds[at];
        if passes || over > self.now {
            return; // it is at it, and will see the others when it is done
        }
        let first = failures == 0;
        match self.ask_all(workload) {
            Verdict::Passes { after, unheard } => {
                self.standing.counts.unchecked += unheard;
                if after.is_zero() {
                    self.let_pass(workload);
                    return;
                }
                self.holds[at] = Hold { number: number + 1, over: self.now + after, passes: true, ..self.holds[at] };
                self.queue.at(self.now + after, Event::CreationRetries { workload, number: number + 1 });
            }
            Verdict::Fails { after, by } => {
                let failures = failures + 1;
                let over = self.now + after;
                self.holds[at] = Hold { failures, number: number + 1, over, ..self.holds[at] };
                let pause = backoff(self.spec.workloads[workload].kind, failures);
                self.queue.at(over + pause, Event::CreationRetries { workload, number: number + 1 });
                if first {
                    self.tell(Incident::CreationRefused { workload, webhook: by });
                }
            }
        }
        self.tell_blocked();
    }

    fn tell_blocked(&mut self) {
        let blocked = self.holds.iter().any(|hold| !hold.passes);
        self.creation_blocked(blocked);
    }

    /// The pods of an owner are made.
    fn let_pass(&mut self, workload: WorkloadId) {
        let refused = self.holds.iter().any(|hold| hold.workload == workload && hold.failures > 0);
        self.holds.retain(|hold| hold.workload != workload);
        self.tell_blocked();
        let mut pods: Vec<PodId> = self.cluster.pods_of(workload).filter(|&p| self.cluster.pods[p].held).collect();
        pods.sort_unstable_by_key(|&p| self.cluster.pods[p].start);
        if refused {
            self.tell(Incident::CreationResumed { workload, pods: pods.len() as u32 });
        }
        for pod in pods {
            let row = &mut self.cluster.pods[pod];
            row.held = false;
            let waited = self.now.since(row.since);
            self.standing.counts.held += u32::from(refused);
            self.standing.counts.longest_hold = self.standing.counts.longest_hold.max(waited);
            self.made(pod);
        }
    }

    /// Asks everybody who wants to see a pod of the workload before it is made, one after the other.
    fn ask_all(&mut self, workload: WorkloadId) -> Verdict {
        let (mut after, mut unheard) = (Duration::ZERO, 0);
        for i in 0..self.p.carriers.creations[workload].len() {
            let id = self.p.carriers.creations[workload][i];
            let webhook = &self.spec.webhooks[id];
            let lasts = match self.ask(id) {
                Answer::Yes => continue,
                Answer::Nobody => Duration::ZERO,
                Answer::Silence => webhook.timeout,
            };
            after += lasts;
            if webhook.fails_closed {
                return Verdict::Fails { after, by: id };
            }
            unheard += 1;
        }
        Verdict::Passes { after, unheard }
    }

    /// The webhook that keeps a pod from being evicted, where one does.
    pub(crate) fn eviction_refused_by(&mut self, workload: WorkloadId) -> Option<WebhookId> {
        for i in 0..self.p.carriers.evictions[workload].len() {
            let id = self.p.carriers.evictions[workload][i];
            let (closed, denies) = (self.spec.webhooks[id].fails_closed, self.spec.webhooks[id].denies_evictions);
            let refused = match self.ask(id) {
                Answer::Yes => denies,
                Answer::Nobody | Answer::Silence => closed,
            };
            if refused {
                self.standing.counts.refusals += 1;
                return Some(id);
            }
        }
        None
    }

    /// True where a webhook cannot answer at all.
    pub(crate) fn is_dumb(&self, id: WebhookId) -> bool {
        match &self.spec.webhooks[id].backend {
            Backend::Outside => false,
            Backend::Inside(pods) => !self.has_tunnel() || pods.iter().all(|&w| self.cluster.workloads[w].up == 0),
        }
    }

    fn ask(&mut self, id: WebhookId) -> Answer {
        let webhook = &self.spec.webhooks[id];
        let Backend::Inside(pods) = &webhook.backend else { return Answer::Yes };
        let sum = |of: fn(&crate::cluster::workload::Workload) -> u32| -> u32 {
            pods.iter().map(|&w| of(&self.cluster.workloads[w])).sum()
        };
        let (ready, up) = (sum(|w| w.ready), sum(|w| w.up));
        if !self.has_tunnel() || ready == 0 {
            Answer::Nobody
        } else if up == 0 {
            Answer::Silence
        } else if up < ready {
            // Some of its endpoints lie on a node that is dead and not yet noticed.
            self.asked += 1;
            let u = self.streams.uniform(Process::WebhookBackend, entity_key(&webhook.name), self.asked);
            if u * f64::from(ready) < f64::from(up) { Answer::Yes } else { Answer::Silence }
        } else {
            Answer::Yes
        }
    }
}

/// How long an owner leaves its pods alone after its `failures`-th failure in a row.
fn backoff(kind: WorkloadKind, failures: u32) -> Duration {
    let (first, most) = match kind {
        WorkloadKind::Job => (Duration::secs(1), Duration::secs(60)),
        _ => (Duration(5_000), Duration::secs(1000)),
    };
    Duration(first.0 << (failures.max(1) - 1).min(20)).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound() {
        let pauses = |kind, at: &[u32]| at.iter().map(|&n| backoff(kind, n).0 / 1000).collect::<Vec<_>>();
        assert_eq!(
            pauses(WorkloadKind::Deployment, &[1, 2, 12, 18, 19, 40]),
            [5, 10, 10_240, 655_360, 1_000_000, 1_000_000]
        );
        assert_eq!(pauses(WorkloadKind::Job, &[1, 3, 7, 30]), [1000, 4000, 60_000, 60_000]);
    }
}
