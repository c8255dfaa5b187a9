//! Recognises what a file or a document of a snapshot holds, by content: our own document, answers of Azure about pools or the
//! cluster, Kubernetes objects and lists of them, the table of `kubectl top pods`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::digest::Canon;
use super::storage::read;
use super::{Snapshot, cluster, item, node_pool, pool, stream, webhook};
use crate::complaint::{Complaint, Complaints};
use crate::quantity::Quantity;
use crate::snapshot::object::Usage;

/// Largest file or document that is read, in bytes.
pub const MOST_BYTES: usize = 256 << 20;
/// Most nodes (AKS docs: 5,000 per cluster).
pub const MOST_NODES: usize = 5_000;
/// Most pods (Kubernetes v1.34, considerations for large clusters).
pub const MOST_PODS: usize = 150_000;
/// Most objects of all kinds together.
const MOST_OBJECTS: usize = 400_000;

/// A snapshot as it grows, part by part.
#[derive(Default)]
pub(super) struct Reader {
    snapshot: Snapshot,
    canon: Canon,
    complaints: Vec<Complaint>,
    file: Option<String>,
    /// Pools a cluster's own answer lists; used where nothing lists pools better.
    profiles: Vec<Value>,
    seen: BTreeSet<String>,
    ignored: BTreeMap<String, usize>,
    twice: usize,
    with_pools: bool,
    /// Maintenance configurations printed by themselves.
    calendars: Vec<Value>,
}

