//! Plans as `terraform show -json` prints them (format 1.x): `resource_changes` of the azurerm provider's node pools and
//! clusters, the latter for their default pool. Both generations of attribute names are read (renamed in azurerm 4.0).
//!
//! Left out: drift (`resource_drift`), values only known after apply, other providers' resources.

mod attributes;

use serde_json::{Map, Value};

use self::attributes::Pool;
use super::draft::Draft;
use super::fields::{get, text};
use super::json::{join, show};
use super::resource::Target;
use super::walk::Walk;
use crate::change::{ClusterRef, Operation, Source};
use crate::complaint::Complaint;

/// Name of the format.
pub const FORMAT: &str = "terraform-plan";

const POOL: &str = "azurerm_kubernetes_cluster_node_pool";
const CLUSTER: &str = "azurerm_kubernetes_cluster";

/// True for a plan.
pub fn recognise(map: &Map<String, Value>) -> bool {
    get(map, "format_version").is_some()
        && ["resource_changes", "planned_values", "values"].iter().any(|name| map.contains_key(*name))
}

/// Reads a plan.
pub fn read(map: &Map<String, Value>, path: &str, walk: &mut Walk) {
    let changes = match get(map, "resource_changes") {
        Some(Value::Array(changes)) => changes.as_slice(),
        Some(other) => {
            return walk.complain(Complaint::at(
                join(path, "resource_changes"),
                show(other),
                "a list of resource changes",
            ));
        }
        None => &[],
    };
    if get(map, "errored") == Some(&Value::Bool(true)) {
        walk.note("the plan ended with an error and may be incomplete".to_owned());
    }
    let plan = Plan { map, changes };
    let mut found = false;
    for (i, change) in changes.iter().enumerate() {
        found |= plan.resource(change, &join(path, &format!("resource_changes[{i}]")), walk);
    }
    if !found {
        walk.none("the plan changes no AKS cluster and no node pool");
    }
}

struct Plan<'a> {
    map: &'a Map<String, Value>,
    changes: &'a [Value],
}

/// One resource change that matters.
struct Resource<'a> {
    address: &'a str,
    label: &'a str,
    before: Option<&'a Map<String, Value>>,
    after: Option<&'a Map<String, Value>>,
    unknown: Option<&'a Value>,
    cluster: ClusterRef,
    path: String,
    time: Option<String>,
}

impl<'a> Plan<'a> {
    /// Reads one resource change; true where it is about AKS and does something.
    fn resource(&self, change: &'a Value, path: &str, walk: &mut Walk) -> bool {
        let Some(map) = change.as_object() else {
            return false;
        };
        let kind = text(map, "type").unwrap_or_default();
        if (kind != POOL && kind != CLUSTER) || text(map, "mode").is_some_and(|mode| mode != "managed") {
            return false;
        }
        let path = join(path, "change");
        let Some(Value::Object(change)) = get(map, "change") else {
            walk.complain(Complaint::at(path, "nothing", "the change as an object with actions, before and after"));
            return true;
        };
        let actions: Vec<&str> =
            get(change, "actions").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let object = |name| get(change, name).and_then(Value::as_object);
        let (before, after) = (object("before"), object("after"));
        let resource = Resource {
            address: text(map, "address").unwrap_or_default(),
            label: text(map, "name").unwrap_or_default(),
            before,
            after,
            unknown: get(change, "after_unknown"),
            cluster: self.cluster(map, kind, before, after),
            path,
            time: text(self.map, "timestamp").map(str::to_owned),
        };
        resource.read(kind, &actions, walk)
    }

    fn cluster(
        &self,
        resource: &Map<String, Value>,
        kind: &str,
        before: Option<&Map<String, Value>>,
        after: Option<&Map<String, Value>>,
    ) -> ClusterRef {
        let id_name = if kind == POOL { "kubernetes_cluster_id" } else { "id" };
        let known = |name| before.and_then(|map| text(map, name)).or_else(|| after.and_then(|map| text(map, name)));
        if let Some(cluster) = known(id_name).and_then(|id| Target::parse(id).cluster_ref()) {
            return cluster;
        }
        if kind == CLUSTER {
            return named(after.or(before));
        }
        self.referenced_cluster(resource).map(named).unwrap_or_default()
    }

    /// The cluster a new pool refers to by expression, or the only one of the plan.
    fn referenced_cluster(&self, pool: &Map<String, Value>) -> Option<Option<&'a Map<String, Value>>> {
        let clusters =
            || self.changes.iter().filter(|change| change.get("type").and_then(Value::as_str) == Some(CLUSTER));
        let after = |change: &'a Value| change.pointer("/change/after").and_then(Value::as_object);
        let local = format!("{POOL}.{}", text(pool, "name").unwrap_or_default());
        let module = get(self.map, "configuration").and_then(|configuration| configuration.get("root_module"));
        let reference = module.and_then(|module| reference(module, &local));
        let name = reference.and_then(|reference| reference.split('.').nth(1));
        let referred = clusters().find(|change| name.is_some() && change.get("name").and_then(Value::as_str) == name);
        let only = || clusters().next().filter(|_| clusters().count() == 1);
        referred.or_else(only).map(after)
    }
}

