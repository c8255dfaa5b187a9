//! Scheduling decisions for pending pods, one after the other: "why is my pod Pending, and where would it go?"
//!
//! A case is either a recorded one (nodes, bound pods, pods in order of arrival, as the records of kube-scheduler decisions in
//! the test data hold them) or the pending pods of a snapshot, the most important first. Nodes keep the taints they were given;
//! nothing else happens meanwhile: victims of preemption go at once, a pod that fits nowhere is not tried again.
//!
//! Pods behind scheduling gates and pods of other schedulers are not decided for, and named with the reason. Left out: resource
//! claims, claims that only one pod may use.

mod cluster;
mod decision;
mod notes;
mod record;
mod text;
mod why;

use std::fmt;

use serde_json::{Value, json};

use crate::complaint::{Complaint, Complaints};
use crate::snapshot::{Labels, Pod, Snapshot};
use cluster::Cluster;
pub use decision::Way;

/// Nodes, bound pods and pending pods.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name.
    pub name: String,
    snapshot: Snapshot,
    /// Positions of the pending pods in the snapshot, in the order they are served.
    pending: Vec<usize>,
    /// Positions of pending pods that the scheduler leaves alone, and why.
    skipped: Vec<(usize, Skipped)>,
    /// The only pod that is shown.
    shown: Option<usize>,
    /// Only sums are written.
    summary: bool,
}

/// Why the scheduler does not look at a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Skipped {
    /// Scheduling gates hold it back.
    Gated(Vec<String>),
    /// Another scheduler's.
    Foreign(String),
}

impl Skipped {
    fn of(pod: &Pod) -> Option<Skipped> {
        match &pod.spec.scheduler {
            Some(scheduler) => Some(Skipped::Foreign(scheduler.clone())),
            None => (!pod.spec.gates.is_empty()).then(|| Skipped::Gated(pod.spec.gates.clone())),
        }
    }
}

impl fmt::Display for Skipped {
    /// Reason and message of the pod's condition PodScheduled (Kubernetes v1.34), and what a user has to look at.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Skipped::Gated(gates) => {
                let names = gates.join(", ");
                write!(f, "SchedulingGated: Scheduling is blocked due to non-empty scheduling gates ({names})")
            }
            Skipped::Foreign(scheduler) => write!(f, "left to scheduler {scheduler}; no decision is made for it here"),
        }
    }
}

/// True where a document is a recorded case rather than a snapshot.
pub fn is_record(document: &Value) -> bool {
    document.get("case").is_some_and(|case| case.get("pending").is_some_and(Value::is_array))
}

impl Case {
    /// Reads a recorded case; decisions beside it are not looked at.
    ///
    /// # Errors
    /// Everything wrong with its objects.
    pub fn from_record(document: &Value) -> Result<Case, Complaints> {
        const KINDS: [(&str, &str); 14] = [
            ("nodes", "Node"),
            ("pods", "Pod"),
            ("pending", "Pod"),
            ("pdbs", "PodDisruptionBudget"),
            ("namespaces", "Namespace"),
            ("services", "Service"),
            ("replicaSets", "ReplicaSet"),
            ("statefulSets", "StatefulSet"),
            ("replicationControllers", "ReplicationController"),
            ("persistentVolumeClaims", "PersistentVolumeClaim"),
            ("persistentVolumes", "PersistentVolume"),
            ("storageClasses", "StorageClass"),
            ("csiNodes", "CSINode"),
            ("volumeAttachments", "VolumeAttachment"),
        ];
        let case = &document["case"];
        let mut items = Vec::new();
        for (field, kind) in KINDS {
            match &case[field] {
                Value::Null => {}
                Value::Array(list) => items.extend(list.iter().map(|object| of_kind(object, kind))),
                other => return Err(Complaint::at(format!("case.{field}"), other, "a list of objects").into()),
            }
        }
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        let mut snapshot = Snapshot::from_json(list.to_string().as_bytes())?;
        for pod in &mut snapshot.pods {
            pod.spec_mut().priority.get_or_insert(0); // the class is informative: admission has resolved it
        }
        let position = |pod: &Value| {
            let meta = |key: &str| pod["metadata"][key].as_str();
            let key = (meta("namespace").unwrap_or("default"), meta("name").unwrap_or_default());
            snapshot.pods.binary_search_by(|p| (p.namespace.as_str(), p.name.as_str()).cmp(&key)).ok()
        };
        let mut pending: Vec<usize> = Vec::new();
        for pod in case["pending"].as_array().into_iter().flatten().filter_map(position) {
            if !pending.contains(&pod) && snapshot.pods[pod].node.is_none() {
                pending.push(pod);
            }
        }
        Ok(Case {
            name: case["name"].as_str().unwrap_or_default().to_owned(),
            summary: case["summary"] == true,
            skipped: set_aside(&snapshot, &mut pending),
            shown: None,
            pending,
            snapshot,
        })
    }

