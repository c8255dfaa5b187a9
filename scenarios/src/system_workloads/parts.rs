//! The table of AKS' own workloads. Figures are sums over the containers of a pod, as node dumps show them; a workload with
//! several containers has them in one. Sources per row; "dump" is a public `kubectl describe node` of a real AKS node.

use serde_json::{Value, json};

use super::{Cluster, dns_replicas};

/// One workload.
pub(super) struct Part {
    pub name: &'static str,
    pub namespace: &'static str,
    /// Label its pods are selected by.
    pub label: (&'static str, &'static str),
    /// `None` for a DaemonSet.
    pub replicas: Option<u32>,
    pub containers: Vec<Container>,
    /// Name of the budget AKS ships for it.
    pub budget: Option<&'static str>,
    /// Prefers not to share a node with its like.
    pub apart: bool,
}

/// Requests and limits: thousandths of a core, MiB; 0 for none.
pub(super) struct Container {
    name: &'static str,
    cpu: (u32, u32),
    memory: (u32, u32),
}

impl Container {
    pub fn json(&self) -> Value {
        let list = |cpu: u32, memory: u32| {
            let mut map = serde_json::Map::new();
            if cpu > 0 {
                map.insert("cpu".into(), json!(format!("{cpu}m")));
            }
            if memory > 0 {
                map.insert("memory".into(), json!(format!("{memory}Mi")));
            }
            Value::Object(map)
        };
        json!({"name": self.name, "readinessProbe": {},
            "resources": {"requests": list(self.cpu.0, self.memory.0), "limits": list(self.cpu.1, self.memory.1)}})
    }
}

/// The workloads of a cluster.
pub(super) fn all(c: &Cluster) -> Vec<Part> {
    let mut parts = singletons(c);
    parts.extend(daemons(c));
    if c.policy {
        parts.extend(policy());
    }
    if c.monitoring {
        // microsoft/Docker-Provider kubernetes/ama-logs.yaml
        parts.push(daemon("ama-logs", ("dsName", "ama-logs-ds"), (150, 3500), (550, 3584)));
        parts.push(deployment("ama-logs-rs", ("rsName", "ama-logs-rs"), 1, (150, 1000), (250, 1280)));
    }
    if c.defender {
        // Dump of about 1.26 with Azure Policy and Defender.
        parts.push(daemon(
            "microsoft-defender-collector-ds",
            ("dsName", "microsoft-defender-collector-ds"),
            (60, 210),
            (96, 192),
        ));
        parts.push(daemon(
            "microsoft-defender-publisher-ds",
            ("dsName", "microsoft-defender-publisher-ds"),
            (30, 60),
            (32, 200),
        ));
    }
    parts
}

/// The container that sizes metrics-server by the nodes (AKS docs, use-metrics-server-vertical-pod-autoscaler).
pub const SIZER: &str = "metrics-server-vpa";

impl Part {
    fn with(mut self, container: Container) -> Part {
        self.containers.push(container);
        self
    }
}

fn singletons(c: &Cluster) -> Vec<Part> {
    let n = c.nodes;
    vec![
        // AKS docs, coredns-autoscale; dumps of 1.26 and 1.30.
        Part {
            budget: Some("coredns-pdb"),
            apart: true,
            ..deployment("coredns", ("k8s-app", "kube-dns"), dns_replicas(n, c.cores), (100, 3000), (70, 500))
        },
        deployment("coredns-autoscaler", ("k8s-app", "coredns-autoscaler"), 1, (20, 200), (10, 500)),
        // Dumps; two on small clusters, more by an autoscaler whose ladder is not public.
        Part {
            budget: Some("konnectivity-agent"),
            apart: true,
            ..deployment("konnectivity-agent", ("app", "konnectivity-agent"), 2, (20, 1000), (20, 1024))
        },
        // Grows with the nodes: 155m + 1m and 126Mi + 8Mi a node, limits 250m + 1m and 396Mi + 8Mi (fits the dumps of 1.30 and 1.32).
        Part {
            budget: Some("metrics-server-pdb"),
            apart: true,
            ..deployment(
                "metrics-server",
                ("k8s-app", "metrics-server"),
                2,
                (155 + n, 250 + n),
                (126 + 8 * n, 396 + 8 * n),
            )
        }
        .with(Container { name: SIZER, cpu: (0, 0), memory: (0, 0) }),
    ]
}

fn daemons(c: &Cluster) -> Vec<Part> {
    let mut parts = vec![
        // Dumps of 1.26 to 1.32.
        daemon("cloud-node-manager", ("k8s-app", "cloud-node-manager"), (50, 0), (50, 512)),
        daemon("csi-azuredisk-node", ("app", "csi-azuredisk-node"), (30, 0), (60, 1400)),
        daemon("csi-azurefile-node", ("app", "csi-azurefile-node"), (30, 0), (60, 600)),
    ];
    if !c.cilium {
        parts.push(daemon("kube-proxy", ("component", "kube-proxy"), (100, 0), (0, 0)));
        parts.push(daemon("azure-ip-masq-agent", ("k8s-app", "azure-ip-masq-agent"), (100, 500), (50, 250)));
    }
    if c.cns {
        parts.push(daemon("azure-cns", ("k8s-app", "azure-cns"), (40, 40), (250, 250)));
    }
    if c.azure_npm {
        // Azure/AKS issue 2033; dump of 1.32.
        parts.push(daemon("azure-npm", ("k8s-app", "azure-npm"), (50, 250), (300, 1000)));
    }
    parts
}

/// Dump of about 1.26; the webhook got its budget in 2025 (AKS changelog).
fn policy() -> [Part; 2] {
    let namespace = "gatekeeper-system";
    let controller =
        deployment("gatekeeper-controller", ("control-plane", "controller-manager"), 2, (100, 2000), (256, 2048));
    let audit = deployment("gatekeeper-audit", ("control-plane", "audit-controller"), 1, (100, 2000), (256, 3072));
    [Part { namespace, budget: Some("gatekeeper-controller"), ..controller }, Part { namespace, ..audit }]
}

fn deployment(
    name: &'static str,
    label: (&'static str, &'static str),
    replicas: u32,
    cpu: (u32, u32),
    memory: (u32, u32),
) -> Part {
    let containers = vec![Container { name, cpu, memory }];
    Part { name, namespace: "kube-system", label, replicas: Some(replicas), containers, budget: None, apart: false }
}

fn daemon(name: &'static str, label: (&'static str, &'static str), cpu: (u32, u32), memory: (u32, u32)) -> Part {
    Part { replicas: None, ..deployment(name, label, 0, cpu, memory) }
}
