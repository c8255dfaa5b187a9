//! A recording as scenarios: what happened, and what might have been done instead. Minute 0 of the recording is the start
//! of the run; what happened whatever was done is scripted into both.

use simulator::scenario::{Decay, Happening};
use simulator::{Duration, Time};

use super::{Recording, TimedChange};
use crate::change::{Change, ChangeSettings};
use crate::complaint::{Complaint, Complaints};
use crate::load::{Loaded, load_all};
use crate::snapshot::Snapshot;
use crate::what_if::apply;

/// How long is simulated beyond the last happening, and at most.
const AFTER: Duration = Duration::mins(60);
const MOST: Duration = Duration::mins(48 * 60);

impl Recording {
    /// What happened, on the recording's own cluster.
    ///
    /// # Errors
    /// Everything in the recording that this cluster does not have or this version does not simulate.
    pub fn load(&self, snapshot: &Snapshot, overrides: &ChangeSettings) -> Result<Loaded, Complaints> {
        self.load_with(&self.changes, snapshot, &overrides.over(&self.settings))
    }

    /// What might have been done instead; `None` where the recording names nothing. `snapshot` is the counterfactual's
    /// own cluster where it names one, else the recording's.
    ///
    /// # Errors
    /// Everything in it that this cluster does not have or this version does not simulate.
    pub fn load_counterfactual(
        &self,
        snapshot: &Snapshot,
        overrides: &ChangeSettings,
    ) -> Result<Option<Loaded>, Complaints> {
        let Some(other) = &self.counterfactual else {
            return Ok(None);
        };
        let mut changes = other.changes.clone().unwrap_or_else(|| self.changes.clone());
        let mut snapshot = snapshot.clone();
        if !other.set.is_empty() {
            let Some(first) = changes.first_mut() else {
                let expected = "a change whose pool the values are for";
                return Err(Complaint::at("counterfactual.set", "no change", expected).into());
            };
            (snapshot, first.change) = apply(&other.set, &snapshot, &first.change)?;
        }
        let settings = overrides.over(&other.settings.over(&self.settings));
        self.load_with(&changes, &snapshot, &settings).map(Some)
    }

    fn load_with(
        &self,
        changes: &[TimedChange],
        snapshot: &Snapshot,
        settings: &ChangeSettings,
    ) -> Result<Loaded, Complaints> {
        let timed: Vec<(Time, &Change)> = changes.iter().map(|c| (Time::ZERO + c.at, &c.change)).collect();
        let mut loaded = load_all(&timed, snapshot, settings)?;
        let script = self.resolve_script(&loaded.scenario.cluster)?;
        if settings.horizon_hours.is_none() {
            let ends = script.iter().map(|s| s.at + lasting(&s.what) + AFTER);
            let last = ends.max().unwrap_or(Time::ZERO).since(Time::ZERO);
            loaded.scenario.horizon = loaded.scenario.horizon.max(last).min(MOST);
        }
        // What was recorded ends somewhere: the same time is compared.
        loaded.scenario.settings.follow = Duration::ZERO;
        loaded.scenario.script.extend(script);
        loaded.scenario.script.sort_by_key(|s| s.at);
        Ok(loaded)
    }
}

/// How long a happening is felt.
fn lasting(what: &Happening) -> Duration {
    match what {
        Happening::Load { .. }
        | Happening::GatesLifted { .. }
        | Happening::Rollout { .. }
        | Happening::Replicas { .. }
        | Happening::Capacity { .. }
        | Happening::MemoryLimit { .. }
        | Happening::SpotEviction { .. }
        | Happening::NodeFault { .. } => Duration::ZERO,
        Happening::GreyNode { lasts, .. }
        | Happening::RequestsLost { lasts, .. }
        | Happening::UpstreamFails { lasts, .. } => *lasts,
        Happening::Burst { ramp, hold, decay: Decay::Exponential(constant), .. } => {
            *ramp + *hold + *constant + *constant
        }
        Happening::Burst { ramp, hold, decay: Decay::Linear(back), .. } => *ramp + *hold + *back,
        Happening::NodesFail { within, down, .. } => *within + *down,
        Happening::NodesSilent { within, lasts, .. } => *within + *lasts,
        Happening::NoMachines { lasts, .. } => *lasts,
        Happening::NodeFailure { down, .. } | Happening::ZoneFailure { down, .. } => *down,
    }
}