impl Reader {
    /// Reads one file or document.
    pub fn read(&mut self, file: Option<&str>, bytes: &[u8]) {
        self.file = file.map(str::to_owned);
        if bytes.len() > MOST_BYTES {
            let limit = format!("at most {} MiB", MOST_BYTES >> 20);
            return self.complain(Complaint::at("", format!("{} MiB", bytes.len() >> 20), limit));
        }
        // A byte order mark is what some shells put in front of redirected output.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        match stream::read(bytes, &mut |item, path| self.item_or_list(item, path)) {
            Ok(value) => self.value(value),
            Err(error) => match std::str::from_utf8(bytes).ok().and_then(top) {
                Some(rows) => self.top(&rows),
                None => self.complain(Complaint::at("", format!("no JSON: {error}"), "JSON as az or kubectl print it")),
            },
        }
    }

    /// Everything read, or everything wrong with it.
    pub fn finish(mut self) -> Result<Snapshot, Complaints> {
        self.file = None;
        if !self.with_pools {
            let profiles = std::mem::take(&mut self.profiles);
            self.pools(profiles, "agentPoolProfiles");
        }
        let s = &self.snapshot;
        if self.complaints.is_empty() && s.pools.is_empty() && s.nodes.is_empty() {
            self.complain(Complaint::at(
                "",
                "neither agentPools nor nodes",
                "agentPools as `az aks nodepool list -o json` prints them, or nodes among the items",
            ));
        }
        self.check_limits();
        if !self.complaints.is_empty() {
            return Err(Complaints::first_of(self.complaints));
        }
        self.note_coverage();
        let mut s = self.snapshot;
        s.cluster.maintenance.extend(self.calendars);
        s.pools.sort_by(|a, b| a.name.cmp(&b.name));
        s.nodes.sort_by(|a, b| a.name.cmp(&b.name));
        s.node_pools.sort_by(|a, b| a.name.cmp(&b.name));
        s.pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        s.workloads.sort_by(|a, b| (&a.kind, &a.namespace, &a.name).cmp(&(&b.kind, &b.namespace, &b.name)));
        s.budgets.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        s.services.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        s.webhooks.sort_by(|a, b| a.name.cmp(&b.name));
        s.autoscalers.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        s.storage.attached.values_mut().for_each(|volumes| volumes.sort());
        s.usage.sort_by(|a, b| (&a.namespace, &a.pod).cmp(&(&b.namespace, &b.pod)));
        resolve_priorities(&mut s);
        s.digest = self.canon.finish();
        Ok(s)
    }

    fn value(&mut self, value: Value) {
        match value {
            Value::Array(list) if list.iter().any(is_object) => self.items(list, "[]"),
            Value::Array(list) if list.iter().any(is_calendar) => self.calendars(list),
            one if is_calendar(&one) => self.calendars(vec![one]),
            Value::Array(list) => self.pools(list, ""),
            Value::Object(map) => self.object(map),
            other => self.complain(Complaint::at("", other, "an object or a list, as az or kubectl print them")),
        }
    }

    fn calendars(&mut self, list: Vec<Value>) {
        for value in list {
            let name = value.get("name").and_then(Value::as_str).unwrap_or_default();
            self.canon.add(format!("MaintenanceConfiguration//{name}"), &value);
            self.calendars.push(value);
        }
    }

    fn object(&mut self, mut map: Map<String, Value>) {
        if let Some(Value::Array(list)) = map.get_mut("value").map(Value::take) {
            return self.pools(list, "value");
        }
        let has = |key: &str| map.contains_key(key);
        if map.get("schema").is_some() || (!has("kind") && (has("agentPools") || has("items"))) {
            self.document(map);
        } else if map.get("kind").and_then(Value::as_str).is_some_and(|k| k.ends_with("List")) && has("items") {
            self.list(map, "items");
        } else if has("kind") && has("apiVersion") {
            self.item_or_list(Value::Object(map), "");
        } else if has("agentPoolProfiles")
            || map.get("properties").is_some_and(|p| p.get("agentPoolProfiles").is_some())
        {
            self.cluster(map, "");
        } else if has("name") && (has("vmSize") || has("mode") || has("count") || has("properties")) {
            self.pools(vec![Value::Object(map)], "");
        } else {
            let keys: Vec<&str> = map.keys().map(String::as_str).take(6).collect();
            let expected = "a snapshot document, agent pools or a cluster as az prints them, or Kubernetes objects as kubectl prints them";
            self.complain(Complaint::at("", format!("an object with {}", keys.join(", ")), expected));
        }
    }

    /// Our own document.
    fn document(&mut self, mut map: Map<String, Value>) {
        const SCHEMA: &str = "poolproof.snapshot/1";
        if let Some(schema) = map.remove("schema").filter(|s| s != SCHEMA) {
            self.complain(Complaint::at("schema", schema, SCHEMA));
        }
        match map.remove("takenAt") {
            None | Some(Value::Null) => {}
            Some(Value::String(at)) => {
                self.canon.add("takenAt".into(), &Value::String(at.clone()));
                self.snapshot.taken_at = Some(at);
            }
            Some(other) => self.complain(Complaint::at("takenAt", other, "a time as RFC 3339 text")),
        }
        match map.remove("cluster") {
            None | Some(Value::Null) => {}
            Some(Value::Object(facts)) => self.cluster(facts, "cluster"),
            Some(other) => self.complain(Complaint::at("cluster", other, "an object")),
        }
        match map.remove("agentPools") {
            None | Some(Value::Null) => {}
            Some(Value::Array(list)) => self.pools(list, "agentPools"),
            Some(Value::Object(mut rest)) => match rest.get_mut("value").map(Value::take) {
                Some(Value::Array(list)) => self.pools(list, "agentPools.value"),
                _ => self.complain(Complaint::at("agentPools", "an object", "a list of agent pools")),
            },
            Some(other) => self.complain(Complaint::at("agentPools", other, "a list of agent pools")),
        }
        match map.remove("items") {
            None | Some(Value::Null) => {}
            Some(Value::Array(list)) => self.items(list, "items"),
            Some(Value::Object(list)) => self.list(list, "items.items"),
            Some(other) => self.complain(Complaint::at("items", other, "a list of Kubernetes objects")),
        }
        match map.remove("topPods") {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => match top(&text) {
                Some(rows) => self.top(&rows),
                None => self.complain(Complaint::at("topPods", "a text", "what `kubectl top pods -A` prints")),
            },
            Some(other) => self.complain(Complaint::at("topPods", other, "what `kubectl top pods -A` prints, as text")),
        }
        for key in map.keys() {
            self.snapshot
                .coverage
                .not_seen
                .push(format!("field `{key}` of the snapshot document is not known and was not looked at"));
        }
    }

    fn cluster(&mut self, mut map: Map<String, Value>, path: &str) {
        let own = map.remove("agentPoolProfiles");
        let under =
            map.get_mut("properties").and_then(Value::as_object_mut).and_then(|p| p.remove("agentPoolProfiles"));
        if let Some(Value::Array(list)) = own.filter(|v| !v.is_null()).or(under) {
            self.profiles = list;
        }
        self.canon.add("cluster".into(), &Value::Object(map.clone()));
        let (name, facts, complaints) = cluster::read(map, path);
        self.snapshot.name = name.unwrap_or_else(|| std::mem::take(&mut self.snapshot.name));
        self.snapshot.cluster = facts;
        complaints.into_iter().for_each(|c| self.complain(c));
    }

    fn pools(&mut self, list: Vec<Value>, path: &str) {
        self.with_pools |= !list.is_empty() && path != "agentPoolProfiles";
        let single = list.len() == 1;
        for (i, value) in list.into_iter().enumerate() {
            let at = if path.is_empty() && single { String::new() } else { format!("{path}[{i}]") };
            let Value::Object(map) = value else {
                self.complain(Complaint::at(at, value, "an agent pool"));
                continue;
            };
            let canonical = Value::Object(map.clone());
            if self.snapshot.name.is_empty() {
                self.snapshot.name = cluster_name(&map).unwrap_or_default();
            }
            match pool::read::read(map, &at) {
                Err(list) => list.into_iter().for_each(|c| self.complain(c)),
                Ok(pool) if !self.seen.insert(format!("AgentPool//{}", pool.name)) => self.twice += 1,
                Ok(pool) => {
                    self.canon.add(format!("AgentPool//{}", pool.name), &canonical);
                    self.snapshot.kinds.insert("AgentPool".into());
                    self.snapshot.pools.push(pool);
                }
            }
        }
    }

    /// A Kubernetes list; the kind of an empty one still counts as seen.
    fn list(&mut self, mut map: Map<String, Value>, path: &str) {
        if let Some(kind) =
            map.get("kind").and_then(Value::as_str).and_then(|k| k.strip_suffix("List")).filter(|k| !k.is_empty())
        {
            self.snapshot.kinds.insert(kind.to_owned());
        }
        match map.get_mut("items").map(Value::take) {
            Some(Value::Array(list)) => self.items(list, path),
            None | Some(Value::Null) => {}
            Some(other) => self.complain(Complaint::at(path, other, "a list of Kubernetes objects")),
        }
    }

    fn items(&mut self, list: Vec<Value>, path: &str) {
        for (i, value) in list.into_iter().enumerate() {
            self.item_or_list(value, &format!("{path}[{i}]"));
        }
    }

    fn item_or_list(&mut self, mut value: Value, at: &str) {
        let kind = value.get("kind").and_then(Value::as_str).map(str::to_owned);
        match (kind, value.as_object_mut()) {
            (Some(kind), Some(map)) if kind.ends_with("List") && map.contains_key("items") => {
                let inner = std::mem::take(map);
                self.list(inner, &format!("{at}.items"));
            }
            (Some(kind), Some(_)) => self.item(&kind, value, at),
            _ => self.complain(Complaint::at(at, value, "a Kubernetes object with its kind")),
        }
    }

    fn item(&mut self, kind: &str, mut value: Value, path: &str) {
        let name = |key: &str| value.pointer(&format!("/metadata/{key}")).and_then(Value::as_str).unwrap_or_default();
        let key = format!("{kind}/{}/{}", name("namespace"), name("name"));
        if !self.seen.insert(key.clone()) {
            self.twice += 1;
            return;
        }
        if let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            meta.remove("managedFields"); // who wrote which field when: says nothing about the cluster
        }
        self.canon.add(key, &value);
        strip_nulls(&mut value);
        let s = &mut self.snapshot;
        let read = match kind {
            "Node" => item::node(value, path).map(|n| s.nodes.push(n)),
            "Pod" => item::pod(value, path).map(|p| s.pods.push(p)),
            "PodDisruptionBudget" => item::budget(value, path).map(|b| s.budgets.push(b)),
            "HorizontalPodAutoscaler" => item::autoscaler(value, path).map(|a| s.autoscalers.push(a)),
            "PriorityClass" => item::priority_class(value, path).map(|c| s.priority_classes.extend(c)),
            "NodePool" if is_of(&value, "karpenter.sh") => node_pool::read(&value, path).map(|p| s.node_pools.push(p)),
            // What its machines are like beside their size, and what stands behind its nodes.
            "AKSNodeClass" | "NodeClaim" => Ok(()),
            "PodMetrics" => item::usage(value, path).map(|u| s.usage.push(u)),
            "Service" => item::service(value, path).map(|x| s.services.push(x)),
            "Namespace" => {
                item::namespace_labels(value, path).map(|(name, labels)| drop(s.namespaces.insert(name, labels)))
            }
            "ReplicationController" => item::controller_of_old(value, path).map(|w| s.workloads.push(w)),
            "IngressClass" => {
                item::ingress_class(value, path).map(|(name, who)| drop(s.ingress_classes.insert(name, who)))
            }
            kind if webhook::KINDS.contains(&kind) => webhook::read(value, path).map(|list| s.webhooks.extend(list)),
            kind if read::KINDS.contains(&kind) => read::read(kind, value, path, &mut s.storage),
            kind if item::WORKLOADS.contains(&kind) => item::workload(kind, value, path).map(|w| s.workloads.push(w)),
            other => {
                *self.ignored.entry(other.to_owned()).or_default() += 1;
                return;
            }
        };
        s.kinds.insert(kind.to_owned());
        if let Err(complaint) = read {
            self.complain(complaint);
        }
    }

    fn top(&mut self, rows: &[Usage]) {
        for row in rows {
            let key = format!("PodMetrics/{}/{}", row.namespace, row.pod);
            if self.seen.insert(key.clone()) {
                self.canon.add(key, &Value::String(format!("{}m {}", row.cpu, row.memory)));
                self.snapshot.usage.push(row.clone());
            }
        }
        self.snapshot.kinds.insert("PodMetrics".into());
    }

    fn check_limits(&mut self) {
        let s = &self.snapshot;
        let (nodes, pods, objects) = (s.nodes.len(), s.pods.len(), self.seen.len());
        let own = s.workloads.iter().filter(|w| w.owner.is_none() && w.kind != "DaemonSet");
        let replicas = own.map(|w| w.replicas as usize).sum();
        let wanted: u64 = s.pools.iter().map(|p| u64::from(p.count)).sum();
        for (found, most, what) in [
            (nodes, MOST_NODES, "nodes"),
            (replicas, MOST_PODS, "pods wanted by all workloads"),
            (usize::try_from(wanted).unwrap_or(usize::MAX), MOST_NODES, "nodes in all agent pools"),
            (pods, MOST_PODS, "pods"),
            (objects, MOST_OBJECTS, "objects"),
        ] {
            if found > most {
                self.complain(Complaint::at("", format!("{found} {what}"), format!("at most {most}")));
            }
        }
    }

    fn note_coverage(&mut self) {
        let notes = &mut self.snapshot.coverage.not_seen;
        for pool in &self.snapshot.pools {
            if !matches!(pool.mode.as_str(), "System" | "User" | "Gateway" | "ManagedSystem" | "Machines") {
                notes.push(format!(
                    "pool {} has the mode {:?}, which is not known; it is treated as a User pool",
                    pool.name, pool.mode
                ));
            }
        }
        for (kind, count) in &self.ignored {
            notes.push(format!("{count} objects of kind {kind} were not looked at"));
        }
        if self.twice > 0 {
            notes.push(format!("{} objects were given more than once; the first of each counted", self.twice));
        }
    }

    fn complain(&mut self, mut complaint: Complaint) {
        if complaint.path.starts_with('.') {
            complaint.path.remove(0); // a path below the whole input
        }
        // Some more than are told are enough to know that there are more.
        if self.complaints.len() <= 10 * Complaints::MOST {
            self.complaints.push(match &self.file {
                Some(file) => complaint.in_file(file.clone()),
                None => complaint,
            });
        }
    }
}

