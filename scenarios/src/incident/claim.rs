//! What a simulation must show: a quantity of each trial, a statistic over trials, and what it is held against.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::expression::Scope;
use super::template::{self, Expressed};
use super::{Parameter, RECORDED, Variant};
use crate::complaint::Complaint;

/// Something that a simulation must show, at every point of the sweep.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClaimFields {
    /// What is to be seen, in a sentence.
    pub says: String,
    /// The variant it holds in, or several; the recorded course when absent.
    #[serde(rename = "in")]
    pub variants: Option<OneOrMore>,
    /// Only at points where this expression is not 0.
    #[schemars(with = "Option<Expressed>")]
    pub when: Option<Value>,
    /// What is measured.
    pub value: Measured,
    /// Of what: a workload as `namespace/name`, a pool, a node as `POOL/NUMBER`, the number of an operation (from 0), the id of a
    /// finding.
    pub of: Option<String>,
    /// `events`, `eventShare`: which events.
    pub event: Option<EventName>,
    /// `events`: only those on this node or this pool's nodes. `eventShare`: those on it, of all.
    pub node: Option<String>,
    /// From this minute on; the start when absent.
    #[schemars(with = "Option<Expressed>")]
    pub from: Option<Value>,
    /// Up to this minute; the end when absent.
    #[schemars(with = "Option<Expressed>")]
    pub until: Option<Value>,
    /// Over trials: `every` (the default: each trial), `mean`, `min`, `max`, `p05`, `p50`, `p95`, or `chance`: the share of trials
    /// in which it is above 0.
    #[serde(default)]
    pub stat: Statistic,
    /// It is at least this.
    #[schemars(with = "Option<Expressed>")]
    pub at_least: Option<Value>,
    /// It is at most this.
    #[schemars(with = "Option<Expressed>")]
    pub at_most: Option<Value>,
    /// It is this, to a millionth.
    #[schemars(with = "Option<Expressed>")]
    pub equals: Option<Value>,
    /// The bounds are multiples of what is measured there: on another variant, or of something else.
    pub times_of: Option<OtherFields>,
    /// Added to the bounds.
    #[schemars(with = "Option<Expressed>")]
    pub plus: Option<Value>,
    /// Why the model does not show it; then it must not hold, so that the reason does not outlive the cause.
    pub known: Option<String>,
}

/// One name or several.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMore {
    /// One.
    One(String),
    /// Several.
    More(Vec<String>),
}

/// What bounds are multiples of. What is absent is as in the claim itself.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OtherFields {
    /// The variant.
    #[serde(rename = "in")]
    pub variant: Option<String>,
    /// What is measured.
    pub value: Option<Measured>,
    /// What it is measured of.
    pub of: Option<String>,
    /// From this minute on.
    #[schemars(with = "Option<Expressed>")]
    pub from: Option<Value>,
    /// Up to this minute.
    #[schemars(with = "Option<Expressed>")]
    pub until: Option<Value>,
}

/// What can be measured in a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Measured {
    /// Workload with a minimum: minutes out (too few pods serve, or too much of what is asked of it is lost).
    OutMinutes,
    /// Workload with a minimum: minutes with fewer serving pods than the minimum.
    BelowMinutes,
    /// Workload with a minimum: the longest time out, in minutes.
    LongestOutMinutes,
    /// Workload with a minimum: times it was out for longer than the threshold.
    Outages,
    /// Workload with a minimum: minute of the first outage's beginning; the end of the run where there is none.
    FirstOutMinute,
    /// Workload with a minimum: minute of the last outage's end; 0 without one, the end of the run where it goes on.
    BackAtMinute,
    /// Workload with a minimum: fewest pods that serve.
    FewestServing,
    /// Workload with a service: share of what is asked of it that is lost.
    LostShare,
    /// Workload: the longest time that one of its pods is without a node, in minutes.
    LongestWaitMinutes,
    /// Workload: pods without a node at the end.
    WaitingAtEnd,
    /// How often an event comes.
    Events,
    /// Share of the events that come on a node or pool.
    EventShare,
    /// Pool, or cluster: nodes at the end that are Ready and not cordoned.
    UsableNodesAtEnd,
    /// Pool, or cluster: nodes at the end, usable or not.
    NodesAtEnd,
    /// Operation: 1 where it ended well, else 0.
    Succeeds,
    /// Operation: 1 where it failed, 0 where it ended well or goes on.
    Fails,
    /// Operation: minutes it took, or is at it.
    DurationMinutes,
    /// Findings of a rule: how many there are before anything is run.
    Findings,
}

/// Events that can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum EventName {
    PodCreated,
    PodBound,
    PodReady,
    PodUnschedulable,
    PodEvicted,
    EvictionRefused,
    PodPreempted,
    PodLost,
    PodStopping,
    NodeDied,
    NodeNotReady,
    NodeReady,
    NodeCordoned,
    NodeDrained,
    NodeReimaging,
    NodeDeleted,
    NodeRepairStarted,
    NodeRequested,
}

/// A statistic over the trials of a point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Statistic {
    #[default]
    Every,
    Mean,
    Min,
    Max,
    P05,
    P50,
    P95,
    Chance,
}

/// What is measured, resolved as far as that goes without a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    /// What.
    pub value: Measured,
    /// Of what.
    pub of: Option<String>,
    /// Which events.
    pub event: Option<EventName>,
    /// On which node or pool.
    pub node: Option<String>,
    /// From which minute.
    pub from: Option<Value>,
    /// Up to which minute.
    pub until: Option<Value>,
}

/// How a value and a bound compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// At least the bound.
    AtLeast,
    /// At most the bound.
    AtMost,
    /// The bound, to a millionth.
    Equals,
}

