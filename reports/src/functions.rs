//! Functions of the cluster that replicas do not show: what the change takes from whoever uses the tunnel, makes pods, scales
//! by metrics or comes from outside. A function stands in a report where some future had to do without it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use simulator::Duration;
use simulator::outcome::Functions;

use crate::estimate::{Est, Strata};
use crate::input::Inputs;
use crate::report::Report;
use crate::words;

/// For how long a function of the cluster is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Function {
    /// Which: `exec`, `webhooks`, `podCreation`, `metrics`, `scaling` or `ingress`.
    pub function: String,
    /// What does not work meanwhile.
    pub missing: String,
    /// Share of futures in which it is missing at some time, with the change.
    pub probability: Est,
    /// The same when nothing is done.
    pub baseline_probability: Est,
    /// Minutes without it, mean, with the change.
    pub minutes: Est,
    /// The same when nothing is done.
    pub baseline_minutes: Est,
    /// What the change adds to them, from paired trials.
    pub added_minutes: Est,
    /// Minutes without it that one future in twenty exceeds, with the change.
    pub minutes_p95: f64,
    /// Its line: one sentence with the difference to doing nothing.
    pub sentence: String,
}

/// A function: its name, what does not work without it, and for how long a trial had to do without it.
type Kind = (&'static str, &'static str, fn(&Functions) -> Duration);

const KINDS: [Kind; 6] = [
    ("exec", "exec, logs and port-forward, and whatever else the control plane sends through the tunnel", |f| f.tunnel),
    ("webhooks", "an admission webhook that fails closed", |f| f.webhooks),
    ("podCreation", "the making of pods that wait for a webhook", |f| f.creation),
    ("metrics", "metrics for horizontal autoscalers", |f| f.metrics),
    ("scaling", "more replicas that the load called for", |f| f.scaling),
    ("ingress", "the way in from outside", |f| f.ingress),
];

/// The functions that some future had to do without.
pub fn missing(inputs: &Inputs<'_>, strata: &Strata) -> Vec<Function> {
    KINDS.iter().filter_map(|kind| function(inputs, strata, *kind)).collect()
}

fn function(inputs: &Inputs<'_>, strata: &Strata, (name, what, lost): Kind) -> Option<Function> {
    let minutes = |f: &Functions| lost(f).as_mins_f64();
    let with = |i: usize| minutes(&inputs.pairs[i].proposal.functions);
    let without = |i: usize| minutes(&inputs.pairs[i].baseline.functions);
    if !(0..inputs.pairs.len()).any(|i| with(i) > 0.0 || without(i) > 0.0) {
        return None;
    }
    let most = inputs.scenario.longest().as_mins_f64();
    let mut found = Function {
        function: name.to_string(),
        missing: what.to_string(),
        probability: strata.probability(inputs.sampling, |i| with(i) > 0.0),
        baseline_probability: strata.probability(inputs.sampling, |i| without(i) > 0.0),
        minutes: strata.bounded_mean(0.0, most, with),
        baseline_minutes: strata.bounded_mean(0.0, most, without),
        added_minutes: strata.bounded_mean(-most, most, |i| with(i) - without(i)),
        minutes_p95: strata.ranked(with).quantile(0.95),
        sentence: String::new(),
    };
    found.sentence = format!("{}{}", line(inputs, &found), held(inputs, strata, name));
    Some(found)
}

/// Who carries it, in the words of the cluster.
fn because(inputs: &Inputs<'_>, function: &str) -> String {
    let names = words::Names { cluster: &inputs.scenario.cluster };
    let cluster = &inputs.scenario.cluster;
    let with = |role| {
        let carriers = cluster.workloads.rows().iter().filter(|w| w.role == role).map(|w| names.of(w));
        carriers.collect::<Vec<_>>().join(" and ")
    };
    use simulator::spec::Role;
    match function {
        "exec" => format!("no pod of {} has a connection to the control plane", with(Role::Tunnel)),
        "metrics" => format!("no pod of {} can be asked", with(Role::Metrics)),
        "scaling" => "autoscalers see no metrics when load rises".to_string(),
        "ingress" => {
            let exposed = cluster.workloads.rows().iter().filter(|w| w.duty.exposed.is_some()).map(|w| names.of(w));
            format!("traffic reaches no pod of one of {}", exposed.collect::<Vec<_>>().join(", "))
        }
        _ => {
            let closed = cluster.webhooks.rows().iter().filter(|w| w.fails_closed);
            let named: Vec<&str> = closed.map(|w| w.name.as_str()).collect();
            format!("nobody answers for {} (failurePolicy Fail)", named.join(" or "))
        }
    }
}

fn line(inputs: &Inputs<'_>, found: &Function) -> String {
    let added = found.added_minutes.estimate;
    let compared = if added.abs() < 1e-9 {
        "as much as when nothing is done".to_string()
    } else {
        format!(
            "{} when nothing is done: the change {} {}",
            words::minutes(found.baseline_minutes.estimate),
            if added > 0.0 { "adds" } else { "spares" },
            words::minutes(added.abs())
        )
    };
    format!(
        "{}: missing for {} on average with the change (in {} of futures; one in twenty exceeds {}), because {}; {compared}.",
        words::capital(&found.missing),
        words::minutes(found.minutes.estimate),
        words::probability_short(found.probability),
        words::minutes(found.minutes_p95),
        because(inputs, &found.function),
    )
}

/// What more there is to say of pods that were not let be made.
fn held(inputs: &Inputs<'_>, strata: &Strata, function: &str) -> String {
    let of = |i: usize| &inputs.pairs[i].proposal.functions;
    match function {
        "podCreation" => format!(
            " {} wait so on average, the longest for {}; their owners try again after pauses that double up to 1,000 s.",
            words::plural(strata.average(|i| f64::from(of(i).held)), "pod"),
            words::minutes(strata.average(|i| of(i).longest_hold.as_mins_f64()))
        ),
        "webhooks" if (0..inputs.pairs.len()).any(|i| of(i).refusals > 0) => format!(
            " Evictions are refused {} on average, and tried again every 5 s.",
            words::plural(strata.average(|i| f64::from(of(i).refusals)), "time")
        ),
        _ => String::new(),
    }
}

/// The lines of a report.
pub fn sentences(report: &Report) -> impl Iterator<Item = &str> {
    report.risk.functions.iter().map(|function| function.sentence.as_str())
}
