//! Numbers learned from recorded operations in place of what is believed: a value with the range that holds it in 90 % of cases,
//! narrower than the prior's. They stay doubted within that range, so that a forecast says how well they are known.

use std::collections::BTreeMap;

use simulator::Duration;
use simulator::parameters::{Belief, Knob};
use simulator::random::{Dist, Prior};
use simulator::settings::Settings;
use simulator::spec::ClusterSpec;

use super::{beliefs, given};
use crate::change::LearnedNumber;
use crate::complaint::Complaint;
use crate::coverage::Coverage;

/// A number that can be learned.
pub struct Learnable {
    /// Its name in settings.
    pub name: &'static str,
    /// Which number of the simulator.
    pub knob: Knob,
    /// Its unit, in words that follow it.
    pub unit: &'static str,
    /// Least and most.
    range: (f64, f64),
    /// The given number that sets it, where it is one by itself and not a factor.
    number: Option<&'static str>,
}

const fn learnable(
    name: &'static str,
    knob: Knob,
    unit: &'static str,
    range: (f64, f64),
    number: Option<&'static str>,
) -> Learnable {
    Learnable { name, knob, unit, range, number }
}

/// Every number that can be learned.
pub const LEARNABLE: &[Learnable] = &[
    learnable("provisionTime", Knob::ProvisionTime, "times the default", (0.01, 100.0), None),
    learnable("reimageTime", Knob::ReimageTime, "times the default", (0.01, 100.0), None),
    learnable("allocationFailure", Knob::AllocationFailure, "", (0.0, 1.0), Some("allocationFailure")),
    learnable("bootstrapFailure", Knob::BootstrapFailure, "", (0.0, 1.0), Some("bootstrapFailure")),
    learnable(
        "interruptionsPerYear",
        Knob::Interruptions,
        "per node and year",
        (0.0, 10_000.0),
        Some("interruptionsPerYear"),
    ),
];

/// What is wrong with learned numbers: names that are not known, ranges that do not hold their value.
///
/// # Errors
/// All of it.
pub fn check(learned: &BTreeMap<String, LearnedNumber>) -> Result<(), Vec<Complaint>> {
    let mut complaints = Vec::new();
    for (name, number) in learned {
        let path = format!("settings.learned.{name}");
        let Some(known) = LEARNABLE.iter().find(|l| l.name == name) else {
            let names: Vec<&str> = LEARNABLE.iter().map(|l| l.name).collect();
            complaints.push(Complaint::at("settings.learned", name, format!("one of {}", names.join(", "))));
            continue;
        };
        let (least, most) = known.range;
        let LearnedNumber { value, low, high, .. } = *number;
        // A range of no width, and a probability of 0 or 1, leave nothing to draw.
        let fits = least < low && low < high && high < most && (low..=high).contains(&value);
        if !fits {
            let expected = format!("low < high with the value between, from {least} to {most}");
            complaints.push(Complaint::at(path, format!("{value} ({low} to {high})"), expected));
        }
    }
    if complaints.is_empty() { Ok(()) } else { Err(complaints) }
}

/// Puts learned numbers in place of the defaults, unless somebody has stated them; notes them with what they replace.
/// `sampled` where trials draw their own: then factors are drawn around what was learned, else the times themselves change.
pub fn apply(
    learned: &BTreeMap<String, LearnedNumber>,
    stated: &BTreeMap<String, f64>,
    sampled: bool,
    settings: &mut Settings,
    cluster: &mut ClusterSpec,
    coverage: &mut Coverage,
) {
    for (known, number) in in_force(learned, stated) {
        match known.number {
            Some(name) => given::set(name, number.value, settings, cluster),
            None if sampled => {}
            None => {
                for pool in cluster.pools.rows_mut() {
                    let time = if known.knob == Knob::ReimageTime { &mut pool.reimage } else { &mut pool.provision };
                    scale(time, number.value);
                }
            }
        }
        let Some(doubt) = beliefs::doubt(known.knob) else { continue };
        for assumption in coverage.assumptions.iter_mut().filter(|a| a.name.starts_with(doubt.about)) {
            let text = |x: f64| format!("{}", (x * 1e4).round() / 1e4);
            let said = format!(
                "{}; learned: {} {} ({} to {}) {}",
                assumption.value,
                known.name,
                text(number.value),
                text(number.low),
                text(number.high),
                known.unit
            );
            assumption.value = said.trim_end().to_owned();
            let n = number.observations;
            assumption.source = format!(
                "learned from {n} operation{} of this history; before: {}",
                if n == 1 { "" } else { "s" },
                assumption.source
            );
        }
    }
}

/// The same spread around a multiple of the median.
fn scale(time: &mut Dist, factor: f64) {
    let by = |d: &mut Duration| *d = Duration::from_secs_f64(d.as_secs_f64() * factor);
    match time {
        Dist::LogNormal { median, .. } => by(median),
        Dist::Constant(d) => by(d),
        _ => {}
    }
}

