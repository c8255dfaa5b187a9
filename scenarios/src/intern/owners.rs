//! Who owns which pods: pod -> ReplicaSet -> Deployment, StatefulSet, DaemonSet, Job; pods without an owner, static pods.
//! Pods that are over or being deleted are left out: they are gone before long.

use std::collections::BTreeMap;

use simulator::spec::{Control, Role, WorkloadKind};

use crate::complete::place::admit;
use crate::coverage::Coverage;
use crate::snapshot::{Labels, Newest, Pod, PodTemplate, REVISION, Snapshot, Workload};
use crate::system_workloads::is_system;

/// Annotations of pods that autoscalers of nodes heed.
const SAFE: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";
const DO_NOT_DISRUPT: &str = "karpenter.sh/do-not-disrupt";

/// A workload on its way to the simulator, with its pods.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// Kind.
    pub kind: WorkloadKind,
    /// Kind as Kubernetes names it.
    pub kind_name: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Pods wanted.
    pub replicas: u32,
    /// What its pods ask for: as they were admitted, else as the template says.
    pub template: PodTemplate,
    /// Labels of its pods.
    pub labels: Labels,
    /// The object, where the snapshot holds it.
    pub object: Option<&'a Workload>,
    /// Its pods, those that are Ready first.
    pub pods: Vec<&'a Pod>,
    /// Names of those of an older template that is being replaced.
    pub old: Vec<&'a str>,
    /// What it does for the cluster.
    pub role: Role,
}

impl Draft<'_> {
    /// How many pods the owner would have now.
    pub fn expected(&self) -> usize {
        match self.kind {
            // While it rolls out, its ReplicaSets have what they want.
            WorkloadKind::Deployment if !self.old.is_empty() => 0,
            WorkloadKind::Deployment | WorkloadKind::StatefulSet => self.replicas as usize,
            _ => 0,
        }
    }

    /// How it goes about its pods.
    pub fn control(&self) -> Control {
        let says = |key: &str, value: &str| {
            let of = |labels: &Labels| labels.get(key).is_some_and(|v| v == value);
            of(&self.template.annotations) || self.pods.iter().any(|p| of(&p.annotations))
        };
        // kubernetes/autoscaler FAQ, "What types of pods can prevent CA from removing a node?"
        let safe = match says(SAFE, "false") {
            true => Some(false),
            false => says(SAFE, "true").then_some(true),
        };
        Control {
            do_not_disrupt: says(DO_NOT_DISRUPT, "true"),
            safe_to_evict: safe,
            local_storage: self.template.local_storage,
            ..self.object.map(|object| object.control.clone()).unwrap_or_default()
        }
    }

    /// New pods carry a scheduling gate.
    pub fn gated(&self) -> bool {
        self.object.is_some_and(|object| !object.template.gates.is_empty())
    }
}

/// Workloads by kind, namespace and name.
type Objects<'a> = BTreeMap<(&'a str, &'a str, &'a str), &'a Workload>;

/// Kind, namespace and name of a workload.
type Key = (String, String, String);

/// The workloads of a snapshot with their pods, by kind, namespace and name.
pub fn resolve<'a>(full: &'a Snapshot, coverage: &mut Coverage) -> Vec<Draft<'a>> {
    let objects: Objects =
        full.workloads.iter().map(|w| ((w.kind.as_str(), w.namespace.as_str(), w.name.as_str()), w)).collect();
    let mut groups: BTreeMap<Key, Vec<&Pod>> = BTreeMap::new();
    for w in full.workloads.iter().filter(|w| w.owner.is_none() && w.kind != "Job" && w.replicas > 0) {
        groups.entry((w.kind.clone(), w.namespace.clone(), w.name.clone())).or_default();
    }
    let known = |pod: &Pod| pod.node.as_ref().is_none_or(|n| full.nodes.binary_search_by(|x| x.name.cmp(n)).is_ok());
    let mut elsewhere = 0;
    for pod in full.pods.iter().filter(|p| !p.is_over() && !p.deleting) {
        if known(pod) {
            groups.entry(root(pod, &objects)).or_default().push(pod);
        } else {
            elsewhere += 1;
        }
    }
    if elsewhere > 0 {
        coverage.missing(format!("{elsewhere} pods run on nodes the snapshot does not hold; they were left out"));
    }
    let bare_admission = !full.pods.iter().any(|p| tolerates_unreachable(&p.spec));
    if bare_admission {
        coverage.assume(
            "toleration of unreachable nodes",
            "300 s",
            "DefaultTolerationSeconds admission, Kubernetes v1.34; no pod of the snapshot shows one",
            'B',
        );
    }
    let mut strange = BTreeMap::new();
    let drafts = groups
        .into_iter()
        .map(|(key, pods)| {
            if !KINDS.iter().any(|(k, _)| *k == key.0) {
                *strange.entry(key.0.clone()).or_insert(0usize) += 1;
            }
            let object = objects.get(&(key.0.as_str(), key.1.as_str(), key.2.as_str())).copied();
            draft(key, pods, object, &objects, bare_admission)
        })
        .collect();
    for (kind, count) in strange {
        coverage.missing(format!("{count} owners of kind {kind} are treated like Deployments"));
    }
    drafts
}