/// A cluster that has no id yet.
fn named(attributes: Option<&Map<String, Value>>) -> ClusterRef {
    let lower = |name| attributes.and_then(|map| text(map, name)).map(str::to_lowercase);
    ClusterRef {
        name: lower("name").unwrap_or_default(),
        resource_group: lower("resource_group_name"),
        ..ClusterRef::default()
    }
}

/// The first reference of `kubernetes_cluster_id` in the configuration of a resource, searched through all modules.
fn reference<'a>(module: &'a Value, local: &str) -> Option<&'a str> {
    let resources = module.get("resources").and_then(Value::as_array).into_iter().flatten();
    let mine = resources.into_iter().find(|resource| resource.get("address").and_then(Value::as_str) == Some(local));
    let found = mine.and_then(|resource| resource.pointer("/expressions/kubernetes_cluster_id/references/0"));
    found.and_then(Value::as_str).or_else(|| {
        let calls = module.get("module_calls").and_then(Value::as_object)?;
        calls.values().filter_map(|call| call.get("module")).find_map(|module| reference(module, local))
    })
}

impl Resource<'_> {
    fn read(&self, kind: &str, actions: &[&str], walk: &mut Walk) -> bool {
        match (actions, kind) {
            (["no-op" | "read" | "forget"], _) => return false,
            (["create"], _) => self.create(kind, walk),
            (["delete"], _) => self.delete(kind, walk),
            (["update"], _) => self.update(kind, walk),
            (["delete", "create"], _) => {
                self.replaced("deleted, then created again", walk);
                self.delete(kind, walk);
                self.create(kind, walk);
            }
            (["create", "delete"], _) => {
                self.replaced("created anew, then the old one is deleted", walk);
                self.create(kind, walk);
                self.delete(kind, walk);
            }
            _ => {
                let expected = "no-op, create, read, update, delete, delete and create, create and delete, or forget";
                walk.complain(Complaint::at(join(&self.path, "actions"), actions.join(", "), expected));
            }
        }
        true
    }

    fn replaced(&self, how: &str, walk: &mut Walk) {
        walk.note(format!("{} is replaced: {how}; both steps are changes of their own", self.address));
    }

    fn create(&self, kind: &str, walk: &mut Walk) {
        if let Some((pool, name)) = self.named_pool(kind, self.after, "after", walk) {
            let desired = pool.fields(self.unknown_of(kind), walk.complaints());
            self.add(Some(name), Operation::AddPool { desired }, walk);
        }
    }

    /// A cluster goes with every pool it has.
    fn delete(&self, kind: &str, walk: &mut Walk) {
        let pool = match kind {
            CLUSTER => None,
            _ => match self.named_pool(kind, self.before, "before", walk) {
                Some((_, name)) => Some(name),
                None => return,
            },
        };
        self.add(pool, Operation::DeletePool { ignore_pdb: false }, walk);
    }

    fn update(&self, kind: &str, walk: &mut Walk) {
        let before = self.named_pool(kind, self.before, "before", walk);
        let after = self.pool(kind, self.after, "after", walk);
        let (Some((before, name)), Some(after)) = (before, after) else { return };
        let operations = attributes::update(&before, &after, self.unknown_of(kind), walk.complaints());
        if operations.is_empty() {
            walk.none(&format!("the update of {} changes nothing of a pool", self.address));
        }
        for operation in operations {
            self.add(Some(name.clone()), operation, walk);
        }
    }

    fn named_pool<'b>(
        &self,
        kind: &str,
        attributes: Option<&'b Map<String, Value>>,
        side: &str,
        walk: &mut Walk,
    ) -> Option<(Pool<'b>, String)> {
        let pool = self.pool(kind, attributes, side, walk)?;
        let name = pool.name().or_else(|| {
            walk.note(format!("the name of {} is known after apply; its label stands for it", self.address));
            Some(self.label.to_lowercase()).filter(|label| !label.is_empty())
        });
        if name.is_none() {
            walk.complain(Complaint::at(join(&pool.path, "name"), "nothing", "the name of the pool"));
        }
        name.map(|name| (pool, name))
    }

    /// The attributes of the pool: the resource's own, or those of the cluster's default pool.
    fn pool<'b>(
        &self,
        kind: &str,
        attributes: Option<&'b Map<String, Value>>,
        side: &str,
        walk: &mut Walk,
    ) -> Option<Pool<'b>> {
        let path = join(&self.path, side);
        let Some(map) = attributes else {
            walk.complain(Complaint::at(path, "nothing", "the attributes of the resource as an object"));
            return None;
        };
        if kind == POOL {
            return Some(Pool { map, path, default_pool: false });
        }
        let default = get(map, "default_node_pool").and_then(|list| list.get(0)).and_then(Value::as_object);
        if default.is_none() {
            walk.none(&format!("{} has no default node pool", self.address));
        }
        default.map(|map| Pool { map, path: join(&path, "default_node_pool[0]"), default_pool: true })
    }

    fn unknown_of(&self, kind: &str) -> Option<&Map<String, Value>> {
        let unknown = self.unknown?;
        let of_pool = if kind == POOL { Some(unknown) } else { unknown.pointer("/default_node_pool/0") };
        of_pool?.as_object()
    }

    fn add(&self, pool: Option<String>, operation: Operation, walk: &mut Walk) {
        let source = Source { format: FORMAT.to_owned(), time: self.time.clone(), ..Source::default() };
        walk.change(Draft::proposed(source, self.cluster.clone(), pool, operation).by_content());
    }
}
