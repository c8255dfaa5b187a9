//! NodePools of Karpenter, which AKS runs as node auto-provisioning (API karpenter.sh/v1; v1beta1 has expireAfter elsewhere).
//! Budgets with a schedule are left out and counted: a snapshot does not say when they apply.

use serde_json::Value;
use simulator::Duration;
use simulator::spec::{Disruption, DisruptionLimit, NodeTerm, Operator, Quantity, Requirement, Taint};

use super::Labels;
use super::item::operator;
use super::pool::taint;
use crate::complaint::Complaint;
use crate::quantity;

/// A NodePool.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodePool {
    /// Name.
    pub name: String,
    /// `spec.weight`.
    pub weight: i32,
    /// Labels of its nodes.
    pub labels: Labels,
    /// Taints of its nodes.
    pub taints: Vec<Taint>,
    /// What its nodes must be like.
    pub requirements: NodeTerm,
    /// `spec.limits`: CPU in thousandths of a core, memory in bytes.
    pub limits: (Option<i64>, Option<i64>),
    /// `consolidationPolicy: WhenEmptyOrUnderutilized`.
    pub consolidates_used: bool,
    /// `consolidateAfter`; `None` for `Never`.
    pub consolidate_after: Option<Duration>,
    /// Budgets that apply at all times.
    pub budgets: Vec<DisruptionLimit>,
    /// Budgets with a schedule.
    pub scheduled: usize,
    /// `expireAfter`; `None` for `Never`.
    pub expire_after: Option<Duration>,
    /// `terminationGracePeriod`.
    pub grace: Option<Duration>,
}

/// The NodePools AKS makes where node auto-provisioning is on (AKS docs, node-auto-provisioning-node-pools, 2026): `default`, and
/// `system-surge` for the cluster's own pods; D sizes, on demand.
pub fn defaults() -> Vec<NodePool> {
    let one =
        |key: &str, value: &str| Requirement { key: key.into(), operator: Operator::In, values: vec![value.into()] };
    let requirements = NodeTerm {
        expressions: vec![
            one("kubernetes.io/arch", "amd64"),
            one("kubernetes.io/os", "linux"),
            one("karpenter.sh/capacity-type", "on-demand"),
            one("karpenter.azure.com/sku-family", "D"),
        ],
        fields: Vec::new(),
    };
    let pool = |name: &str| NodePool {
        name: name.into(),
        requirements: requirements.clone(),
        consolidates_used: true,
        consolidate_after: Some(Duration::ZERO),
        budgets: vec![DisruptionLimit { nodes: Quantity::Percent(10), reason: None }],
        ..NodePool::default()
    };
    let surge = NodePool {
        labels: Labels::from([("kubernetes.azure.com/mode".into(), "system".into())]),
        taints: taint("CriticalAddonsOnly=true:NoSchedule").into_iter().collect(),
        ..pool("system-surge")
    };
    vec![pool("default"), surge]
}

pub(super) fn read(value: &Value, path: &str) -> Result<NodePool, Complaint> {
    let at = |pointer: &str| value.pointer(pointer).filter(|v| !v.is_null());
    let text = |pointer: &str| at(pointer).and_then(Value::as_str);
    let name = text("/metadata/name").filter(|n| !n.is_empty());
    let name = name.ok_or_else(|| Complaint::at(format!("{path}.metadata.name"), "nothing", "a name"))?;
    let time = |pointers: &[&str], default: Option<Duration>| {
        let Some(found) = pointers.iter().find_map(|p| text(p)) else {
            return Ok(default);
        };
        if found == "Never" {
            return Ok(None);
        }
        let place = format!("{path}{}", pointers[0].replace('/', "."));
        quantity::duration(found)
            .map(Some)
            .ok_or_else(|| Complaint::at(place, found, "a duration such as 5m, or Never"))
    };
    let limit = |name: &str| {
        let found = at("/spec/limits").and_then(|l| l.get(name))?;
        let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
        quantity::Quantity::parse(&found).ok()
    };
    let (budgets, scheduled) = budgets(at("/spec/disruption/budgets"), path)?;
    Ok(NodePool {
        name: name.to_owned(),
        weight: at("/spec/weight").and_then(Value::as_i64).and_then(|w| i32::try_from(w).ok()).unwrap_or(0),
        labels: labels(at("/spec/template/metadata/labels")),
        taints: taints(at("/spec/template/spec/taints")),
        requirements: NodeTerm {
            expressions: requirements(at("/spec/template/spec/requirements"), path)?,
            fields: Vec::new(),
        },
        limits: (limit("cpu").map(quantity::Quantity::milli), limit("memory").map(quantity::Quantity::value)),
        consolidates_used: text("/spec/disruption/consolidationPolicy") != Some("WhenEmpty"),
        consolidate_after: time(&["/spec/disruption/consolidateAfter"], Some(Duration::ZERO))?,
        budgets,
        scheduled,
        expire_after: time(
            &["/spec/template/spec/expireAfter", "/spec/disruption/expireAfter"],
            Some(Duration::mins(720 * 60)),
        )?,
        grace: time(&["/spec/template/spec/terminationGracePeriod"], None)?,
    })
}

