//! Pods for workloads of which the snapshot holds none, spread over the nodes where Kubernetes could have put them:
//! preferences first, then zones and nodes with fewer pods of the same workload, then the emptiest node. No exact scheduler:
//! where pods of an older cluster sit depends on a history nobody knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use simulator::spec::{Effect, Toleration};

use crate::coverage::Coverage;
use crate::intern::requests;
use crate::matching;
use crate::snapshot::{Amounts, ClaimRef, Labels, Node, Owner, Pod, PodTemplate, Snapshot, Workload};

/// Adds pods for every workload that makes some itself; where the snapshot holds pods, only for workloads that were made up.
pub(super) fn pods(snapshot: &mut Snapshot, coverage: &mut Coverage) {
    let none_given = snapshot.pods.is_empty();
    let mut free = Free::of_nodes(snapshot);
    let mut workloads: Vec<&Workload> =
        snapshot.workloads.iter().filter(|w| w.owner.is_none() && (none_given || w.assumed)).collect();
    // DaemonSets first and high priorities before low ones: as after a restart of the whole cluster.
    workloads.sort_by_key(|w| {
        let priority = i64::from(requests::priority(&w.template));
        (w.kind != "DaemonSet", -priority, &w.namespace, &w.name)
    });
    let made: Vec<Pod> = workloads
        .into_iter()
        .flat_map(|w| match w.kind.as_str() {
            "DaemonSet" => daemons(w, &snapshot.nodes, &mut free),
            _ => replicas(w, &snapshot.nodes, &mut free),
        })
        .collect();
    if !made.is_empty() {
        let value = format!("{} pods spread over the nodes", made.len());
        coverage.assume("where pods run", value, "by preference, zone, node and room", 'C');
    }
    snapshot.pods.extend(made);
    snapshot.pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
}

fn daemons(workload: &Workload, nodes: &[Node], free: &mut [Free]) -> Vec<Pod> {
    let asked = requests::effective(&workload.template);
    let common = Common::of(workload);
    let eligible = nodes.iter().zip(free).filter(|(n, _)| matching::admits(&workload.template, n));
    let made = eligible.map(|(node, free)| {
        free.take(&asked);
        pod(&common, made_name(workload, &node.name), Some(node.name.clone()))
    });
    made.collect()
}

fn replicas(workload: &Workload, nodes: &[Node], free: &mut [Free]) -> Vec<Pod> {
    let asked = requests::effective(&workload.template);
    let common = Common::of(workload);
    let mut places = Place::all(workload, nodes);
    let mut zones = vec![0u32; places.len()];
    let made = (0..workload.replicas).map(|replica| {
        let fitting = places.iter().enumerate().filter(|(_, p)| free[p.node].fits(&asked));
        let best = fitting.min_by_key(|(_, p)| (p.rank, zones[p.zone], p.own, -free[p.node].share(), p.node));
        let node = best.map(|(at, _)| at).map(|at| {
            let place = &mut places[at];
            free[place.node].take(&asked);
            place.own += 1;
            zones[place.zone] += 1;
            place.node
        });
        let name = match workload.kind.as_str() {
            "StatefulSet" => format!("{}-{replica}", workload.name),
            _ => made_name(workload, &replica.to_string()),
        };
        pod(&common, name, node.map(|i| nodes[i].name.clone()))
    });
    made.collect()
}

/// A node a workload may use, and how little it would like to: preferred weights first, then taints it would rather avoid.
struct Place {
    node: usize,
    /// The first place in the same zone.
    zone: usize,
    rank: (i64, usize),
    /// Pods of the workload on it.
    own: u32,
}

