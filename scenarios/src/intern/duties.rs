//! What workloads do for nodes and for traffic from outside: AKS' node manager and drivers by their names, ingress by the
//! Services in front of it.

use simulator::spec::{Duty, Exposure, Role, WorkloadKind};

use super::owners::Draft;
use crate::coverage::Coverage;
use crate::snapshot::Snapshot;
use crate::snapshot::storage::DISK_DRIVER;
use crate::system_workloads::is_system;

/// DaemonSets of CSI drivers on AKS and the drivers they are (AKS docs, csi-storage-drivers, csi-secrets-store-driver).
const DRIVERS: [(&str, &str); 4] = [
    ("csi-azuredisk-node", DISK_DRIVER),
    ("csi-azurefile-node", "file.csi.azure.com"),
    ("csi-blob-node", "blob.csi.azure.com"),
    ("aks-secrets-store-csi-driver", "secrets-store.csi.k8s.io"),
];

/// The duty of a workload.
pub(super) fn of(full: &Snapshot, draft: &Draft) -> Duty {
    let daemon = draft.kind == WorkloadKind::DaemonSet && is_system(&draft.namespace);
    let driver = DRIVERS.iter().find(|(name, _)| daemon && draft.name.trim_end_matches("-win") == *name);
    Duty {
        initialises_nodes: daemon && draft.name.trim_end_matches("-windows") == "cloud-node-manager",
        driver: driver.map(|(_, driver)| (*driver).to_owned()),
        exposed: exposure(full, draft),
    }
}

/// How load balancers reach it: `Local` only where every Service of type LoadBalancer in front of it says so.
fn exposure(full: &Snapshot, draft: &Draft) -> Option<Exposure> {
    let selects = |s: &&crate::snapshot::Service| {
        let labels = s.selector.as_ref().filter(|labels| !labels.is_empty());
        s.balanced
            && s.namespace == draft.namespace
            && labels.is_some_and(|labels| labels.iter().all(|(k, v)| draft.labels.get(k) == Some(v)))
    };
    let fronts: Vec<bool> = full.services.iter().filter(selects).map(|s| s.local).collect();
    (!fronts.is_empty()).then(|| Exposure { local: fronts.iter().all(|local| *local) })
}

/// Says which IngressClasses nobody was found for.
pub(super) fn note(full: &Snapshot, drafts: &[Draft], coverage: &mut Coverage) {
    // Application Gateway stands outside the cluster.
    let inside = |who: &&String| !who.starts_with("azure/");
    let known = drafts.iter().any(|d| d.role == Role::Ingress);
    if let Some(who) = full.ingress_classes.values().find(inside).filter(|_| !known) {
        coverage.missing(format!(
            "no workload was recognised as the ingress controller {who}; annotate it with poolproof.dev/minimum to have it watched"
        ));
    }
}

/// Values of `app.kubernetes.io/name` (and of `app`, as older charts have it) of ingress controllers that carry traffic
/// themselves. Those that only configure something outside (Application Gateway) are none.
const CONTROLLERS: [&str; 10] = [
    "ingress-nginx",
    "nginx-ingress",
    "nginx-ingress-controller",
    "traefik",
    "haproxy-ingress",
    "kubernetes-ingress",
    "contour",
    "kong",
    "istio-ingressgateway",
    "istio-ingress",
];

/// True for an ingress controller: by well-known labels, or AKS' application routing (nginx in app-routing-system).
pub(super) fn is_ingress(namespace: &str, labels: &crate::snapshot::Labels) -> bool {
    let is = |key: &str| labels.get(key).is_some_and(|v| CONTROLLERS.contains(&v.as_str()));
    let backend = labels.get("app.kubernetes.io/component").is_some_and(|v| v.contains("backend"));
    let routing = namespace == "app-routing-system" && labels.get("app").is_some_and(|v| v.starts_with("nginx"));
    let gateway = labels.get("istio").is_some_and(|v| v.contains("ingressgateway"));
    (is("app.kubernetes.io/name") || is("app") || routing || gateway) && !backend
}
