//! One line of a log as a moment of a timeline.

use simulator::outcome::{Entry, Failure, Incident};
use simulator::settings::RepairKind;
use simulator::spec::Disruption;
use simulator::{NodeId, Scenario, Trace, WorkloadId};

use super::node_name;
use crate::report::Moment;
use crate::words::Names;

/// Knows the names of everything a log speaks of.
pub struct Teller<'a> {
    /// What was simulated.
    pub scenario: &'a Scenario,
    /// Its names.
    pub names: Names<'a>,
    /// The traced trial.
    pub trace: &'a Trace,
}

impl Teller<'_> {
    /// A log line as a moment.
    pub fn moment(&self, entry: &Entry) -> Moment {
        let (event, subject, detail) = self.told(entry.what);
        Moment { t: entry.at.as_secs_f64(), event: event.to_string(), subject, detail }
    }

    /// An incident as what happened, to what, and more about it.
    pub fn told(&self, what: Incident) -> (&'static str, String, String) {
        let none = String::new;
        match what {
            Incident::OperationStarted { operation } => ("operation started", self.operation(operation), none()),
            Incident::OperationEnded { operation, failure: None } => {
                ("operation ended", self.operation(operation), "succeeded".to_string())
            }
            Incident::OperationEnded { operation, failure: Some(failure) } => {
                ("operation failed", self.operation(operation), self.failure(failure))
            }
            Incident::NodeRequested { node, surge } => (
                "node requested",
                self.node(node),
                if surge { "surge node, asked of the platform" } else { "asked of the platform" }.to_string(),
            ),
            Incident::AutoscalerAdds { pool, nodes } => (
                "autoscaler adds nodes",
                format!("pool {}", self.names.pool(pool)),
                format!("{}, for pods without room or up to the minimum", nodes_words(nodes as usize)),
            ),
            Incident::AutoscalerFailed { pool } => (
                "autoscaler backs off",
                format!("pool {}", self.names.pool(pool)),
                "its request did not bring a node; the pool is left alone for a while".to_string(),
            ),
            Incident::AutoscalerRemoves { node } => {
                ("autoscaler removes node", self.node(node), "not needed for long enough".to_string())
            }
            Incident::NodeDisrupted { node, reason } => {
                let why = match reason {
                    Disruption::Drifted => "not as it would be made now",
                    Disruption::Empty => "nothing runs on it",
                    Disruption::Underutilized => "its pods have room elsewhere or on something cheaper",
                    Disruption::Expired => "too old",
                };
                ("node is to go", self.node(node), why.to_string())
            }
            Incident::NodeReady { node } => ("node Ready", self.node(node), none()),
            Incident::NodeCordoned { node } => ("node cordoned", self.node(node), "takes no new pods".to_string()),
            Incident::NodeUncordoned { node } => {
                ("node uncordoned", self.node(node), "takes new pods again".to_string())
            }
            Incident::NodeDrainStarted { node } => {
                ("drain started", self.node(node), "its pods are evicted".to_string())
            }
            Incident::NodeDrained { node } => ("node drained", self.node(node), none()),
            Incident::NodeDrainTimedOut { node, workload, budget } => {
                ("drain timed out", self.node(node), self.failure(Failure::DrainTimedOut { workload, budget }))
            }
            Incident::NodeReimaging { node } => ("node reimaged", self.node(node), "back once it is Ready".to_string()),
            Incident::NodeDied { node } => ("node failed", self.node(node), "its pods stop serving".to_string()),
            Incident::NodeNotReady { node } => {
                ("node NotReady", self.node(node), "the control plane has noticed".to_string())
            }
            Incident::NodeRepairStarted { node, kind } => {
                let step = match kind {
                    RepairKind::Reboot => "it is rebooted",
                    RepairKind::Reimage => "it is reimaged",
                    RepairKind::Redeploy => "it is moved to another host",
                };
                ("auto-repair", self.node(node), step.to_string())
            }
            Incident::NodeTurnedGrey { node } => {
                ("node of no use", self.node(node), "it reports Ready, but its pods do not serve".to_string())
            }
            Incident::NodePressed { node } => {
                ("node short of memory", self.node(node), "its kubelet evicts pods".to_string())
            }
            Incident::NodeRelieved { node } => ("node has memory again", self.node(node), none()),
            Incident::PodPressedOut { workload, node, .. } => {
                ("pod evicted by kubelet", self.names.workload(workload), format!("from {}", self.node(node)))
            }
            Incident::NodeUsefulAgain { node } => ("node of use again", self.node(node), none()),
            Incident::NodeReclaimed { node } => {
                ("spot node evicted", self.node(node), "the platform takes the machine back".to_string())
            }
            Incident::NodeDeleted { node } => ("node deleted", self.node(node), none()),
            Incident::NodeDeallocated { node } => ("node deallocated", self.node(node), none()),
            Incident::NodeLabelsChanged { node } => ("labels or taints changed", self.node(node), none()),
            Incident::PodEvicted { workload, node, .. } => {
                ("pod evicted", self.names.workload(workload), format!("from {}", self.node(node)))
            }
            Incident::EvictionRefused { workload, node, budget, .. } => {
                ("eviction refused", self.names.workload(workload), self.refusal(workload, node, budget))
            }
            Incident::EvictionDenied { workload, node, webhook, .. } => (
                "eviction denied",
                self.names.workload(workload),
                format!(
                    "on {}: webhook {} does not let it go; tried again every 5 s",
                    self.node(node),
                    self.names.webhook(webhook)
                ),
            ),
            Incident::CreationRefused { workload, webhook } => (
                "pods not made",
                self.names.workload(workload),
                format!("failed calling webhook {}; tried again after growing pauses", self.names.webhook(webhook)),
            ),
            Incident::CreationResumed { workload, pods } => (
                "pods made",
                self.names.workload(workload),
                format!("{}, now that the webhook answers", crate::words::plural(f64::from(pods), "pod")),
            ),
            Incident::TunnelLost => (
                "tunnel lost",
                "control plane".to_string(),
                "no exec, logs or port-forward; webhooks and aggregated APIs are out of reach".to_string(),
            ),
            Incident::TunnelBack => ("tunnel back", "control plane".to_string(), "an agent has connected".to_string()),
            Incident::MetricsLost => {
                ("metrics lost", "horizontal autoscalers".to_string(), "replicas stay as they are".to_string())
            }
            Incident::MetricsBack => ("metrics back", "horizontal autoscalers".to_string(), none()),
            Incident::NodeInitialised { node } => {
                ("node initialised", self.node(node), "its taint is gone, pods may come".to_string())
            }
            Incident::PodAwaitsDriver { workload, node, .. } => (
                "pod waits for its volumes",
                self.names.workload(workload),
                format!("their CSI driver is not ready on {}", self.node(node)),
            ),
            Incident::PodPreempted { workload, node, .. } => (
                "pod preempted",
                self.names.workload(workload),
                format!("on {}, for a pod of higher priority", self.node(node)),
            ),
            Incident::PodLost { workload, node, .. } => {
                ("pod lost", self.names.workload(workload), format!("with {}", self.node(node)))
            }
            Incident::PodBound { workload, node, .. } => {
                ("pod scheduled", self.names.workload(workload), format!("to {}", self.node(node)))
            }
            Incident::PodUnschedulable { workload, .. } => (
                "pod unschedulable",
                self.names.workload(workload),
                "no node passes the scheduler's filters".to_string(),
            ),
            Incident::PodReady { workload, node, .. } => {
                ("pod Ready", self.names.workload(workload), format!("on {}", self.node(node)))
            }
            Incident::PodCreated { workload, .. } => {
                ("pod created", self.names.workload(workload), "waits for a node".to_string())
            }
            Incident::PodStopping { workload, .. } => (
                "pod stops",
                self.names.workload(workload),
                "it leaves its service and is given its grace period".to_string(),
            ),
            Incident::PodGone { workload, .. } => ("pod gone", self.names.workload(workload), none()),
            Incident::ReplicasChanged { workload, from, to } => {
                ("replicas changed", self.names.workload(workload), format!("from {from} to {to}"))
            }
            Incident::ContainerKilled { workload, node, .. } => (
                "container OOMKilled",
                self.names.workload(workload),
                format!("on {}, above its memory limit", self.node(node)),
            ),
            Incident::ContainerBacksOff { workload, wait, .. } => (
                "restart backs off",
                self.names.workload(workload),
                format!("the kubelet waits {} s", wait.as_secs_f64()),
            ),
            Incident::MemoryLimitSet { workload, mebibytes } => (
                "memory limit changed",
                self.names.workload(workload),
                mebibytes.map_or("no limit".to_string(), |m| format!("{m} Mi")),
            ),
            Incident::CapacitySet { workload, percent } => (
                "capacity changed",
                self.names.workload(workload),
                format!("each replica can serve {percent} % of what it could"),
            ),
            Incident::RetriesBegan { workload } => {
                ("clients ask again", self.names.workload(workload), "what was lost is asked once more".to_string())
            }
            Incident::RetriesEnded { workload } => {
                ("clients no longer ask again", self.names.workload(workload), none())
            }
            Incident::StampedeBegan { workload, percent } => (
                "stampede",
                self.names.workload(workload),
                format!("after the outage {percent} % of the demand is asked"),
            ),
            Incident::StampedeEnded { workload } => ("stampede over", self.names.workload(workload), none()),
            Incident::RequestsLost { workload, node, lasts } => (
                "requests lost on the way",
                self.names.workload(workload),
                format!(
                    "from {}, for {}",
                    node.map_or("all nodes".to_string(), |n| self.node(n)),
                    crate::words::minutes(lasts.as_mins_f64())
                ),
            ),
            Incident::UpstreamFailed { node, lasts } => (
                "DNS upstream out of reach",
                self.node(node),
                format!("for {}", crate::words::minutes(lasts.as_mins_f64())),
            ),
            Incident::LoadChanged { target, percent } => {
                let subject = target.map_or("all workloads that follow load".to_string(), |w| self.names.workload(w));
                ("load changed", subject, format!("{percent} % of the base load"))
            }
            Incident::OutageBegan { workload, up } => {
                let minimum = self.scenario.cluster.workloads.get(workload).and_then(|w| w.minimum).unwrap_or(0);
                (
                    "workload out",
                    self.names.workload(workload),
                    if up < minimum {
                        format!("{up} up, {minimum} needed")
                    } else {
                        format!("{up} up, {minimum} needed: too slow for what is asked of it")
                    },
                )
            }
            Incident::OutageEnded { workload, lasted } => (
                "workload back",
                self.names.workload(workload),
                format!("after {}", crate::words::minutes(lasted.as_mins_f64())),
            ),
        }
    }

    fn node(&self, id: NodeId) -> String {
        node_name(self.trace, id)
    }

    /// An operation in words.
    pub fn operation(&self, index: u32) -> String {
        let Some(planned) = self.scenario.changes.get(index as usize) else {
            return format!("operation {}", index + 1);
        };
        use simulator::change::Operation;
        let names = self.names;
        match &planned.operation {
            Operation::Scale { pool, count, .. } => {
                format!("scale pool {} to {count} nodes", names.pool(*pool))
            }
            Operation::DeletePool { pool, .. } => format!("delete pool {}", names.pool(*pool)),
            Operation::Upgrade { pool, .. } => format!("upgrade pool {}", names.pool(*pool)),
            Operation::BlueGreen { pool, .. } => format!("upgrade pool {} blue-green", names.pool(*pool)),
            Operation::Abort { pool, .. } => format!("abort what works on pool {}", names.pool(*pool)),
            Operation::Rollback { pool, .. } => format!("turn the upgrade of pool {} back", names.pool(*pool)),
            Operation::Reshape { pool, .. } => {
                format!("change labels and taints of pool {}", names.pool(*pool))
            }
            Operation::Cordon { nodes } => format!("cordon {}", nodes_words(nodes.len())),
            Operation::Uncordon { nodes } => format!("uncordon {}", nodes_words(nodes.len())),
            Operation::Drain { nodes, .. } => format!("drain {}", nodes_words(nodes.len())),
            Operation::DeleteNodes { nodes } => {
                format!("delete {} without drain", nodes_words(nodes.len()))
            }
            Operation::SetReplicas { workload, replicas } => {
                format!("set {} to {replicas} replicas", names.workload(*workload))
            }
            Operation::SetAutoscaler { pool, range: Some(range), .. } => {
                format!("autoscale pool {} between {} and {} nodes", names.pool(*pool), range.min, range.max)
            }
            Operation::SetAutoscaler { pool, range: None, .. } => {
                format!("turn the autoscaler of pool {} off", names.pool(*pool))
            }
            Operation::ControlPlane { .. } => "upgrade the control plane".to_string(),
            Operation::Rollout { workloads } => {
                format!("roll out {}", crate::words::plural(workloads.len() as f64, "workload"))
            }
            Operation::Drift => "let nodes of NodePools be out of date".to_string(),
            Operation::Settings { pool, .. } => {
                format!("change settings of pool {}", names.pool(*pool))
            }
        }
    }

    fn failure(&self, failure: Failure) -> String {
        match failure {
            Failure::DrainTimedOut { workload, budget } => {
                let who = workload.map_or("a pod".to_string(), |w| format!("a pod of {}", self.names.workload(w)));
                match budget {
                    Some(budget) => {
                        format!("pdb {} did not let {who} go", self.names.budget(budget))
                    }
                    None => format!("{who} did not go in time"),
                }
            }
            Failure::Refused { code } => format!("the platform refuses it with {code}"),
            Failure::UnsatisfiableBudget { budget } => {
                format!("pdb {} has maxUnavailable 0", self.names.budget(budget))
            }
            Failure::Busy => "another operation was at work on the pool".to_string(),
            Failure::Displaced => "a newer operation took its place".to_string(),
            Failure::Canceled => "it was aborted".to_string(),
            Failure::NothingThere => "there was nothing to abort or to turn back".to_string(),
            Failure::NoRoom { supply } => {
                let what =
                    supply.and_then(|id| self.names.cluster.supplies.get(id)).map_or("room", |s| s.name.as_str());
                format!("not enough {what} for the nodes it needs")
            }
            Failure::AllocationFailed => "the platform had no machine to give".to_string(),
            Failure::BootstrapFailed => "a new machine never joined".to_string(),
            Failure::Skipped => "a step before it failed, so it never began".to_string(),
        }
    }

    fn refusal(&self, workload: WorkloadId, node: NodeId, budget: Option<simulator::BudgetId>) -> String {
        let attempts = self
            .trace
            .log
            .iter()
            .filter(|e| matches!(e.what, Incident::EvictionRefused { workload: w, node: n, .. } if w == workload && n == node))
            .count();
        let budget = budget.map_or("a disruption budget".to_string(), |b| format!("pdb {}", self.names.budget(b)));
        let again = if attempts > 1 { format!("; refused {attempts} times in all") } else { String::new() };
        format!("on {}: {budget} allows no disruption now{again}", self.node(node))
    }
}

fn nodes_words(n: usize) -> String {
    if n == 1 { "1 node".to_string() } else { format!("{n} nodes") }
}