impl Place {
    fn all<'n>(workload: &Workload, nodes: &'n [Node]) -> Vec<Place> {
        let template = &workload.template;
        let usable = |n: &Node| n.ready && !n.cordoned && matching::admits(template, n);
        let rank = |n: &Node| {
            let weight = |(w, t): &(i64, _)| {
                if matching::term(t, &n.labels, &n.name) { *w } else { 0 }
            };
            let preferred: i64 = template.preferred.iter().map(weight).sum();
            let unwanted = n.taints.iter().filter(|t| !matching::tolerates(&template.tolerations, t)).count();
            (-preferred, unwanted)
        };
        let mut zones: BTreeMap<&'n str, usize> = BTreeMap::new();
        let usable = nodes.iter().enumerate().filter(|(_, n)| usable(n)).enumerate();
        let place = |(at, (node, n)): (usize, (usize, &'n Node))| {
            let zone = *zones.entry(n.zone()).or_insert(at);
            Place { node, zone, rank: rank(n), own: 0 }
        };
        usable.map(place).collect()
    }
}

/// What is left of a node.
struct Free {
    cpu: i64,
    memory: i64,
    pods: i64,
    total: (i64, i64),
}

impl Free {
    /// Of every node, less what the pods that are there ask for.
    fn of_nodes(snapshot: &Snapshot) -> Vec<Free> {
        let mut free: Vec<Free> = snapshot.nodes.iter().map(|n| Free::of(&n.allocatable)).collect();
        for pod in snapshot.pods.iter().filter(|p| !p.is_over()) {
            let name = pod.node.as_deref().unwrap_or_default();
            if let Ok(i) = snapshot.nodes.binary_search_by(|n| n.name.as_str().cmp(name)) {
                free[i].take(&requests::effective(&pod.spec));
            }
        }
        free
    }

    fn of(a: &Amounts) -> Free {
        Free { cpu: a.cpu, memory: a.memory, pods: a.pods, total: (a.cpu.max(1), a.memory.max(1)) }
    }

    fn fits(&self, asked: &Amounts) -> bool {
        self.pods >= 1 && self.cpu >= asked.cpu && self.memory >= asked.memory
    }

    fn take(&mut self, asked: &Amounts) {
        self.cpu = self.cpu.saturating_sub(asked.cpu);
        self.memory = self.memory.saturating_sub(asked.memory);
        self.pods -= 1;
    }

    /// Share left, in thousandths, of CPU and memory together.
    fn share(&self) -> i64 {
        let part = |left: i64, total: i64| (i128::from(left) * 1000 / i128::from(total)) as i64;
        part(self.cpu, self.total.0).saturating_add(part(self.memory, self.total.1))
    }
}

fn made_name(workload: &Workload, tail: &str) -> String {
    format!("{}-{tail}", workload.name)
}

/// What all pods of a workload have in common.
struct Common<'a> {
    workload: &'a Workload,
    spec: Arc<PodTemplate>,
    labels: Arc<Labels>,
}

impl Common<'_> {
    fn of(workload: &Workload) -> Common<'_> {
        let mut spec = workload.template.clone();
        if workload.kind != "DaemonSet" {
            admit(&mut spec.tolerations);
        }
        Common { workload, spec: spec.into(), labels: workload.pod_labels.clone().into() }
    }
}

fn pod(common: &Common<'_>, name: String, node: Option<String>) -> Pod {
    let workload = common.workload;
    // A StatefulSet names its claims after template and pod.
    let own = workload.claim_templates.iter().map(|t| ClaimRef::Named(format!("{}-{name}", t.name)));
    Pod {
        claims: workload.template.claims.iter().cloned().chain(own).collect(),
        spec: common.spec.clone(),
        namespace: workload.namespace.clone(),
        name,
        labels: common.labels.clone(),
        annotations: Arc::default(),
        owner: Some(Owner { kind: workload.kind.clone(), name: workload.name.clone() }),
        phase: if node.is_some() { "Running".into() } else { "Pending".into() },
        ready: node.is_some(),
        node,
        deleting: false,
        assumed: true,
        started: None,
        nominated: None,
    }
}

/// Tolerations every pod gets on admission (DefaultTolerationSeconds, on AKS' list of admission plugins).
pub(crate) fn admit(tolerations: &mut Vec<Toleration>) {
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let taint = simulator::spec::Taint { key: key.into(), value: String::new(), effect: Effect::NoExecute };
        if !matching::tolerates(tolerations, &taint) {
            tolerations.push(Toleration {
                key: Some(key.into()),
                value: None,
                effect: Some(Effect::NoExecute),
                seconds: Some(300),
            });
        }
    }
}
