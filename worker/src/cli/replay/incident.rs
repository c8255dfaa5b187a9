//! An incident as the two courses that `replay` compares, at the middle of its sweep, and its claims, at every point.

use std::collections::BTreeMap;

use reports::replay::Claim;
use scenarios::Complaints;
use scenarios::incident::{Found, Incident, RECORDED, Stage, Verdict, Wanted, check};
use scenarios::recording::Counterfactual;
use serde_json::json;

use super::{Courses, change_info};
use crate::pipeline::{self, Estimate, Prepared, digest};

/// State of a claim that does not hold.
pub const FAILS: &str = "fails";

/// Seed of the claims where none is given.
const SEED: u64 = 1;

/// The courses of an incident; `None` where the document is another.
///
/// # Errors
/// Everything wrong with the incident.
pub fn courses(bytes: &[u8], estimate: &Estimate) -> Result<Option<Courses>, Complaints> {
    match scenarios::document(bytes) {
        Ok(document) if Incident::is_one(&document) => {}
        _ => return Ok(None), // what is no document is the recording's to complain about
    }
    let incident = Incident::parse(bytes)?;
    let middle = incident.middle();
    let stage = |variant: &str| incident.stage_with(&middle, variant, &estimate.overrides);
    let Stage { snapshot, mut recording, loaded, .. } = stage(RECORDED)?;
    let other = incident.variants.first();
    let instead = other.map(|variant| stage(&variant.name)).transpose()?;
    recording.counterfactual = other.zip(instead.as_ref()).map(|(variant, stage)| Counterfactual {
        description: variant.description.clone(),
        cluster: None,
        changes: Some(stage.recording.changes.clone()),
        settings: Default::default(),
        set: Vec::new(),
    });
    let ready = |course: &str, snapshot: &scenarios::snapshot::Snapshot, mut loaded: scenarios::Loaded| {
        loaded.settings.trials.get_or_insert(pipeline::budget(loaded.scenario.cluster.pods.len()));
        let identity = json!({"incident": digest(bytes), "course": course});
        Prepared::new(change_info(&recording, course, &snapshot.name), &identity, snapshot, loaded)
    };
    let recorded = ready("recorded", &snapshot, loaded)?;
    let other = instead.map(|stage| ready("counterfactual", &stage.snapshot, stage.loaded)).transpose()?;
    let overrides = &estimate.overrides;
    let wanted = Wanted { seed: overrides.seed.unwrap_or(SEED), trials: overrides.trials, threads: estimate.threads };
    let claims = claims(&incident, &check(&incident, wanted)?);
    Ok(Some(Courses { cluster: snapshot.name.clone(), recording, recorded, other, claims }))
}

/// One line for each claim and course.
fn claims(incident: &Incident, verdicts: &[Verdict]) -> Vec<Claim> {
    let mut by_claim: BTreeMap<(usize, &str), Vec<&Verdict>> = BTreeMap::new();
    for verdict in verdicts {
        by_claim.entry((verdict.claim, &verdict.variant)).or_default().push(verdict);
    }
    let line = |((claim, course), all): ((usize, &str), Vec<&Verdict>)| {
        let state = match all.iter().all(|v| v.as_expected()) {
            false => FAILS,
            true if all.iter().any(|v| v.known.is_some()) => "known",
            true => "holds",
        };
        let told = all.iter().find(|v| !v.holds()).or(all.first());
        let shown = |f: &Found| format!("{:.4} {} {:.4}", f.value, f.sign, f.bound);
        let example = told.map(|v| {
            let found: Vec<String> = v.found.iter().map(shown).collect();
            format!("{}: {}", v.point, found.join(", "))
        });
        Claim {
            says: incident.claims[claim].says.clone(),
            course: course.to_owned(),
            state: state.to_owned(),
            points: all.len() as u64,
            held: all.iter().filter(|v| v.holds()).count() as u64,
            example: example.unwrap_or_default(),
            why: incident.claims[claim].known.clone(),
        }
    };
    by_claim.into_iter().map(line).collect()
}