const KINDS: [(&str, WorkloadKind); 8] = [
    ("Deployment", WorkloadKind::Deployment),
    ("ReplicaSet", WorkloadKind::Deployment),
    ("ReplicationController", WorkloadKind::Deployment),
    ("StatefulSet", WorkloadKind::StatefulSet),
    ("DaemonSet", WorkloadKind::DaemonSet),
    ("Job", WorkloadKind::Job),
    ("Pod", WorkloadKind::Bare),
    ("Node", WorkloadKind::Mirror),
];

/// What replaces the pod when it goes.
fn root(pod: &Pod, objects: &Objects) -> Key {
    let key = |kind: &str, name: &str| (kind.to_owned(), pod.namespace.clone(), name.to_owned());
    if pod.is_mirror() {
        return key("Node", &pod.name);
    }
    let Some(owner) = &pod.owner else {
        return key("Pod", &pod.name);
    };
    if owner.kind == "ReplicaSet" {
        return match objects.get(&("ReplicaSet", pod.namespace.as_str(), owner.name.as_str())) {
            Some(set) => set.owner.as_ref().map_or_else(|| key("ReplicaSet", &owner.name), |o| key(&o.kind, &o.name)),
            None => deployment_of(pod, &owner.name)
                .map_or_else(|| key("ReplicaSet", &owner.name), |name| key("Deployment", name)),
        };
    }
    key(&owner.kind, &owner.name)
}

/// A Deployment names its ReplicaSets after itself and the hash it puts on their pods.
fn deployment_of<'p>(pod: &Pod, replica_set: &'p str) -> Option<&'p str> {
    let hash = pod.labels.get("pod-template-hash")?;
    replica_set.strip_suffix(hash.as_str())?.strip_suffix('-')
}

fn draft<'a>(
    (kind_name, namespace, name): Key,
    mut pods: Vec<&'a Pod>,
    object: Option<&'a Workload>,
    sets: &Objects,
    bare_admission: bool,
) -> Draft<'a> {
    let kind = KINDS.iter().find(|(k, _)| *k == kind_name).map_or(WorkloadKind::Deployment, |(_, kind)| *kind);
    match kind {
        // Their places are in their names.
        WorkloadKind::StatefulSet => pods.sort_by_key(|pod| (place(pod), &pod.name)),
        _ => pods.sort_by(|a, b| (!a.ready, a.node.is_none(), &a.name).cmp(&(!b.ready, b.node.is_none(), &b.name))),
    }
    let live = u32::try_from(pods.len()).unwrap_or(u32::MAX);
    let replicas = match (kind, object) {
        (WorkloadKind::Deployment | WorkloadKind::StatefulSet, Some(object)) => object.replicas,
        _ => live,
    };
    let old = old_pods(kind, object, &pods, sets);
    let rolling = kind == WorkloadKind::Deployment && !old.is_empty();
    if matches!(kind, WorkloadKind::Deployment | WorkloadKind::StatefulSet) && !rolling {
        pods.truncate(replicas as usize); // a rollout that is not known has more for a while
    }
    let newest = pods.iter().find(|pod| !old.contains(&pod.name.as_str())).or(pods.first());
    let mut template = match (newest, object) {
        (Some(pod), _) => PodTemplate { claims: pod.claims.clone(), ..PodTemplate::clone(&pod.spec) },
        (None, Some(object)) => object.template.clone(),
        (None, None) => PodTemplate::default(),
    };
    if let Some(priority) = object.and_then(|o| o.template.priority) {
        template.priority = Some(priority); // pods keep the one they were admitted with
    }
    if kind == WorkloadKind::DaemonSet {
        unpin(&mut template);
        if pods.is_empty() {
            template.tolerations.extend(simulator::spec::Toleration::of_daemons());
        }
    } else if kind != WorkloadKind::Mirror && (pods.is_empty() || bare_admission) {
        admit(&mut template.tolerations);
    }
    let labels = pods.first().map(|p| &*p.labels).or(object.map(|o| &o.pod_labels)).cloned().unwrap_or_default();
    let role = role(&namespace, &labels);
    Draft { kind, kind_name, namespace, name, replicas, template, labels, object, pods, old, role }
}