/// Without any, a tenth of the nodes may be disrupted at a time (Karpenter v1).
fn budgets(list: Option<&Value>, path: &str) -> Result<(Vec<DisruptionLimit>, usize), Complaint> {
    let list = list.and_then(Value::as_array).filter(|l| !l.is_empty());
    let Some(list) = list else {
        return Ok((vec![DisruptionLimit { nodes: Quantity::Percent(10), reason: None }], 0));
    };
    let (mut budgets, mut scheduled) = (Vec::new(), 0);
    for (i, budget) in list.iter().enumerate() {
        if budget.get("schedule").is_some_and(|s| !s.is_null()) {
            scheduled += 1;
            continue;
        }
        let text =
            budget.get("nodes").map_or("10%".to_owned(), |n| n.as_str().map_or_else(|| n.to_string(), str::to_owned));
        let nodes = match text.strip_suffix('%') {
            Some(percent) => percent.parse().ok().filter(|p| *p <= 100).map(Quantity::Percent),
            None => text.parse().ok().map(Quantity::Count),
        };
        let nodes = nodes.ok_or_else(|| {
            Complaint::at(format!("{path}.spec.disruption.budgets[{i}].nodes"), &text, "a count or a percentage")
        })?;
        let reasons = budget.get("reasons").and_then(Value::as_array).filter(|r| !r.is_empty());
        match reasons {
            None => budgets.push(DisruptionLimit { nodes, reason: None }),
            Some(reasons) => {
                let known = reasons.iter().filter_map(Value::as_str).filter_map(reason);
                budgets.extend(known.map(|reason| DisruptionLimit { nodes, reason: Some(reason) }));
            }
        }
    }
    Ok((budgets, scheduled))
}

fn reason(text: &str) -> Option<Disruption> {
    match text.to_ascii_lowercase().as_str() {
        "drifted" => Some(Disruption::Drifted),
        "empty" => Some(Disruption::Empty),
        "underutilized" => Some(Disruption::Underutilized),
        _ => None,
    }
}

fn labels(map: Option<&Value>) -> Labels {
    let map = map.and_then(Value::as_object).into_iter().flatten();
    map.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

fn taints(list: Option<&Value>) -> Vec<Taint> {
    let read = |t: &Value| {
        let field = |name: &str| t.get(name).and_then(Value::as_str).unwrap_or_default();
        taint(&format!("{}={}:{}", field("key"), field("value"), field("effect")))
    };
    list.and_then(Value::as_array).into_iter().flatten().filter_map(read).collect()
}

fn requirements(list: Option<&Value>, path: &str) -> Result<Vec<Requirement>, Complaint> {
    let mut found = Vec::new();
    for (i, item) in list.and_then(Value::as_array).into_iter().flatten().enumerate() {
        let name = item.get("operator").and_then(Value::as_str).unwrap_or_default();
        let operator = operator(name, &format!("{path}.spec.template.spec.requirements[{i}].operator"))?;
        let key = item.get("key").and_then(Value::as_str).unwrap_or_default().to_owned();
        let values = item.get("values").and_then(Value::as_array).into_iter().flatten();
        let values = values.filter_map(Value::as_str).map(str::to_owned).collect();
        found.push(Requirement { key, operator, values });
    }
    Ok(found)
}
