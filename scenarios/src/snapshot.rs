//! A cluster snapshot as read: agent pools and Kubernetes objects, checked, not yet interned.
//!
//! Only what decides about scheduling, disruption and load is kept; every other field of an object is ignored.

pub mod cluster;
mod digest;
mod document;
pub(crate) mod fields;
mod item;
pub mod node_pool;
pub mod object;
mod owner;
pub mod pool;
pub mod storage;
mod stream;
mod webhook;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use crate::complaint::Complaints;
use crate::coverage::Coverage;

pub use cluster::ClusterFacts;
pub use node_pool::NodePool;
pub use object::{
    Amounts, Autoscaler, Budget, Container, HostPort, IntOrPercent, Labels, Newest, Node, Owner, Pod, PodTemplate,
    PodTerm, Requests, Selector, Service, SpreadConstraint, Usage, Workload,
};
pub(crate) use owner::REVISION;
pub use pool::AgentPool;
pub use storage::{ClaimRef, ClaimTemplate, Storage};
pub use webhook::Webhook;

/// A snapshot that has been read.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Cluster name; empty where nothing names it.
    pub name: String,
    /// SHA-256 of the canonical content, hexadecimal: independent of the order of objects and of how they were split into files.
    pub digest: String,
    /// Where it was read from, as whoever read it says; no part of its content.
    pub origin: Option<String>,
    /// When it was taken, RFC 3339, as given.
    pub taken_at: Option<String>,
    /// What is known of the cluster as a whole.
    pub cluster: ClusterFacts,
    /// Agent pools, by name.
    pub pools: Vec<AgentPool>,
    /// NodePools of node auto-provisioning, by name.
    pub node_pools: Vec<NodePool>,
    /// Nodes, by name.
    pub nodes: Vec<Node>,
    /// Pods, by namespace and name.
    pub pods: Vec<Pod>,
    /// Deployments, ReplicaSets, StatefulSets, DaemonSets and Jobs, by kind, namespace and name.
    pub workloads: Vec<Workload>,
    /// PodDisruptionBudgets, by namespace and name.
    pub budgets: Vec<Budget>,
    /// Services, by namespace and name.
    pub services: Vec<Service>,
    /// Admission webhooks that have a say in pods, by name.
    pub webhooks: Vec<Webhook>,
    /// Controllers that IngressClasses name, by class.
    pub ingress_classes: BTreeMap<String, String>,
    /// Claims, volumes, their classes and where they are attached.
    pub storage: Storage,
    /// Labels of namespaces, by name.
    pub namespaces: BTreeMap<String, Labels>,
    /// HorizontalPodAutoscalers, by namespace and name.
    pub autoscalers: Vec<Autoscaler>,
    /// Measured use of pods (metrics.k8s.io or `kubectl top pods`), by namespace and name.
    pub usage: Vec<Usage>,
    /// Values of PriorityClasses by name; that of pods which name none under the empty name.
    pub priority_classes: BTreeMap<String, i32>,
    /// Kinds that were given, such as `Pod`; an empty list of a kind counts only where it names the kind.
    pub kinds: BTreeSet<String>,
    /// What was noted while reading: kinds not looked at, values that are not known.
    pub coverage: Coverage,
}

impl Snapshot {
    /// Reads a snapshot document.
    ///
    /// # Errors
    /// Everything wrong with it at once.
    pub fn from_json(bytes: &[u8]) -> Result<Snapshot, Complaints> {
        let mut reader = document::Reader::default();
        reader.read(None, bytes);
        reader.finish()
    }

    /// Reads a folder of printouts, each file with its name: `az aks show`, `az aks nodepool list`, `kubectl get ... -o json`,
    /// `kubectl top pods`, or our own document, in any number and order.
    ///
    /// # Errors
    /// Everything wrong with them at once, each complaint with its file.
    pub fn from_files(mut files: Vec<(String, Vec<u8>)>) -> Result<Snapshot, Complaints> {
        files.sort();
        let mut reader = document::Reader::default();
        for (name, bytes) in &files {
            reader.read(Some(name), bytes);
        }
        reader.finish()
    }

    /// The pool of a name.
    pub fn pool(&self, name: &str) -> Option<&AgentPool> {
        self.pools.iter().find(|p| p.name == name)
    }

    /// The nodes of a pool, by the label AKS puts on them, in order of name.
    pub fn nodes_of<'a>(&'a self, pool: &'a str) -> impl Iterator<Item = &'a Node> + 'a {
        self.nodes.iter().filter(move |n| n.pool() == Some(pool))
    }

    /// The workload of a kind, namespace and name.
    pub fn workload(&self, kind: &str, namespace: &str, name: &str) -> Option<&Workload> {
        self.workloads.iter().find(|w| w.kind == kind && w.namespace == namespace && w.name == name)
    }

    /// The pods a budget selects.
    pub fn selected<'a>(&'a self, budget: &'a Budget) -> impl Iterator<Item = &'a Pod> + 'a {
        self.pods.iter().filter(move |p| p.namespace == budget.namespace && budget.selects(&p.labels))
    }
}