    /// The pending pods of a snapshot, by priority and name.
    pub fn from_snapshot(snapshot: &Snapshot) -> Case {
        let mut snapshot = snapshot.clone();
        let priority = |pod: &Pod| crate::intern::requests::priority(&pod.spec);
        let waits = |pod: &&usize| {
            let pod = &snapshot.pods[**pod];
            pod.node.is_none() && !pod.deleting && !pod.is_over()
        };
        let all: Vec<usize> = (0..snapshot.pods.len()).collect();
        let mut pending: Vec<usize> = all.iter().filter(waits).copied().collect();
        pending.sort_by_key(|&pod| std::cmp::Reverse(priority(&snapshot.pods[pod])));
        for pod in &snapshot.pods {
            let name = ("kubernetes.io/metadata.name".to_owned(), pod.namespace.clone());
            snapshot.namespaces.entry(pod.namespace.clone()).or_insert_with(|| Labels::from([name]));
        }
        let skipped = set_aside(&snapshot, &mut pending);
        Case { name: snapshot.name.clone(), summary: false, pending, skipped, shown: None, snapshot }
    }

    /// Shows one pod only, `namespace/name`; the others are served all the same, since they take room. False where no such pod
    /// is pending.
    pub fn show_only(&mut self, name: &str) -> bool {
        let all = self.pending.iter().copied().chain(self.skipped.iter().map(|(pod, _)| *pod));
        let found = all.into_iter().find(|&pod| {
            let pod = &self.snapshot.pods[pod];
            name.split_once('/') == Some((pod.namespace.as_str(), pod.name.as_str()))
        });
        self.shown = found;
        found.is_some()
    }

    fn shows(&self, pod: usize) -> bool {
        self.shown.is_none_or(|only| only == pod)
    }

    /// Number of pods that look for a node.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Names of the nodes, in order.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        self.snapshot.nodes.iter().map(|node| node.name.as_str())
    }

    /// Every decision, as `{"case": name, "decisions": [...]}`; by the index, `byIndex` counts those it did not leave to the scan.
    pub fn to_json(&self, way: Way) -> Value {
        let mut cluster = Cluster::new(self);
        let served = self.pending.iter().enumerate();
        let mut by_index = 0;
        let decisions: Vec<Value> = served
            .filter_map(|(order, &pod)| {
                let decision = decision::step(&mut cluster, pod, order, way);
                by_index += usize::from(decision.by_index);
                self.shows(pod).then(|| record::write(&cluster, &decision, self.summary))
            })
            .collect();
        let mut out = json!({"case": self.name, "decisions": decisions});
        if way == Way::Index {
            out["byIndex"] = json!(by_index);
        }
        if !self.skipped.is_empty() {
            let entry =
                |(pod, why): &(usize, Skipped)| json!({"pod": cluster.pods[*pod].id, "reason": why.to_string()});
            out["skipped"] = self.skipped.iter().filter(|(pod, _)| self.shows(*pod)).map(entry).collect();
        }
        if !cluster.notes.is_empty() {
            out["notes"] = json!(cluster.notes);
        }
        out
    }

    /// Every decision in words; with a node, what each plugin says of it as well.
    pub fn to_text(&self, why: Option<&str>) -> String {
        let mut cluster = Cluster::new(self);
        let why = why.and_then(|name| cluster.nodes.iter().position(|node| node.name == name));
        let mut out: String = cluster.notes.iter().map(|note| format!("note: {note}\n")).collect();
        for (order, &pod) in self.pending.iter().enumerate() {
            let look = why.map(|node| why::look(&mut cluster, &self.snapshot, pod, node));
            let decision = decision::step(&mut cluster, pod, order, Way::Scan);
            if !self.shows(pod) {
                continue;
            }
            text::write(&mut out, &cluster, &decision);
            if let Some(look) = look {
                why::write(&mut out, &cluster, &decision, &look);
            }
        }
        for (pod, why) in self.skipped.iter().filter(|(pod, _)| self.shows(*pod)) {
            out.push_str(&format!("{}: {why}\n", cluster.pods[*pod].id));
        }
        if self.pending.is_empty() && self.skipped.is_empty() {
            out.push_str("no pod is pending\n");
        }
        out
    }

    /// The cluster of the case, to be served as fast as it goes.
    pub fn ready(&self) -> Ready<'_> {
        Ready { case: self, cluster: Cluster::new(self) }
    }
}

/// A case that is laid out for serving.
pub struct Ready<'a> {
    case: &'a Case,
    cluster: Cluster,
}

impl Ready<'_> {
    /// Serves all pending pods and says how many got a node.
    pub fn serve(mut self) -> usize {
        let served = self.case.pending.iter().enumerate();
        served.filter(|&(order, &pod)| decision::quick(&mut self.cluster, pod, order).is_some()).count()
    }
}

/// Takes the pods out of the list that the scheduler does not look at.
fn set_aside(snapshot: &Snapshot, pending: &mut Vec<usize>) -> Vec<(usize, Skipped)> {
    let mut skipped = Vec::new();
    pending.retain(|&pod| match Skipped::of(&snapshot.pods[pod]) {
        Some(why) => {
            skipped.push((pod, why));
            false
        }
        None => true,
    });
    skipped
}

fn of_kind(object: &Value, kind: &str) -> Value {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.insert("apiVersion".into(), json!("v1"));
        map.insert("kind".into(), json!(kind));
    }
    object
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