/// Templates name a class where pods carry the number it stands for (Kubernetes v1.34 admission plugin Priority).
fn resolve_priorities(s: &mut Snapshot) {
    for template in s.workloads.iter_mut().map(|w| &mut w.template) {
        let class = template.priority_class.as_deref().unwrap_or_default();
        template.priority = template.priority.or_else(|| s.priority_classes.get(class).copied());
    }
}

/// True for a maintenance configuration as `az aks maintenanceconfiguration` prints it.
fn is_calendar(value: &Value) -> bool {
    let inner = value.get("properties").unwrap_or(value);
    let has = |key: &str| inner.get(key).is_some_and(|v| !v.is_null());
    has("maintenanceWindow") || (has("timeInWeek") && !has("agentPoolProfiles"))
}

fn is_of(value: &Value, group: &str) -> bool {
    value.get("apiVersion").and_then(Value::as_str).is_some_and(|v| v.split('/').next() == Some(group))
}

fn is_object(value: &Value) -> bool {
    value.get("kind").is_some() && value.get("metadata").is_some()
}

/// Removes members that are null: some printers write them for what is unset.
fn strip_nulls(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(strip_nulls),
        Value::Object(map) => {
            map.retain(|_, v| !v.is_null());
            map.values_mut().for_each(strip_nulls);
        }
        _ => {}
    }
}

