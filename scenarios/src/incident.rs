//! Incidents: a recorded course of events with what is not known about it (parameters to sweep), what might have been otherwise
//! (variants), and what a simulation must show of it (claims), each of them a quantity, a comparison and a bound that must hold
//! at every point of the sweep. [`Incident::stage`] turns a point and a variant into an ordinary recording on an ordinary
//! snapshot; what follows is the simulator's. Left out: claims about figures that only reports have (scores, intervals).

mod claim;
pub mod expression;
mod fields;
mod measure;
mod recipe;
mod run;
mod stage;
mod sweep;
mod template;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use serde_json::Value;

use crate::complaint::Complaints;

pub use claim::{Bound, Claim, Holds, Quantity, Statistic, Than};
pub use fields::IncidentFields;
pub use run::{Found, Verdict, Wanted, check};
pub use stage::Stage;
pub use sweep::Point;

/// Schema name that an incident carries.
pub const SCHEMA: &str = "poolproof.incident/1";

/// Name of the variant in which everything is as it was.
pub const RECORDED: &str = "recorded";

/// Trials of a point unless an incident says otherwise.
pub const TRIALS: u32 = 20;

/// An incident that has been read. Cluster, settings and events still have expressions in them.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// Title.
    pub name: String,
    /// Where it was told.
    pub source: String,
    /// What it is about, in a sentence or two.
    pub description: Option<String>,
    /// What is known of it.
    pub facts: Vec<String>,
    /// What is not known, or is to be varied.
    pub parameters: Vec<Parameter>,
    /// What might have been otherwise.
    pub variants: Vec<Variant>,
    /// What a simulation must show.
    pub claims: Vec<Claim>,
    /// What was told of it that is beyond the model, and why.
    pub beyond: Vec<Beyond>,
    /// Trials of each point.
    pub trials: u32,
    /// True where chance beside the incident is left on.
    pub chance: bool,
    /// The recipe of the cluster, unfilled.
    cluster: Value,
    /// Settings, unfilled.
    settings: Value,
    /// Events, unfilled.
    events: Value,
    /// How it ended, unfilled.
    observed: Value,
}

/// A number that is not known, or is varied.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name in expressions.
    pub name: String,
    /// What it is, with its unit, and why it is not known.
    pub why: String,
    /// Its values: one where it is fixed, several where it is swept.
    pub values: Vec<f64>,
}

/// What might have been otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Short name.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// Parameters with other values: numbers, or expressions over the values of the point.
    pub set: Vec<(String, Value)>,
}

/// Something told of an incident that the model cannot say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beyond {
    /// What.
    pub says: String,
    /// Why not.
    pub why: String,
}

impl Incident {
    /// Reads an incident, YAML or JSON, and makes sure that it can be staged at its first point in every variant.
    ///
    /// # Errors
    /// Everything wrong with it at once.
    pub fn parse(bytes: &[u8]) -> Result<Incident, Complaints> {
        let incident = fields::parse(bytes)?;
        let mut complaints = Vec::new();
        let first = &incident.points()[0];
        for variant in incident.variant_names() {
            if let Err(found) = incident.stage(first, variant) {
                complaints.extend(found.0.into_iter().filter(|c| !complaints.contains(c)).collect::<Vec<_>>());
            }
        }
        if complaints.is_empty() { Ok(incident) } else { Err(Complaints::first_of(complaints)) }
    }

    /// True for a document that says of itself that it is an incident.
    pub fn is_one(document: &Value) -> bool {
        document.get("schema").and_then(Value::as_str) == Some(SCHEMA)
    }

    /// Names of the variants, the recorded course first.
    pub fn variant_names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(RECORDED).chain(self.variants.iter().map(|v| v.name.as_str()))
    }
}
