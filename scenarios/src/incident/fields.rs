//! The wire form of an incident, and reading it part by part.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::claim::ClaimFields;
use super::expression::is_name;
use super::recipe::RecipeFields;
use super::sweep::{self, ParameterFields};
use super::template::{self, Expressed};
use super::{Beyond, Incident, Parameter, RECORDED, SCHEMA, TRIALS, Variant, claim};
use crate::complaint::{Complaint, Complaints};
use crate::part::{self, Parts, shown};
use crate::recording::{EventFields, ObservedFields};

/// Most variants, and most claims.
const MOST: usize = 100;

/// Most trials of a point.
const MOST_TRIALS: u32 = 10_000;

/// An incident, schema `poolproof.incident/1`. In `cluster`, `settings`, `events` and `observed` a text that begins with `=` is an
/// expression over the parameters (`=nodes - 1`), `${...}` in a text is one too, `when: EXPRESSION` on an object drops it where
/// that is 0, and `forEach: {i: N}` on an item of a list repeats it with `i` from 0 to N - 1.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "describes the document; it is read part by part")]
pub struct IncidentFields {
    /// `poolproof.incident/1`.
    pub schema: String,
    /// Title.
    pub name: String,
    /// Where it was told.
    pub source: String,
    /// What it is about.
    pub description: Option<String>,
    /// What is known of it.
    #[serde(default)]
    pub facts: Vec<String>,
    /// Numbers that are not known (several values: they are swept, all combinations) or that variants change (one value), by name.
    #[serde(default)]
    pub parameters: BTreeMap<String, ParameterFields>,
    /// The cluster at the start.
    pub cluster: RecipeFields,
    /// Settings as of a message. Unless `parameters` is set there, every trial has the default numbers, not drawn ones.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// True to leave on what may happen by chance beside the incident: failures, bursts, machines that do not come.
    #[serde(default)]
    pub chance: bool,
    /// What happened, as in recordings.
    pub events: Vec<EventFields>,
    /// How it ended, as in recordings.
    pub observed: Option<ObservedFields>,
    /// What might have been otherwise, by name: other values of parameters.
    #[serde(default)]
    pub variants: BTreeMap<String, VariantFields>,
    /// What a simulation must show.
    pub must_show: Vec<ClaimFields>,
    /// What was told of it and is beyond the model.
    #[serde(default)]
    pub beyond: Vec<BeyondFields>,
    /// Trials of each point; 20 when absent.
    pub trials: Option<u32>,
}

/// What might have been otherwise.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VariantFields {
    /// One sentence.
    pub description: String,
    /// Parameters and the values they have instead; expressions know those of the point.
    #[schemars(with = "BTreeMap<String, Expressed>")]
    pub set: Map<String, Value>,
}

/// Something told of an incident that the model cannot say.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BeyondFields {
    /// What.
    pub says: String,
    /// Why not.
    pub why: String,
}

const KNOWN: &str = "schema, name, source, description, facts, parameters, cluster, settings, chance, events, observed, \
    variants, mustShow, beyond, trials";

/// Reads an incident; it is not staged yet.
pub(super) fn parse(bytes: &[u8]) -> Result<Incident, Complaints> {
    let mut parts = Parts::of(part::document(bytes)?, "");
    match parts.take("schema") {
        Some(Value::String(schema)) if schema == SCHEMA => {}
        other => parts.complain("schema", shown(&other.unwrap_or_default()), format!("\"{SCHEMA}\"")),
    }
    let name = text(&mut parts, "name");
    let source = text(&mut parts, "source");
    let description = parts.read("description");
    let facts = parts.read("facts").unwrap_or_default();
    let parameters = parameters(&mut parts);
    let variants = variants(&mut parts, &parameters);
    let claims = claims(&mut parts, &parameters, &variants);
    let beyond: Vec<BeyondFields> = parts.read("beyond").unwrap_or_default();
    let trials = parts.read("trials").unwrap_or(TRIALS);
    if !(1..=MOST_TRIALS).contains(&trials) {
        parts.complain("trials", trials, format!("1 to {MOST_TRIALS}"));
    }
    let cluster = parts.take("cluster").unwrap_or_else(|| {
        parts.complain("cluster", "nothing", "a recipe of the cluster: pools, workloads");
        json!({})
    });
    let settings = parts.take("settings").unwrap_or_else(|| json!({}));
    let chance = parts.read("chance").unwrap_or_default();
    let events = parts.take("events").unwrap_or_else(|| json!([]));
    let observed = parts.take("observed").unwrap_or_else(|| json!({}));
    let complaints = parts.finish(KNOWN);
    match (complaints.is_empty(), name, source) {
        (true, Some(name), Some(source)) => Ok(Incident {
            name,
            source,
            description,
            facts,
            parameters,
            variants,
            claims,
            beyond: beyond.into_iter().map(|b| Beyond { says: b.says, why: b.why }).collect(),
            trials,
            chance,
            cluster,
            settings,
            events,
            observed,
        }),
        _ => Err(Complaints(complaints)),
    }
}