/// Beliefs with what was learned in place of what was believed.
pub fn narrow(beliefs: &mut [Belief], learned: &BTreeMap<String, LearnedNumber>, settings: &Settings) {
    for belief in beliefs {
        let known = LEARNABLE.iter().find(|l| l.knob == belief.knob);
        let Some(number) = known.and_then(|l| learned.get(l.name)) else { continue };
        let LearnedNumber { value, low, high, .. } = *number;
        belief.prior = match belief.prior {
            Prior::Gamma { .. } => Prior::rate(belief.knob.stated(settings), low, high),
            Prior::Beta { .. } => Prior::probability(value, low, high),
            _ => Prior::positive(value, low.min(value * 0.999), high.max(value * 1.001)),
        };
    }
}

/// What holds of what was learned about a number that is drawn, in words.
pub fn range(knob: Knob, learned: &BTreeMap<String, LearnedNumber>) -> Option<String> {
    let known = LEARNABLE.iter().find(|l| l.knob == knob)?;
    let number = learned.get(known.name)?;
    let text = |x: f64| format!("{}", (x * 1e4).round() / 1e4);
    Some(format!("{} to {} {} (learned)", text(number.low), text(number.high), known.unit).replace("  ", " "))
}

fn in_force<'a>(
    learned: &'a BTreeMap<String, LearnedNumber>,
    stated: &'a BTreeMap<String, f64>,
) -> impl Iterator<Item = (&'static Learnable, &'a LearnedNumber)> {
    let free = |l: &&Learnable| {
        beliefs::doubt(l.knob).is_none_or(|doubt| !doubt.given().iter().any(|name| stated.contains_key(*name)))
    };
    LEARNABLE.iter().filter(free).filter_map(|l| learned.get(l.name).map(|number| (l, number)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::change::ChangeSettings;
    use crate::defaults::rates;

    fn learned(text: &str) -> BTreeMap<String, LearnedNumber> {
        serde_json::from_str(text).unwrap()
    }

    fn around(name: &str, value: f64) -> BTreeMap<String, LearnedNumber> {
        [(name.to_owned(), LearnedNumber { value, low: 0.9 * value, high: 1.1 * value, observations: 40 })].into()
    }

    #[test]
    fn what_was_learned_narrows_what_is_believed() {
        let mut coverage = Coverage::default();
        for known in LEARNABLE {
            let value = if known.range.1 == 1.0 { 0.02 } else { 1.5 };
            let learned = around(known.name, value);
            check(&learned).unwrap();
            let mut settings = rates::settings(33, &ChangeSettings::default(), &mut coverage).unwrap();
            let mut cluster = ClusterSpec::default();
            apply(&learned, &BTreeMap::new(), true, &mut settings, &mut cluster, &mut coverage);
            let prior = match known.knob {
                Knob::Interruptions => Prior::rate(1.0, 0.1, 3.0),
                Knob::AllocationFailure | Knob::BootstrapFailure => Prior::probability(0.005, 0.001, 0.03),
                _ => Prior::positive(1.0, 0.6, 1.8),
            };
            let mut beliefs = [Belief { knob: known.knob, prior }];
            narrow(&mut beliefs, &learned, &settings);
            let unit = if known.knob == Knob::Interruptions { beliefs[0].knob.stated(&settings) / value } else { 1.0 };
            let at = |u| beliefs[0].prior.quantile(u) / unit;
            assert!((at(0.5) / value - 1.0).abs() < 0.02, "{}: {}", known.name, at(0.5));
            assert!(
                (at(0.95) / at(0.05) / (1.1 / 0.9) - 1.0).abs() < 0.02,
                "{}: {} to {}",
                known.name,
                at(0.05),
                at(0.95)
            );
        }
        let told =
            coverage.assumptions.iter().filter(|a| a.source.starts_with("learned from 40 operations of this history"));
        assert!(told.count() >= 3, "{:?}", coverage.assumptions);
    }

    #[test]
    fn what_is_stated_wins_over_what_was_learned() {
        let mut coverage = Coverage::default();
        let mut settings = rates::settings(33, &ChangeSettings::default(), &mut coverage).unwrap();
        let before = settings.provisioning.bootstrap_failure;
        let stated = [("bootstrapFailure".to_owned(), 0.5)].into();
        apply(
            &around("bootstrapFailure", 0.02),
            &stated,
            true,
            &mut settings,
            &mut ClusterSpec::default(),
            &mut coverage,
        );
        assert_eq!(settings.provisioning.bootstrap_failure, before, "left to what is given");
    }

    #[test]
    fn nonsense_is_refused_all_at_once() {
        let found = check(&learned(
            r#"{"gravity":{"value":1,"low":0.5,"high":2},"reimageTime":{"value":3,"low":0.5,"high":2},"bootstrapFailure":{"value":0.5,"low":0.4,"high":1.5}}"#,
        ));
        assert_eq!(found.unwrap_err().len(), 3);
    }
}
