//! Changes in words: a sentence for people, and a compact form for tables and logs.

use std::fmt;

use super::{Change, Operation, Phase, PoolFields, UpgradeFields};

/// Longest list of names that is written out in a summary.
const NAMES: usize = 3;

impl Operation {
    /// One line in plain English: what is done to which pool of which cluster.
    pub fn summary(&self, pool: Option<&str>, cluster: &str) -> String {
        let place = match (pool, cluster) {
            (Some(pool), "") => format!("pool {pool}"),
            (Some(pool), cluster) => format!("pool {pool} of {cluster}"),
            (None, "") => "every pool of the cluster".to_owned(),
            (None, cluster) => format!("every pool of {cluster}"),
        };
        let whole = if cluster.is_empty() { "the cluster" } else { cluster };
        match self {
            Operation::Scale { count } => format!("scale {place} to {}", nodes(*count)),
            Operation::DeletePool { ignore_pdb: false } => format!("delete {place}"),
            Operation::DeletePool { ignore_pdb: true } => {
                format!("delete {place}, bypassing disruption budgets")
            }
            Operation::AddPool { desired } => with(format!("add {place}"), &shape(desired)),
            Operation::PutPool { desired } => with(format!("write {place}"), &shape(desired)),
            Operation::Upgrade { .. } => self.upgrade_summary(&place),
            Operation::SetMode { mode } => format!("change the mode of {place} to {mode}"),
            Operation::SetTaints { taints } if taints.is_empty() => {
                format!("remove all taints from {place}")
            }
            Operation::SetTaints { taints } => {
                format!("set the taints of {place} to {}", listed(taints))
            }
            Operation::SetLabels { labels } if labels.is_empty() => {
                format!("remove all labels from {place}")
            }
            Operation::SetLabels { labels } => {
                let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
                format!("set the labels of {place} to {}", listed(&labels))
            }
            Operation::SetAutoscaler { enabled: Some(false), .. } => format!("turn the autoscaler of {place} off"),
            Operation::SetAutoscaler { enabled, min, max } => {
                let verb = if enabled.is_some() { "turn on" } else { "change" };
                with(format!("{verb} the autoscaler of {place}"), &range(*min, *max))
            }
            Operation::SetUpgradeSettings { settings } => {
                with(format!("change the upgrade settings of {place}"), &words(&upgrade_pairs(settings)))
            }
            Operation::SetProperties { names } => format!("change {} of {place}", listed(names)),
            Operation::StopPool => format!("stop {place}"),
            Operation::StartPool => format!("start {place}"),
            Operation::DeleteMachines { machines } => {
                format!("delete {} of {place} without drain: {}", nodes(machines.len() as u32), listed(machines))
            }
            Operation::RotateCertificates => format!("rotate the certificates of {whole}, recreating all nodes"),
            Operation::ResizePool { desired, method } => {
                let how = if method == "rotate" { "rotate" } else { "resize" };
                with(format!("{how} {place}, replacing all nodes"), &shape(desired))
            }
            Operation::Cordon { nodes } => format!("cordon {} of {place}", or_all(nodes)),
            Operation::Drain { nodes } => format!("drain {} of {place}", or_all(nodes)),
            Operation::Abort => {
                format!("abort the running operation on {}", if pool.is_some() { &place } else { whole })
            }
            Operation::Rollback => format!("roll {place} back to the version and image before"),
            Operation::Plan { steps } => {
                let told: Vec<String> = steps.iter().map(|s| s.operation.summary(s.pool.as_deref(), "")).collect();
                let place = if cluster.is_empty() { String::new() } else { format!("on {cluster}: ") };
                match told.as_slice() {
                    [first, .., last] if told.len() > NAMES => {
                        format!("{place}{first}, ... ({} steps), then {last}", told.len())
                    }
                    _ => format!("{place}{}", told.join(", then ")),
                }
            }
            Operation::SetReplicas { namespace, name, replicas } => {
                format!("scale {namespace}/{name} to {replicas} replicas")
            }
            Operation::SetDnsLadder { nodes, .. } => match nodes.as_slice() {
                [(_, replicas)] => format!("let CoreDNS have {replicas} replicas"),
                _ => "change the ladder of CoreDNS replicas".to_owned(),
            },
            Operation::SetBudget { namespace, name, max_unavailable } => {
                format!("let pdb {namespace}/{name} allow {max_unavailable} unavailable")
            }
            Operation::Restart { namespace, names } => format!("restart {} in {namespace}", listed(names)),
            Operation::Rolling => format!("replace nodes of {place} (the event does not say why)"),
            Operation::Unknown => format!("write {place} (the event does not say what)"),
        }
    }

    fn upgrade_summary(&self, place: &str) -> String {
        let Operation::Upgrade { version, node_image_only, settings, force, reason } = self else {
            return String::new();
        };
        let mut text = match (version, node_image_only, reason) {
            (Some(version), _, None) => format!("upgrade {place} to {version}"),
            (Some(version), _, Some(reason)) => {
                format!("upgrade {place} to {version} and change {reason}")
            }
            (None, true, _) => format!("upgrade the node image of {place}"),
            (None, false, Some(reason)) => format!("reimage {place} for {reason}"),
            (None, false, None) => format!("upgrade {place} to the version of the control plane"),
        };
        if *force {
            text.push_str(", bypassing disruption budgets");
        }
        with(text, &words(&upgrade_pairs(settings)))
    }