/// The pods of an older template than the owner's, while that is rolled out. A Deployment whose newest ReplicaSet the snapshot
/// does not hold is taken to be at rest.
fn old_pods<'a>(kind: WorkloadKind, object: Option<&Workload>, pods: &[&'a Pod], sets: &Objects) -> Vec<&'a str> {
    let Some(object) = object.filter(|_| kind != WorkloadKind::Job) else {
        return Vec::new();
    };
    // None where the snapshot does not hold the pod's ReplicaSet.
    let revision_of = |pod: &Pod| {
        let owner = pod.owner.as_ref().filter(|owner| owner.kind == "ReplicaSet")?;
        let set = sets.get(&("ReplicaSet", pod.namespace.as_str(), owner.name.as_str()))?;
        Some(set.annotations.get(REVISION).cloned().unwrap_or_default())
    };
    let is_old = |pod: &&&Pod| match &object.newest {
        Newest::Any => false,
        Newest::Revision(revision) => revision_of(pod).is_some_and(|found| found != *revision),
        Newest::Label(key, value) => pod.labels.get(*key).is_some_and(|found| found != value),
    };
    pods.iter().filter(is_old).map(|pod| pod.name.as_str()).collect()
}

/// The place of a StatefulSet's pod: the number at the end of its name.
fn place(pod: &Pod) -> u64 {
    pod.name.rsplit_once('-').and_then(|(_, number)| number.parse().ok()).unwrap_or(u64::MAX)
}

/// The DaemonSet controller pins each of its pods to a node by name; what the pods have in common is the rest.
fn unpin(template: &mut PodTemplate) {
    template.node_name = None;
    for term in template.required.iter_mut().flatten() {
        term.fields.retain(|f| f.key != "metadata.name");
    }
    if template
        .required
        .as_ref()
        .is_some_and(|terms| terms.iter().any(|t| t.fields.is_empty() && t.expressions.is_empty()))
    {
        template.required = None;
    }
}

fn tolerates_unreachable(template: &PodTemplate) -> bool {
    template.tolerations.iter().any(|t| t.key.as_deref() == Some("node.kubernetes.io/unreachable"))
}

