//! Results of ARM and Bicep what-if: `{status, changes: [...]}` as the CLI prints it, `{status, properties: {changes}}`
//! as REST wraps it (API 2020-06-01 and later).
//!
//! The comparison is made anew from `before` and `after`: Azure compares `agentPoolProfiles` by index, so that a removed
//! pool looks like another one renamed (Azure/arm-template-whatif issue 128). Pools are matched by name here.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::draft::Draft;
use super::fields::{get, text};
use super::json::{join, show};
use super::pool_fields;
use super::resource::Target;
use super::walk::Walk;
use crate::change::{Operation, PoolFields, Source, difference};
use crate::complaint::Complaint;

/// Name of the format.
pub const FORMAT: &str = "what-if";

/// True for a what-if result.
pub fn recognise(map: &Map<String, Value>) -> bool {
    changes(map).is_some_and(|(changes, _)| match changes.first() {
        Some(first) => first.get("resourceId").is_some() && first.get("changeType").is_some(),
        None => get(map, "status").is_some(),
    })
}

fn changes(map: &Map<String, Value>) -> Option<(&Vec<Value>, &'static str)> {
    let top = get(map, "changes").map(|changes| (changes, "changes"));
    let nested = || Some((get(map, "properties")?.get("changes")?, "properties.changes"));
    let (changes, place) = top.or_else(nested)?;
    Some((changes.as_array()?, place))
}

/// Reads a result.
pub fn read(map: &Map<String, Value>, path: &str, walk: &mut Walk) {
    let Some((list, place)) = changes(map) else {
        return;
    };
    if text(map, "status").is_some_and(|status| status.eq_ignore_ascii_case("failed")) {
        walk.note("the what-if failed and may be incomplete".to_owned());
    }
    let mut found = false;
    for (i, change) in list.iter().enumerate() {
        let path = join(path, &format!("{place}[{i}]"));
        match change.as_object() {
            Some(change) => found |= resource(change, &path, walk),
            None => walk.complain(Complaint::at(path, show(change), "a change with resourceId and changeType")),
        }
    }
    if !found {
        walk.none("the deployment changes no AKS cluster and no agent pool");
    }
}

/// One resource of the result.
struct Resource<'a> {
    target: Target,
    before: Option<&'a Map<String, Value>>,
    after: Option<&'a Map<String, Value>>,
    path: String,
}

/// Reads one change; true where it is about a pool or a cluster and does something.
fn resource(change: &Map<String, Value>, path: &str, walk: &mut Walk) -> bool {
    let target = Target::parse(text(change, "resourceId").unwrap_or_default());
    if target.cluster.is_none() || !target.rest.is_empty() {
        return false;
    }
    let object = |name| get(change, name).and_then(Value::as_object);
    let (before, after) = (object("before"), object("after"));
    let resource = Resource { target, before, after, path: path.to_owned() };
    let kind = text(change, "changeType").unwrap_or_default().to_lowercase();
    match (kind.as_str(), resource.target.pool.is_some()) {
        ("ignore" | "nochange" | "noeffect", _) => return false,
        ("unsupported", _) => {
            walk.none(&format!(
                "the what-if could not evaluate {}, so what happens to it cannot be told",
                resource.target.id
            ));
        }
        ("create", true) => {
            let desired = resource.fields(after, "after", walk);
            resource.add_own(Operation::AddPool { desired }, walk);
        }
        ("delete", _) => resource.add_own(Operation::DeletePool { ignore_pdb: false }, walk),
        ("modify", true) => resource.modify(walk),
        ("deploy", true) => resource.deploy(walk),
        ("create" | "modify" | "deploy", false) => resource.cluster(&kind, walk),
        _ => {
            let expected = "Create, Delete, Ignore, Deploy, NoChange, Modify, NoEffect or Unsupported";
            walk.complain(Complaint::at(join(path, "changeType"), kind, expected));
        }
    }
    true
}

impl Resource<'_> {
    fn fields(&self, side: Option<&Map<String, Value>>, name: &str, walk: &mut Walk) -> PoolFields {
        let properties = side.and_then(|side| get(side, "properties")).and_then(Value::as_object);
        let path = join(&self.path, &format!("{name}.properties"));
        properties.map(|map| pool_fields::read(map, &path, walk.complaints())).unwrap_or_default()
    }

    fn modify(&self, walk: &mut Walk) {
        if self.before.is_none() || self.after.is_none() {
            return self.deploy(walk);
        }
        let (before, after) = (self.fields(self.before, "before", walk), self.fields(self.after, "after", walk));
        let operations = difference(&before, &after);
        if operations.is_empty() {
            walk.none("the modification of the pool changes nothing that can be written");
        }
        for operation in operations {
            self.add_own(operation, walk);
        }
    }

    /// Without both sides nothing tells what the write changes.
    fn deploy(&self, walk: &mut Walk) {
        let desired = self.fields(self.after, "after", walk);
        let unknown = desired == PoolFields::default();
        self.add_own(if unknown { Operation::Unknown } else { Operation::PutPool { desired } }, walk);
    }

    /// The pools of a cluster resource, matched by name.
    fn cluster(&self, kind: &str, walk: &mut Walk) {
        let (before, after) = (self.profiles(self.before, "before", walk), self.profiles(self.after, "after", walk));
        if before.is_empty() && after.is_empty() {
            return walk.none("the cluster is written, and nothing tells of a pool");
        }
        let mut any = false;
        for (name, desired) in &after {
            let operations = match before.get(name) {
                Some(old) => difference(old, desired),
                None if kind == "deploy" => vec![Operation::PutPool { desired: desired.clone() }],
                None => vec![Operation::AddPool { desired: desired.clone() }],
            };
            any |= !operations.is_empty();
            operations.into_iter().for_each(|operation| self.add(Some(name.clone()), operation, walk));
        }
        for name in before.keys().filter(|name| !after.contains_key(*name)) {
            any = true;
            walk.note(format!(
                "pool {name} is absent after the deployment and read as deleted; an incremental deployment may leave it alone"
            ));
            self.add(Some(name.clone()), Operation::DeletePool { ignore_pdb: false }, walk);
        }
        if !any {
            walk.none("the cluster changes, and its pools stay as they are");
        }
    }

    fn profiles(&self, side: Option<&Map<String, Value>>, name: &str, walk: &mut Walk) -> BTreeMap<String, PoolFields> {
        let profiles = side.and_then(|side| get(side, "properties")).and_then(|p| p.get("agentPoolProfiles"));
        let profiles = profiles.and_then(Value::as_array).into_iter().flatten().enumerate();
        let mut pools = BTreeMap::new();
        for (i, profile) in profiles {
            let path = join(&self.path, &format!("{name}.properties.agentPoolProfiles[{i}]"));
            let Some((map, pool)) = profile.as_object().and_then(|map| Some((map, text(map, "name")?))) else {
                walk.complain(Complaint::at(path, show(profile), "a pool with a name"));
                continue;
            };
            pools.insert(pool.to_lowercase(), pool_fields::read(map, &path, walk.complaints()));
        }
        pools
    }

    fn add_own(&self, operation: Operation, walk: &mut Walk) {
        self.add(self.target.pool.clone(), operation, walk);
    }

    fn add(&self, pool: Option<String>, operation: Operation, walk: &mut Walk) {
        let source = Source { format: FORMAT.to_owned(), ..Source::default() };
        let cluster = self.target.cluster_ref().unwrap_or_default();
        walk.change(Draft::proposed(source, cluster, pool, operation).by_content());
    }
}