    /// Name of the kind, as in JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Operation::Scale { .. } => "scale",
            Operation::DeletePool { .. } => "deletePool",
            Operation::AddPool { .. } => "addPool",
            Operation::PutPool { .. } => "putPool",
            Operation::Upgrade { .. } => "upgrade",
            Operation::SetMode { .. } => "setMode",
            Operation::SetTaints { .. } => "setTaints",
            Operation::SetLabels { .. } => "setLabels",
            Operation::SetAutoscaler { .. } => "setAutoscaler",
            Operation::SetUpgradeSettings { .. } => "setUpgradeSettings",
            Operation::SetProperties { .. } => "setProperties",
            Operation::StopPool => "stopPool",
            Operation::StartPool => "startPool",
            Operation::DeleteMachines { .. } => "deleteMachines",
            Operation::RotateCertificates => "rotateCertificates",
            Operation::ResizePool { .. } => "resizePool",
            Operation::Cordon { .. } => "cordon",
            Operation::Drain { .. } => "drain",
            Operation::Abort => "abort",
            Operation::Rollback => "rollback",
            Operation::Plan { .. } => "plan",
            Operation::SetReplicas { .. } => "setReplicas",
            Operation::SetDnsLadder { .. } => "setDnsLadder",
            Operation::SetBudget { .. } => "setBudget",
            Operation::Restart { .. } => "restart",
            Operation::Rolling => "rolling",
            Operation::Unknown => "unknown",
        }
    }
}

/// Compact: the kind and the fields that are given.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detail = match self {
            Operation::Scale { count } => format!("count={count}"),
            Operation::DeletePool { ignore_pdb } => (if *ignore_pdb { "ignorePdb" } else { "" }).to_owned(),
            Operation::AddPool { desired } | Operation::PutPool { desired } => compact(desired),
            Operation::Upgrade { version, node_image_only, settings, force, reason } => {
                let mut parts: Vec<String> = version.iter().map(|v| format!("version={v}")).collect();
                parts.extend(node_image_only.then(|| "nodeImageOnly".to_owned()));
                parts.extend(force.then(|| "force".to_owned()));
                parts.extend(reason.iter().map(|r| format!("reason={r}")));
                parts.extend(pairs_text(&upgrade_pairs(settings)));
                parts.join(" ")
            }
            Operation::SetMode { mode } => format!("mode={mode}"),
            Operation::SetTaints { taints } => format!("taints=[{}]", taints.join(",")),
            Operation::SetLabels { labels } => {
                labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
            }
            Operation::SetAutoscaler { enabled, min, max } => {
                let state = enabled.map(|on| (if on { "on" } else { "off" }).to_owned());
                let range = Some(range(*min, *max)).filter(|range| !range.is_empty());
                state.into_iter().chain(range).collect::<Vec<_>>().join(" ")
            }
            Operation::SetUpgradeSettings { settings } => pairs_text(&upgrade_pairs(settings)).join(" "),
            Operation::SetProperties { names } => names.join(","),
            Operation::DeleteMachines { machines } => machines.join(","),
            Operation::ResizePool { desired, method } => {
                format!("by {method} {}", compact(desired))
            }
            Operation::Cordon { nodes } | Operation::Drain { nodes } => nodes.join(","),
            Operation::Plan { steps } => {
                let step = |s: &super::Step| {
                    let wait = if s.wait_seconds > 0 { format!("{}s+", s.wait_seconds) } else { String::new() };
                    format!("{wait}{}/{}", s.pool.as_deref().unwrap_or("*"), s.operation)
                };
                format!("[{}]", steps.iter().map(step).collect::<Vec<_>>().join("; "))
            }
            Operation::SetReplicas { namespace, name, replicas } => format!("{namespace}/{name}={replicas}"),
            Operation::SetDnsLadder { cores, nodes } => format!("cores={cores:?} nodes={nodes:?}"),
            Operation::SetBudget { namespace, name, max_unavailable } => {
                format!("{namespace}/{name} maxUnavailable={max_unavailable}")
            }
            Operation::Restart { namespace, names } => format!("{namespace}/{}", names.join(",")),
            _ => String::new(),
        };
        write!(f, "{}", format!("{} {detail}", self.kind()).trim_end())
    }
}

/// Compact: phase, place, operation, and the result of a completed one.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.phase {
            Phase::Proposed => "proposed",
            Phase::InFlight => "in_flight",
            Phase::Completed => "completed",
        };
        write!(f, "{phase} {}/{} {}", self.cluster.name, self.pool.as_deref().unwrap_or("*"), self.operation)?;
        match &self.result {
            Some(result) if result.succeeded => write!(f, " -> succeeded"),
            Some(result) => {
                let code = result.code.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
                write!(f, " -> failed{code}")
            }
            None => Ok(()),
        }
    }
}

