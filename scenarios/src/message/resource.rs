//! ARM resource ids and management URIs of AKS clusters. Azure compares them without regard to letter case and prints
//! them in any (Event Hub exports shout), so names are lower-cased here once and for all.

use crate::change::ClusterRef;

/// What an ARM resource id or request path points at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The whole path, lower-cased, without query and final slash.
    pub id: String,
    /// Subscription.
    pub subscription: Option<String>,
    /// Resource group.
    pub resource_group: Option<String>,
    /// Type of the first resource after `providers`, such as `microsoft.containerservice/managedclusters`.
    pub kind: String,
    /// Cluster, where it is one or part of one.
    pub cluster: Option<String>,
    /// Agent pool.
    pub pool: Option<String>,
    /// Segments after cluster or pool: a sub-resource or an action.
    pub rest: Vec<String>,
    /// Query of a URI, as `name=value`, lower-cased.
    pub query: Vec<String>,
}

const CLUSTERS: &str = "microsoft.containerservice/managedclusters";

impl Target {
    /// Reads a resource id, or the path of a management URI.
    pub fn parse(text: &str) -> Target {
        let text = text.trim().to_lowercase();
        let (path, query) = text.split_once('?').unwrap_or((&text, ""));
        let path = match path.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("", |slash| &rest[slash..]),
            None => path,
        };
        let path = path.trim_end_matches('/');
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let after = |word: &str| {
            let at = segments.iter().position(|segment| *segment == word)?;
            segments.get(at + 1).map(|segment| (*segment).to_owned())
        };
        let mut target = Target {
            id: path.to_owned(),
            subscription: after("subscriptions"),
            resource_group: after("resourcegroups"),
            query: query.split('&').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
            ..Target::default()
        };
        if let Some(at) = segments.iter().position(|segment| *segment == "providers") {
            target.read_resource(&segments[at + 1..]);
        }
        target
    }

    fn read_resource(&mut self, segments: &[&str]) {
        let owned = |segments: &[&str]| segments.iter().map(|s| (*s).to_owned()).collect::<Vec<String>>();
        if let [namespace, kind, ..] = segments {
            self.kind = format!("{namespace}/{kind}");
        }
        if self.kind != CLUSTERS {
            return;
        }
        match segments {
            [_, _, cluster, "agentpools", pool, rest @ ..] => {
                self.cluster = Some((*cluster).to_owned());
                self.pool = Some((*pool).to_owned());
                self.rest = owned(rest);
            }
            [_, _, cluster, rest @ ..] => {
                self.cluster = Some((*cluster).to_owned());
                self.rest = owned(rest);
            }
            _ => {}
        }
    }

    /// The cluster as changes name it.
    pub fn cluster_ref(&self) -> Option<ClusterRef> {
        let name = self.cluster.clone()?;
        let id = match (&self.subscription, &self.resource_group) {
            (Some(subscription), Some(group)) => {
                Some(format!("/subscriptions/{subscription}/resourcegroups/{group}/providers/{CLUSTERS}/{name}"))
            }
            _ => None,
        };
        let (subscription, resource_group) = (self.subscription.clone(), self.resource_group.clone());
        Some(ClusterRef { id, name, resource_group, subscription })
    }

    /// True where the query holds this `name=value` (lower case).
    pub fn asks(&self, parameter: &str) -> bool {
        self.query.iter().any(|part| part == parameter)
    }
}

/// A cluster given by resource id or by name.
pub fn cluster_ref(text: &str) -> ClusterRef {
    Target::parse(text)
        .cluster_ref()
        .unwrap_or_else(|| ClusterRef { name: text.trim().to_lowercase(), ..ClusterRef::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ids_in_any_case() {
        let target = Target::parse(
            "/SUBSCRIPTIONS/S1/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.CONTAINERSERVICE/MANAGEDCLUSTERS/AKS-PROD/AGENTPOOLS/NP1/",
        );
        assert_eq!((target.cluster.as_deref(), target.pool.as_deref()), (Some("aks-prod"), Some("np1")));
        let id = "/subscriptions/s1/resourcegroups/rg/providers/microsoft.containerservice/managedclusters/aks-prod";
        assert_eq!(target.cluster_ref().and_then(|c| c.id).as_deref(), Some(id));
    }

    #[test]
    fn reads_uris_with_action_and_query() {
        let target = Target::parse(
            "https://management.azure.com/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c/agentPools/p/deleteMachines?api-version=1&Ignore-Pod-Disruption-Budget=true",
        );
        assert_eq!(target.rest, ["deletemachines"]);
        assert!(target.asks("ignore-pod-disruption-budget=true"));
    }

    #[test]
    fn other_resources_have_no_cluster() {
        let target =
            Target::parse("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/n");
        assert_eq!((target.cluster, target.kind.as_str()), (None, "microsoft.network/networksecuritygroups"));
        assert_eq!(Target::parse("a://").id, "");
    }
}