/// What a workload does for the cluster, by the labels of AKS' own workloads.
fn role(namespace: &str, labels: &Labels) -> Role {
    if super::duties::is_ingress(namespace, labels) {
        return Role::Ingress;
    }
    if !is_system(namespace) {
        return Role::Application;
    }
    let is = |key: &str, value: &str| labels.get(key).is_some_and(|v| v == value);
    if is("k8s-app", "kube-dns") {
        Role::Dns
    } else if is("app", "konnectivity-agent") || is("k8s-app", "konnectivity-agent") {
        Role::Tunnel
    } else if is("k8s-app", "metrics-server") {
        Role::Metrics
    } else {
        Role::System
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn pod(name: &str, extra: &str) -> String {
        format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"namespace":"shop","name":"{name}"{extra}}},"spec":{{"nodeName":"n1"}},"status":{{"phase":"Running"}}}}"#
        )
    }

    fn owned(name: &str, kind: &str, owner: &str, labels: &str) -> String {
        pod(
            name,
            &format!(
                r#","labels":{{{labels}}},"ownerReferences":[{{"kind":"{kind}","name":"{owner}","controller":true}}]"#
            ),
        )
    }

    /// Kind, name, replicas and pods of each workload found.
    fn check(items: &[String], expected: &[(&str, &str, u32, usize)]) {
        let json = format!(
            r#"{{"items":[{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"n1"}}}},{}]}}"#,
            items.join(",")
        );
        let snapshot = Snapshot::from_json(json.as_bytes()).unwrap();
        let drafts = resolve(&snapshot, &mut Coverage::default());
        let found: Vec<_> =
            drafts.iter().map(|d| (d.kind_name.as_str(), d.name.as_str(), d.replicas, d.pods.len())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn deployments_are_found_with_and_without_their_replica_sets() {
        let hash = r#""pod-template-hash":"5c9""#;
        let (a, b) =
            (owned("web-5c9-a", "ReplicaSet", "web-5c9", hash), owned("web-5c9-b", "ReplicaSet", "web-5c9", hash));
        check(&[a.clone(), b.clone()], &[("Deployment", "web", 2, 2)]);
        let set = r#"{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"namespace":"shop","name":"web-5c9","ownerReferences":[{"kind":"Rollout","name":"other"}]},"spec":{"replicas":2}}"#;
        check(&[a.clone(), b, set.into()], &[("Rollout", "other", 2, 2)]);
        let deployment = r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"namespace":"shop","name":"web"},"spec":{"replicas":3}}"#;
        check(&[a, deployment.into()], &[("Deployment", "web", 3, 1)]);
    }

    #[test]
    fn other_owners() {
        check(
            &[
                owned("db-0", "StatefulSet", "db", ""),
                owned("agent-x", "DaemonSet", "agent", ""),
                owned("batch-1", "Job", "batch", ""),
                owned("rs-1", "ReplicaSet", "rs", ""),
                pod("lonely", ""),
                pod("static", r#","annotations":{"kubernetes.io/config.mirror":"x"}"#),
            ],
            &[
                ("DaemonSet", "agent", 1, 1),
                ("Job", "batch", 1, 1),
                ("Node", "static", 1, 1),
                ("Pod", "lonely", 1, 1),
                ("ReplicaSet", "rs", 1, 1),
                ("StatefulSet", "db", 1, 1),
            ],
        );
    }

    /// What is old and how its owner goes about its pods, for the first workload of these objects.
    fn rollout(objects: &[String]) -> (Vec<String>, Control, usize) {
        let node = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1"}}"#;
        let json = format!(r#"{{"items":[{node},{}]}}"#, objects.join(","));
        let snapshot = Snapshot::from_json(json.as_bytes()).unwrap();
        let drafts = resolve(&snapshot, &mut Coverage::default());
        let draft = &drafts[0];
        (draft.old.iter().map(|name| (*name).to_owned()).collect(), draft.control(), draft.expected())
    }

    fn object(kind: &str, name: &str, meta: &str, spec: &str, status: &str) -> String {
        format!(
            r#"{{"apiVersion":"apps/v1","kind":"{kind}","metadata":{{"namespace":"shop","name":"{name}"{meta}}},"spec":{{{spec}}},"status":{{{status}}}}}"#
        )
    }

    #[test]
    fn a_rollout_is_known_by_its_replica_sets() {
        let revision = |n: u32| format!(r#""annotations":{{"deployment.kubernetes.io/revision":"{n}"}}"#);
        let set = |name: &str, n: u32| {
            let owner = r#""ownerReferences":[{"kind":"Deployment","name":"web","controller":true}]"#;
            object("ReplicaSet", name, &format!(",{},{owner}", revision(n)), r#""replicas":1"#, "")
        };
        let pods = [owned("web-a-1", "ReplicaSet", "web-a", ""), owned("web-b-1", "ReplicaSet", "web-b", "")];
        let with = |strategy: &str| {
            let spec = format!(r#""replicas":2,"strategy":{strategy}"#);
            let mut all = vec![object("Deployment", "web", &format!(",{}", revision(2)), &spec, "")];
            all.extend([set("web-a", 1), set("web-b", 2), pods[0].clone(), pods[1].clone()]);
            rollout(&all)
        };
        let bounds = |c: &Control| (c.surge, c.unavailable);
        let percent = |p| simulator::spec::Quantity::Percent(p);
        let count = |n| simulator::spec::Quantity::Count(n);
        let (old, control, expected) = with("{}");
        assert_eq!((old, bounds(&control), expected), (vec!["web-a-1".to_owned()], (percent(25), percent(25)), 0));
        let (_, control, _) = with(r#"{"type":"RollingUpdate","rollingUpdate":{"maxSurge":2,"maxUnavailable":"10%"}}"#);
        assert_eq!(bounds(&control), (count(2), percent(10)));
        let (old, _, expected) = with(r#"{"type":"Recreate"}"#);
        assert_eq!((old.len(), expected), (0, 2));
    }

    #[test]
    fn stateful_sets_daemons_and_jobs_say_how_they_go_about_it() {
        let hash = |h: &str| format!(r#""controller-revision-hash":"{h}""#);
        let (zero, ten) =
            (owned("db-10", "StatefulSet", "db", &hash("new")), owned("db-2", "StatefulSet", "db", &hash("old")));
        let status = r#""updateRevision":"new""#;
        let set = |spec: &str| rollout(&[object("StatefulSet", "db", "", spec, status), zero.clone(), ten.clone()]);
        let (old, control, _) = set(r#""replicas":2"#);
        assert_eq!((old, control.ordered), (vec!["db-2".to_owned()], true));
        let (old, control, _) =
            set(r#""replicas":2,"podManagementPolicy":"Parallel","updateStrategy":{"type":"OnDelete"}"#);
        assert_eq!((old.len(), control.ordered), (0, false));
        let generation = r#","annotations":{"deprecated.daemonset.template.generation":"3"}"#;
        let daemon = owned("agent-x", "DaemonSet", "agent", r#""pod-template-generation":"2""#);
        let (old, control, _) = rollout(&[object("DaemonSet", "agent", generation, "", ""), daemon]);
        assert_eq!((old.len(), control.unavailable), (1, simulator::spec::Quantity::Count(1)));
        let policy =
            r#""podFailurePolicy":{"rules":[{"action":"Ignore","onPodConditions":[{"type":"DisruptionTarget"}]}]}"#;
        let spec = format!(r#""completions":5,"backoffLimit":3,{policy}"#);
        let job = object("Job", "batch", "", &spec, r#""succeeded":2,"failed":1"#).replace("apps/v1", "batch/v1");
        let (_, control, _) = rollout(&[job, owned("batch-1", "Job", "batch", "")]);
        let job = control.job;
        assert_eq!((job.completions, job.retries, job.forgives_disruption), (Some(3), 2, true));
    }

    #[test]
    fn gates_are_the_pods_own_and_the_templates() {
        let gates = r#""schedulingGates":[{"name":"example.org/quota"}]"#;
        let waiting = owned("web-5c9-a", "ReplicaSet", "web-5c9", r#""pod-template-hash":"5c9""#)
            .replace(r#""nodeName":"n1""#, gates);
        let deployment = format!(
            r#"{{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"namespace":"shop","name":"web"}},"spec":{{"template":{{"spec":{{{gates}}}}}}}}}"#
        );
        for (objects, pod, template) in [(vec![waiting.clone()], true, false), (vec![waiting, deployment], true, true)]
        {
            let node = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1"}}"#;
            let json = format!(r#"{{"items":[{node},{}]}}"#, objects.join(","));
            let snapshot = Snapshot::from_json(json.as_bytes()).unwrap();
            let drafts = resolve(&snapshot, &mut Coverage::default());
            assert_eq!((!drafts[0].pods[0].spec.gates.is_empty(), drafts[0].gated()), (pod, template));
        }
    }

    #[test]
    fn what_is_over_or_going_is_left_out() {
        let over = pod("done", "").replace("Running", "Succeeded");
        let going = pod("going", r#","deletionTimestamp":"2026-01-01T00:00:00Z""#);
        let far = pod("far", "").replace("n1", "n2");
        check(&[over, going, far], &[]);
    }
}