fn nodes(count: u32) -> String {
    if count == 1 { "1 node".to_owned() } else { format!("{count} nodes") }
}

fn or_all(names: &[String]) -> String {
    if names.is_empty() { "all nodes".to_owned() } else { listed(names) }
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(NAMES).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > NAMES { format!("{shown} and {} more", names.len() - NAMES) } else { shown }
}

fn with(text: String, detail: &str) -> String {
    if detail.is_empty() { text } else { format!("{text} ({detail})") }
}

fn range(min: Option<u32>, max: Option<u32>) -> String {
    match (min, max) {
        (None, None) => String::new(),
        (min, max) => {
            let end = |end: Option<u32>| end.map(|n| n.to_string()).unwrap_or_default();
            format!("{}..{}", end(min), end(max))
        }
    }
}

/// What makes a pool, in words.
fn shape(pool: &PoolFields) -> String {
    words(&pool_pairs(pool))
}

/// What makes a pool, compact; other properties are only counted.
fn compact(pool: &PoolFields) -> String {
    let mut parts = pairs_text(&pool_pairs(pool));
    parts.extend((!pool.other.is_empty()).then(|| format!("+{}", pool.other.len())));
    parts.join(" ")
}

type Pairs = Vec<(&'static str, String)>;

fn words(pairs: &Pairs) -> String {
    pairs.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

fn pairs_text(pairs: &Pairs) -> Vec<String> {
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

fn pool_pairs(pool: &PoolFields) -> Pairs {
    let mut pairs: Pairs = Vec::new();
    let mut add = |name: &'static str, value: Option<String>| pairs.extend(value.map(|value| (name, value)));
    let number = |n: &Option<u32>| n.map(|n| n.to_string());
    add("count", number(&pool.count));
    add("vmSize", pool.vm_size.clone());
    add("mode", pool.mode.clone());
    add("os", pool.os_type.clone().filter(|os| !os.eq_ignore_ascii_case("linux")));
    add("version", pool.orchestrator_version.clone());
    add("priority", pool.scale_set_priority.clone().filter(|p| !p.eq_ignore_ascii_case("regular")));
    let autoscaled = pool.enable_auto_scaling == Some(true);
    add("autoscaler", autoscaled.then(|| range(pool.min_count, pool.max_count)));
    add("maxPods", number(&pool.max_pods));
    add("zones", pool.availability_zones.as_ref().filter(|z| !z.is_empty()).map(|zones| zones.join("+")));
    add("taints", pool.node_taints.as_ref().filter(|t| !t.is_empty()).map(|taints| taints.join("+")));
    let labels = pool.node_labels.as_ref().filter(|labels| !labels.is_empty());
    let label = |(key, value): (&String, &String)| format!("{key}={value}");
    add("labels", labels.map(|labels| labels.iter().map(label).collect::<Vec<_>>().join("+")));
    add("power", pool.power_state.clone().filter(|state| !state.eq_ignore_ascii_case("running")));
    pairs.extend(pool.upgrade_settings.iter().flat_map(upgrade_pairs));
    pairs
}

fn upgrade_pairs(settings: &UpgradeFields) -> Pairs {
    let number = |n: &Option<u32>| n.map(|n| n.to_string());
    let all = [
        ("strategy", settings.strategy.clone()),
        ("maxSurge", settings.max_surge.clone()),
        ("maxUnavailable", settings.max_unavailable.clone()),
        ("drainTimeout", number(&settings.drain_timeout_in_minutes)),
        ("soak", number(&settings.node_soak_duration_in_minutes)),
        ("undrainable", settings.undrainable_node_behavior.clone()),
        ("maxBlockedNodes", settings.max_blocked_nodes.clone()),
        ("drainBatch", settings.drain_batch_size.clone()),
        ("batchSoak", number(&settings.batch_soak_duration_in_minutes)),
        ("finalSoak", number(&settings.final_soak_duration_in_minutes)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_name_the_place_and_the_point() {
        let say = |operation: Operation| operation.summary(Some("np1"), "aks-prod");
        assert_eq!(say(Operation::Scale { count: 1 }), "scale pool np1 of aks-prod to 1 node");
        assert_eq!(
            say(Operation::DeletePool { ignore_pdb: true }),
            "delete pool np1 of aks-prod, bypassing disruption budgets"
        );
        let surge = UpgradeFields { max_surge: Some("33%".to_owned()), ..UpgradeFields::default() };
        let upgrade = Operation::Upgrade {
            version: Some("1.34.1".to_owned()),
            node_image_only: false,
            settings: surge,
            force: false,
            reason: None,
        };
        assert_eq!(say(upgrade), "upgrade pool np1 of aks-prod to 1.34.1 (maxSurge 33%)");
        assert_eq!(
            Operation::RotateCertificates.summary(None, "c"),
            "rotate the certificates of c, recreating all nodes"
        );
        assert_eq!(Operation::StopPool.summary(None, ""), "stop every pool of the cluster");
    }
}
