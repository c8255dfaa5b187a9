//! Pods for workloads of which the snapshot holds none, spread over the nodes where Kubernetes could have put them:
//! preferences first, then zones and nodes with fewer pods of the same workload, then the emptiest node. No exact scheduler:
//! where pods of an older cluster sit depends on a history nobody knows.

use std::collections::BTreeMap;

use simulator::spec::{Effect, Toleration};

use crate::coverage::Coverage;
use crate::intern::requests;
use crate::matching;
use crate::snapshot::{Node, Owner, Pod, Snapshot, Workload};

/// Adds pods for every workload that makes some itself.
pub(super) fn pods(snapshot: &mut Snapshot, coverage: &mut Coverage) {
    let mut free: Vec<Free> = snapshot.nodes.iter().map(Free::of).collect();
    let mut workloads: Vec<&Workload> = snapshot
        .workloads
        .iter()
        .filter(|w| w.owner.is_none())
        .collect();
    // DaemonSets first and high priorities before low ones: as after a restart of the whole cluster.
    workloads.sort_by_key(|w| {
        (
            w.kind != "DaemonSet",
            -i64::from(requests::priority(&w.template)),
            &w.namespace,
            &w.name,
        )
    });
    let mut made = Vec::new();
    for workload in workloads {
        let nodes = &snapshot.nodes;
        if workload.kind == "DaemonSet" {
            let eligible = nodes
                .iter()
                .enumerate()
                .filter(|(_, n)| matching::admits(&workload.template, n));
            for (i, node) in eligible {
                free[i].take(workload);
                made.push(pod(
                    workload,
                    made_name(workload, &node.name),
                    Some(node.name.clone()),
                ));
            }
            continue;
        }
        let mut own: BTreeMap<usize, u32> = BTreeMap::new();
        for replica in 0..workload.replicas {
            let node = best(workload, nodes, &free, &own);
            if let Some(i) = node {
                free[i].take(workload);
                *own.entry(i).or_default() += 1;
            }
            let name = if workload.kind == "StatefulSet" {
                format!("{}-{replica}", workload.name)
            } else {
                made_name(workload, &replica.to_string())
            };
            made.push(pod(workload, name, node.map(|i| nodes[i].name.clone())));
        }
    }
    if !made.is_empty() {
        coverage.assume(
            "where pods run",
            format!("{} pods spread over the nodes", made.len()),
            "by preference, zone, node and room",
            'C',
        );
    }
    made.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    snapshot.pods = made;
}

/// What is left of a node.
struct Free {
    cpu: i64,
    memory: i64,
    pods: i64,
    total: (i64, i64),
}

impl Free {
    fn of(node: &Node) -> Free {
        let a = &node.allocatable;
        Free {
            cpu: a.cpu,
            memory: a.memory,
            pods: a.pods,
            total: (a.cpu.max(1), a.memory.max(1)),
        }
    }

    fn fits(&self, workload: &Workload) -> bool {
        let r = requests::effective(&workload.template);
        self.pods >= 1 && self.cpu >= r.cpu && self.memory >= r.memory
    }

    fn take(&mut self, workload: &Workload) {
        let r = requests::effective(&workload.template);
        self.cpu -= r.cpu;
        self.memory -= r.memory;
        self.pods -= 1;
    }

    /// Share left, in thousandths, of CPU and memory together.
    fn share(&self) -> i64 {
        let part = |left: i64, total: i64| (i128::from(left) * 1000 / i128::from(total)) as i64;
        part(self.cpu, self.total.0) + part(self.memory, self.total.1)
    }
}

fn best(
    workload: &Workload,
    nodes: &[Node],
    free: &[Free],
    own: &BTreeMap<usize, u32>,
) -> Option<usize> {
    let mut zones: BTreeMap<&str, u32> = BTreeMap::new();
    for (i, n) in own {
        *zones.entry(nodes[*i].zone()).or_default() += n;
    }
    let eligible = (0..nodes.len()).filter(|i| {
        let node = &nodes[*i];
        node.ready
            && !node.cordoned
            && free[*i].fits(workload)
            && matching::admits(&workload.template, node)
    });
    eligible.min_by_key(|i| {
        let node = &nodes[*i];
        let template = &workload.template;
        let preferred: i64 = template
            .preferred
            .iter()
            .filter(|(_, t)| matching::term(t, &node.labels, &node.name))
            .map(|(w, _)| w)
            .sum();
        let unwanted = node
            .taints
            .iter()
            .filter(|t| !matching::tolerates(&template.tolerations, t))
            .count();
        let here = own.get(i).copied().unwrap_or(0);
        (
            -preferred,
            unwanted,
            zones.get(node.zone()).copied().unwrap_or(0),
            here,
            -free[*i].share(),
            *i,
        )
    })
}

fn made_name(workload: &Workload, tail: &str) -> String {
    format!("{}-{tail}", workload.name)
}

fn pod(workload: &Workload, name: String, node: Option<String>) -> Pod {
    let mut spec = workload.template.clone();
    if workload.kind != "DaemonSet" {
        admit(&mut spec.tolerations);
    }
    Pod {
        namespace: workload.namespace.clone(),
        name,
        labels: workload.pod_labels.clone(),
        annotations: BTreeMap::new(),
        owner: Some(Owner {
            kind: workload.kind.clone(),
            name: workload.name.clone(),
        }),
        phase: if node.is_some() {
            "Running".into()
        } else {
            "Pending".into()
        },
        ready: node.is_some(),
        node,
        spec,
        deleting: false,
        assumed: true,
    }
}

/// Tolerations every pod gets on admission (DefaultTolerationSeconds, on AKS' list of admission plugins).
pub(crate) fn admit(tolerations: &mut Vec<Toleration>) {
    for key in [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ] {
        let taint = simulator::spec::Taint {
            key: key.into(),
            value: String::new(),
            effect: Effect::NoExecute,
        };
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