fn text(parts: &mut Parts, key: &str) -> Option<String> {
    match parts.take(key) {
        Some(Value::String(text)) if !text.trim().is_empty() => Some(text),
        other => {
            parts.complain(key, shown(&other.unwrap_or_default()), "a text");
            None
        }
    }
}

fn parameters(parts: &mut Parts) -> Vec<Parameter> {
    let mut all = Vec::new();
    for (name, value) in object(parts, "parameters") {
        let path = format!("parameters.{name}");
        let read = part::read::<ParameterFields>(value, &path).and_then(|fields| sweep::values(&fields, &path));
        match read {
            Ok(_) if !is_name(&name) => parts.complain("parameters", &name, "names of letters, digits and _"),
            Ok((why, values)) => all.push(Parameter { name, why, values }),
            Err(complaint) => parts.add([complaint]),
        }
    }
    let points = all.iter().map(|p| p.values.len()).try_fold(1usize, usize::checked_mul).unwrap_or(usize::MAX);
    if points > sweep::MOST_POINTS {
        parts.complain("parameters", format!("{points} combinations"), format!("at most {}", sweep::MOST_POINTS));
    }
    all
}

fn variants(parts: &mut Parts, parameters: &[Parameter]) -> Vec<Variant> {
    let scope = parameters.iter().filter_map(|p| Some((p.name.clone(), *p.values.first()?))).collect();
    let mut all = Vec::new();
    let written = object(parts, "variants");
    if written.len() > MOST {
        parts.complain("variants", written.len(), format!("at most {MOST}"));
        return all;
    }
    for (name, value) in written {
        let path = format!("variants.{name}");
        if name == RECORDED {
            parts.complain("variants", &name, "another name: this one is the course as it was");
        }
        let fields: VariantFields = match part::read(value, &path) {
            Ok(fields) => fields,
            Err(complaint) => {
                parts.add([complaint]);
                continue;
            }
        };
        let mut set = Vec::new();
        for (parameter, value) in fields.set {
            let at = format!("{path}.set.{parameter}");
            if !parameters.iter().any(|p| p.name == parameter) {
                parts.add([Complaint::at(at, "no such parameter", known(parameters))]);
                continue;
            }
            match template::number(&value, &scope, &at) {
                Ok(_) => set.push((parameter, value)),
                Err(complaint) => parts.add([complaint]),
            }
        }
        all.push(Variant { name, description: fields.description, set });
    }
    all
}

fn claims(parts: &mut Parts, parameters: &[Parameter], variants: &[Variant]) -> Vec<claim::Claim> {
    let items = match parts.take("mustShow") {
        Some(Value::Array(items)) if (1..=MOST).contains(&items.len()) => items,
        other => {
            parts.complain("mustShow", shown(&other.unwrap_or_default()), format!("a list of 1 to {MOST} claims"));
            Vec::new()
        }
    };
    let mut all = Vec::new();
    for (i, item) in items.into_iter().enumerate() {
        let path = format!("mustShow[{i}]");
        match part::read::<ClaimFields>(item, &path).map_err(|c| vec![c]) {
            Ok(fields) => match claim::resolve(fields, parameters, variants, &path) {
                Ok(claim) => all.push(claim),
                Err(found) => parts.add(found),
            },
            Err(found) => parts.add(found),
        }
    }
    all
}

fn object(parts: &mut Parts, key: &str) -> Map<String, Value> {
    match parts.take(key) {
        None => Map::new(),
        Some(Value::Object(map)) => map,
        Some(other) => {
            parts.complain(key, shown(&other), "an object by name");
            Map::new()
        }
    }
}

pub(super) fn known(parameters: &[Parameter]) -> String {
    let names: Vec<&str> = parameters.iter().map(|p| p.name.as_str()).collect();
    format!("one of the parameters {}", names.join(", "))
}
