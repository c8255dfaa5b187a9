//! An incident at one point of its sweep, in one variant: an ordinary recording on an ordinary snapshot.

use serde_json::{Value, json};

use super::expression::Scope;
use super::recipe::{self, RecipeFields};
use super::{Incident, Point, template};
use crate::change::ChangeSettings;
use crate::complaint::{Complaint, Complaints};
use crate::load::Loaded;
use crate::recording::{self, Recording};
use crate::snapshot::Snapshot;

/// What may happen by chance beside an incident; off unless it says otherwise.
const CHANCE: [&str; 12] = [
    "node-failure",
    "node-fault",
    "zone-failure",
    "domain-failure",
    "failure-company",
    "fleet-fault",
    "reboot",
    "grey-node",
    "spot-eviction",
    "provisioning-failure",
    "surge-gap",
    "burst",
];

/// An incident ready to run.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Values of the parameters.
    pub scope: Scope,
    /// The cluster.
    pub snapshot: Snapshot,
    /// What happens to it.
    pub recording: Recording,
    /// Both, resolved.
    pub loaded: Loaded,
}

impl Incident {
    /// The incident at a point in a variant.
    ///
    /// # Errors
    /// Everything in it that has no meaning there, with its path.
    pub fn stage(&self, point: &Point, variant: &str) -> Result<Stage, Complaints> {
        self.stage_with(point, variant, &ChangeSettings::default())
    }

    /// The same with settings that win over the incident's.
    ///
    /// # Errors
    /// Everything in it that has no meaning there, with its path.
    pub fn stage_with(&self, point: &Point, variant: &str, overrides: &ChangeSettings) -> Result<Stage, Complaints> {
        let scope = self.scope(point, variant);
        let cluster = self.snapshot(&scope);
        let recording = self.recording(&scope);
        let ((recipe, snapshot), recording) = match (cluster, recording) {
            (Ok(cluster), Ok(recording)) => (cluster, recording),
            (a, b) => {
                let found = a.err().into_iter().chain(b.err()).flat_map(|c| c.0);
                return Err(Complaints::first_of(found.collect()));
            }
        };
        let mut loaded = recording.load(&snapshot, overrides)?;
        recipe.finish(&mut loaded.scenario.cluster);
        Ok(Stage { scope, snapshot, recording, loaded })
    }

    fn snapshot(&self, scope: &Scope) -> Result<(RecipeFields, Snapshot), Complaints> {
        let filled = template::fill(&self.cluster, scope, "cluster").map_err(Complaints)?;
        recipe::cluster(filled, &self.name, "cluster")
    }

    fn recording(&self, scope: &Scope) -> Result<Recording, Complaints> {
        let mut complaints = Vec::new();
        let mut filled = |value: &Value, path: &str| {
            let found = template::fill(value, scope, path);
            found.map_err(|found: Vec<Complaint>| complaints.extend(found)).unwrap_or_default()
        };
        let mut settings = filled(&self.settings, "settings");
        let (events, observed) = (filled(&self.events, "events"), filled(&self.observed, "observed"));
        if let Value::Object(map) = &mut settings {
            map.entry("parameters").or_insert_with(|| json!("mean"));
            if !self.chance {
                map.entry("off").or_insert_with(|| json!(CHANCE));
            }
        }
        let document = json!({
            "schema": recording::SCHEMA, "name": self.name, "description": self.description, "snapshotRef": self.name,
            "settings": settings, "events": events, "observed": observed,
        });
        match Recording::parse(document.to_string().as_bytes()) {
            Ok(recording) if complaints.is_empty() => Ok(recording),
            Ok(_) => Err(Complaints(complaints)),
            Err(found) => Err(Complaints(complaints.into_iter().chain(found.0).collect())),
        }
    }
}