/// A comparison and its number.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// How.
    pub holds: Holds,
    /// Number or expression.
    pub number: Value,
}

/// What bounds are multiples of.
#[derive(Clone, Debug, PartialEq)]
pub struct Than {
    /// The variant; the claim's own when absent.
    pub variant: Option<String>,
    /// What is measured there.
    pub quantity: Quantity,
}

/// A claim that has been read.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// What is to be seen.
    pub says: String,
    /// Variants it holds in.
    pub variants: Vec<String>,
    /// Points it is about.
    pub when: Option<Value>,
    /// What is measured.
    pub quantity: Quantity,
    /// Over trials.
    pub statistic: Statistic,
    /// What it is held against; never empty.
    pub bounds: Vec<Bound>,
    /// What the bounds are multiples of.
    pub than: Option<Than>,
    /// Added to the bounds.
    pub plus: Option<Value>,
    /// Why it does not hold.
    pub known: Option<String>,
    /// Where it stands, for complaints.
    pub path: String,
}

/// Checks a claim against the parameters and variants there are.
pub(super) fn resolve(
    fields: ClaimFields,
    parameters: &[Parameter],
    variants: &[Variant],
    path: &str,
) -> Result<Claim, Vec<Complaint>> {
    let mut complaints = Vec::new();
    let named = match fields.variants {
        None => vec![RECORDED.to_owned()],
        Some(OneOrMore::One(name)) => vec![name],
        Some(OneOrMore::More(names)) => names,
    };
    let measured = Quantity {
        value: fields.value,
        of: fields.of,
        event: fields.event,
        node: fields.node,
        from: fields.from,
        until: fields.until,
    };
    let than = fields.times_of.map(|other| {
        let mut quantity = measured.clone();
        quantity.value = other.value.unwrap_or(quantity.value);
        quantity.of = other.of.or(quantity.of);
        quantity.from = other.from.or(quantity.from);
        quantity.until = other.until.or(quantity.until);
        Than { variant: other.variant, quantity }
    });
    for name in named.iter().chain(than.iter().filter_map(|t| t.variant.as_ref())) {
        if name != RECORDED && !variants.iter().any(|v| v.name == *name) {
            let known: Vec<&str> = variants.iter().map(|v| v.name.as_str()).collect();
            let expected = format!("{RECORDED} or one of the variants {}", known.join(", "));
            complaints.push(Complaint::at(format!("{path}.in"), name, expected));
        }
    }
    let scope: Scope = parameters.iter().filter_map(|p| Some((p.name.clone(), *p.values.first()?))).collect();
    let mut bounds = Vec::new();
    let given = [
        ("atLeast", Holds::AtLeast, fields.at_least),
        ("atMost", Holds::AtMost, fields.at_most),
        ("equals", Holds::Equals, fields.equals),
    ];
    let mut expressed = |key: &str, value: &Value| {
        let found = template::number(value, &scope, &format!("{path}.{key}"));
        complaints.extend(found.err());
    };
    for (key, holds, number) in given {
        if let Some(number) = number {
            expressed(key, &number);
            bounds.push(Bound { holds, number });
        }
    }
    let windows = [("", Some(&measured)), ("timesOf.", than.as_ref().map(|t| &t.quantity))];
    let further = windows
        .into_iter()
        .filter_map(|(at, quantity)| Some((at, quantity?)))
        .flat_map(|(at, quantity)| [(format!("{at}from"), &quantity.from), (format!("{at}until"), &quantity.until)]);
    let further = further.chain([("when".to_owned(), &fields.when), ("plus".to_owned(), &fields.plus)]);
    for (key, value) in further.collect::<Vec<_>>() {
        value.iter().for_each(|value| expressed(&key, value));
    }
    if bounds.is_empty() {
        complaints.push(Complaint::at(path, "no bound", "atLeast, atMost or equals"));
    }
    if !complaints.is_empty() {
        return Err(complaints);
    }
    Ok(Claim {
        says: fields.says,
        variants: named,
        when: fields.when,
        quantity: measured,
        statistic: fields.stat,
        bounds,
        than,
        plus: fields.plus,
        known: fields.known,
        path: path.to_owned(),
    })
}

impl Statistic {
    /// The statistic of values; [`Statistic::Every`] has none and is the value that is worst for the comparison.
    pub fn of(self, values: &[f64], holds: Holds) -> f64 {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |level: f64| sorted.get((level * (sorted.len().max(1) - 1) as f64).round() as usize).copied();
        let value = match (self, holds) {
            (Statistic::Min, _) | (Statistic::Every, Holds::AtLeast | Holds::Equals) => at(0.0),
            (Statistic::Max, _) | (Statistic::Every, Holds::AtMost) => at(1.0),
            (Statistic::P05, _) => at(0.05),
            (Statistic::P50, _) => at(0.5),
            (Statistic::P95, _) => at(0.95),
            (Statistic::Mean, _) => Some(values.iter().sum::<f64>() / values.len().max(1) as f64),
            (Statistic::Chance, _) => {
                Some(values.iter().filter(|v| **v > 0.0).count() as f64 / values.len().max(1) as f64)
            }
        };
        value.unwrap_or(f64::NAN)
    }
}

impl Holds {
    /// True where `value` and `bound` compare so.
    pub fn between(self, value: f64, bound: f64) -> bool {
        let slack = 1e-6 * bound.abs().max(1.0);
        match self {
            Holds::AtLeast => value >= bound - slack,
            Holds::AtMost => value <= bound + slack,
            Holds::Equals => (value - bound).abs() <= slack,
        }
    }

    /// In signs.
    pub fn sign(self) -> &'static str {
        match self {
            Holds::AtLeast => ">=",
            Holds::AtMost => "<=",
            Holds::Equals => "==",
        }
    }
}