/// The cluster's name out of a pool's resource id.
fn cluster_name(pool: &Map<String, Value>) -> Option<String> {
    let mut segments = pool.get("id")?.as_str()?.split('/');
    segments.find(|s| s.eq_ignore_ascii_case("managedClusters"))?;
    segments.next().map(str::to_owned)
}

/// The rows of `kubectl top pods -A` (with or without `--containers`); `None` where the text is no such table.
fn top(text: &str) -> Option<Vec<Usage>> {
    let mut lines = text.lines().filter(|l| !l.trim().is_empty());
    let header: Vec<&str> = lines.next()?.split_whitespace().collect();
    let column = |names: &[&str]| header.iter().position(|h| names.contains(h));
    let (namespace, pod) = (column(&["NAMESPACE"]), column(&["POD", "NAME"])?);
    let (cpu, memory) = (column(&["CPU(cores)"])?, column(&["MEMORY(bytes)"])?);
    let mut sums: BTreeMap<(String, String), (i64, i64)> = BTreeMap::new();
    for line in lines {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let amount = |i: usize| Quantity::parse(cells.get(i)?).ok();
        let space = namespace.map_or(Some("default"), |i| cells.get(i).copied())?;
        let sum = sums.entry((space.to_owned(), (*cells.get(pod)?).to_owned())).or_default();
        sum.0 = sum.0.saturating_add(amount(cpu)?.milli());
        sum.1 = sum.1.saturating_add(amount(memory)?.value());
    }
    Some(sums.into_iter().map(|((namespace, pod), (cpu, memory))| Usage { namespace, pod, cpu, memory }).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
