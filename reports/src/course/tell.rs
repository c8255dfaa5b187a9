//! The log of a reduced trial, cut down to what led to the outage, in sentences.

use std::collections::{BTreeMap, BTreeSet};

use simulator::contingency::{Contingency, Met};
use simulator::outcome::{Entry, Incident};
use simulator::scenario::Happening;
use simulator::{Duration, NodeId, Scenario, Time, Trace, WorkloadId};

use super::Step;
use crate::explain::because;
use crate::timeline::{Outage, PodNames, Teller, node_name, shortage};
use crate::words::{self, Names};

/// What is told.
pub struct Told<'a> {
    pub scenario: &'a Scenario,
    pub trace: &'a Trace,
    pub met: &'a [Met],
    /// The workload that is out.
    pub workload: WorkloadId,
}

/// A line of the log with what made it late, where something needed did.
type Lines = BTreeMap<usize, Option<Met>>;

impl Told<'_> {
    /// The steps up to the outage and its end.
    pub fn steps(&self) -> Vec<Step> {
        let pods = PodNames::of(self.scenario, self.trace);
        let causes = because::causes(self.scenario, self.trace, &pods);
        let Some(outage) = self.outage() else { return Vec::new() };
        let mut lines: Lines = std::iter::successors(Some(outage), |i| causes[*i]).map(|i| (i, None)).collect();
        let mut never = Vec::new();
        for met in self.met {
            match self.line(met).filter(|line| *line <= outage) {
                Some(line) => {
                    // What led to it belongs to the story as well.
                    std::iter::successors(causes[line], |i| causes[*i]).for_each(|i| _ = lines.entry(i).or_default());
                    lines.insert(line, Some(*met));
                }
                None => never.push(Step { t: met.at.as_secs_f64(), text: self.never(met, &pods), needed: true }),
            }
        }
        lines.extend(self.end(outage).map(|line| (line, None)));
        let step = |(line, met): (&usize, &Option<Met>)| Step {
            t: self.trace.log[*line].at.as_secs_f64(),
            text: self.sentence(*line, met.as_ref(), &pods),
            needed: met.is_some(),
        };
        let mut steps: Vec<Step> = lines.iter().map(step).chain(never).collect();
        steps.sort_by(|a, b| a.t.total_cmp(&b.t));
        let mut said = BTreeSet::new();
        steps.retain(|step| said.insert((step.t.to_bits(), step.text.clone())));
        steps
    }

    /// The line on which the first outage begins that is longer than the threshold.
    fn outage(&self) -> Option<usize> {
        let threshold = self.scenario.settings.outage_threshold;
        let begins = |line: &usize| {
            let Entry { at, what } = self.trace.log[*line];
            let until = self.end(*line).map_or(Time::ZERO + self.scenario.horizon, |end| self.trace.log[end].at);
            matches!(what, Incident::OutageBegan { workload, .. } if workload == self.workload)
                && until.since(at) > threshold
        };
        (0..self.trace.log.len()).find(begins)
    }

    fn end(&self, outage: usize) -> Option<usize> {
        let ends = |i: &usize| matches!(self.trace.log[*i].what, Incident::OutageEnded { workload, .. } if workload == self.workload);
        (outage + 1..self.trace.log.len()).find(ends)
    }

    /// The line that tells of a contingency.
    fn line(&self, met: &Met) -> Option<usize> {
        let tells = |what: Incident| match met.what {
            Contingency::Operation { n } => matches!(what, Incident::OperationStarted { operation } if operation == n),
            Contingency::Eviction { .. } => matches!(what, Incident::PodEvicted { pod, .. } if Some(pod) == met.pod),
            // Whoever is ready in its slot after it has gone is another pod.
            Contingency::SlowStart { .. } => {
                matches!(what, Incident::PodReady { pod, .. } | Incident::PodGone { pod, .. } if Some(pod) == met.pod)
            }
            Contingency::LateNode { .. } => {
                matches!(what, Incident::NodeReady { node } | Incident::NodeDeleted { node } if Some(node) == met.node)
            }
            Contingency::NodeLoss { .. } => match what {
                Incident::NodeDied { node } | Incident::NodeTurnedGrey { node } | Incident::NodeReclaimed { node } => {
                    Some(node) == met.node
                }
                _ => false,
            },
            Contingency::FewerReplicas { workload } => {
                matches!(what, Incident::ReplicasChanged { workload: w, .. } if w == workload)
            }
            Contingency::Burst { .. } => matches!(what, Incident::LoadChanged { .. }),
            // Only what it brings about at once is told as its own.
            Contingency::Scripted { .. } => true,
        };
        let found = (met.line..self.trace.log.len()).find(|i| tells(self.trace.log[*i].what))?;
        let told = match met.what {
            Contingency::SlowStart { .. } => matches!(self.trace.log[found].what, Incident::PodReady { .. }),
            Contingency::Scripted { .. } => self.trace.log[found].at == met.at,
            _ => true,
        };
        told.then_some(found)
    }

    /// Something needed that the log has no line of before the outage: what did not come.
    fn never(&self, met: &Met, pods: &PodNames) -> String {
        let node = || met.node.map_or("a node".to_owned(), |node| self.node(node));
        let text = match met.what {
            Contingency::LateNode { .. } => format!("{} is asked for, and does not come in time", node()),
            Contingency::SlowStart { .. } => {
                let placed = (0..met.line.min(self.trace.log.len())).rev();
                let mut of_pod = placed.filter(|i| self.trace.log[*i].what.pod() == met.pod);
                let name =
                    of_pod.find_map(|i| pods.at(i)).map_or("a pod".to_owned(), |p| format!("pod {}", pods.name(p)));
                format!("{name} begins to start on {}, and is not ready in time", node())
            }
            Contingency::NodeLoss { .. } => format!("the loss of {} is announced", node()),
            Contingency::Operation { n } => format!("the change begins: {}", self.teller().operation(n)),
            Contingency::Scripted { n } => match self.scenario.script.get(n as usize).map(|scripted| &scripted.what) {
                Some(Happening::GatesLifted { workload }) => {
                    format!("the scheduling gates of workload {} are lifted", self.names().workload(*workload))
                }
                Some(Happening::Rollout { workload }) => {
                    format!("workload {} rolls out", self.names().workload(*workload))
                }
                _ => "what the scenario says of this moment comes".to_owned(),
            },
            _ => "something that the log does not tell of comes".to_owned(),
        };
        words::capital(&text) + "."
    }

    fn teller(&self) -> Teller<'_> {
        Teller { scenario: self.scenario, names: self.names(), trace: self.trace }
    }

    fn names(&self) -> Names<'_> {
        Names { cluster: &self.scenario.cluster }
    }

    fn node(&self, node: NodeId) -> String {
        format!("node {}", node_name(self.trace, node))
    }

    /// How long something took that is later than usual.
    fn late(met: Option<&Met>, at: Time) -> String {
        match met.map(|m| (m.what, at.since(m.at))) {
            Some((Contingency::LateNode { .. } | Contingency::SlowStart { .. }, took)) if took > Duration::ZERO => {
                format!(" only after {}, longer than in half of the cases", words::minutes(took.as_mins_f64()))
            }
            _ => String::new(),
        }
    }

    /// How a workload is out, and still is at the end where nothing ends it.
    fn out(&self, line: usize, workload: WorkloadId, up: u32) -> String {
        let name = self.names().workload(workload);
        let Some(spec) = self.scenario.cluster.workloads.get(workload) else { return format!("{name} is out") };
        let minimum = spec.minimum.unwrap_or(0);
        let at = self.trace.log[line].at;
        let how = if up < minimum {
            format!("{up} of {minimum} needed pods serve")
        } else {
            let outage = Outage { index: line, at, workload, spec, up, lasted: Duration::ZERO };
            let pods = words::plural(f64::from(up), "pod");
            format!("{pods} serve, and lose requests, because {}", shortage(self.trace, &outage))
        };
        let open = if self.end(line).is_none() { "; at the end of the simulated time it still is" } else { "" };
        format!("workload {name} is out: {how}{open}")
    }

    /// A line of the log as a sentence.
    fn sentence(&self, line: usize, met: Option<&Met>, pods: &PodNames) -> String {
        let Entry { at, what } = self.trace.log[line];
        let pod = || pods.at(line).map_or("a pod", |pod| pods.name(pod)).to_owned();
        let node = |id: NodeId| self.node(id);
        let workload = |id: WorkloadId| self.names().workload(id);
        let text = match what {
            Incident::OperationStarted { operation } => {
                format!("the change begins: {}", self.teller().operation(operation))
            }
            Incident::NodeRequested { node: n, surge } => {
                format!("{} is asked of the platform{}", node(n), if surge { " as a surge node" } else { "" })
            }
            Incident::NodeReady { node: n } => {
                format!("{} is Ready{}", node(n), Self::late(met, at))
            }
            Incident::NodeCordoned { node: n } => format!("{} is cordoned and takes no new pods", node(n)),
            Incident::NodeDrainStarted { node: n } => format!("{} is drained", node(n)),
            Incident::NodeReimaging { node: n } => format!("{} is reimaged", node(n)),
            Incident::NodeDeleted { node: n } if met.is_some() => format!("{} has not come and is given up", node(n)),
            Incident::NodeDeleted { node: n } => format!("{} is deleted", node(n)),
            Incident::NodeDied { node: n } => format!("{} fails, and its pods stop serving", node(n)),
            Incident::NodeNotReady { node: n } => format!("the control plane sees that {} is not Ready", node(n)),
            Incident::NodeTurnedGrey { node: n } => {
                format!("{} still reports Ready, but its pods do not serve", node(n))
            }
            Incident::NodeReclaimed { node: n } => format!("the platform takes spot {} back", node(n)),
            Incident::AutoscalerRemoves { node: n } => format!("the cluster autoscaler takes {} away", node(n)),
            Incident::PodEvicted { node: n, .. } => format!("pod {} is evicted from {}", pod(), node(n)),
            Incident::PodPressedOut { node: n, .. } => {
                format!("the kubelet of {}, short of memory, evicts pod {}", node(n), pod())
            }
            Incident::PodPreempted { node: n, .. } => {
                format!("pod {} has to go from {} for a pod of higher priority", pod(), node(n))
            }
            Incident::PodLost { node: n, .. } => format!("pod {} is lost with {}", pod(), node(n)),
            Incident::PodCreated { .. } => format!("pod {} is created", pod()),
            Incident::PodBound { node: n, .. } => format!("pod {} is placed on {}", pod(), node(n)),
            Incident::PodStopping { .. } => format!("pod {} is told to stop", pod()),
            Incident::PodReady { node: n, .. } => {
                format!("pod {} is ready on {}{}", pod(), node(n), Self::late(met, at))
            }
            Incident::PodUnschedulable { .. } => {
                let why = self.trace.refusal(line).map(ToString::to_string);
                let why = why.as_deref().unwrap_or("no node passes the scheduler's filters");
                format!("pod {} finds no node: {}", pod(), why.trim_end_matches('.'))
            }
            Incident::EvictionRefused { node: n, budget, .. } => {
                let budget =
                    budget.map_or("a disruption budget".to_owned(), |b| format!("budget {}", self.names().budget(b)));
                format!("{budget} does not let pod {} go from {}", pod(), node(n))
            }
            Incident::ReplicasChanged { workload: w, from, to } => {
                format!("workload {} goes from {from} to {}", workload(w), words::plural(f64::from(to), "replica"))
            }
            Incident::LoadChanged { target, percent } => {
                let of = target.map_or("all workloads that follow load".to_owned(), workload);
                format!("the load of {of} comes to {percent} % of its base")
            }
            Incident::OutageBegan { workload: w, up } => self.out(line, w, up),
            Incident::OutageEnded { workload: w, lasted } => {
                format!("workload {} is back after {}", workload(w), words::minutes(lasted.as_mins_f64()))
            }
            other => {
                let (event, subject, detail) = self.teller().told(other);
                let detail = if detail.is_empty() { detail } else { format!(" ({detail})") };
                format!("{event}: {subject}{detail}")
            }
        };
        words::capital(&text) + "."
    }
}
