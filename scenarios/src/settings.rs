//! Settings laid over settings: the message's, a spec's, the command line's. What the upper one leaves open, the lower
//! one says.

use crate::change::ChangeSettings;

impl ChangeSettings {
    /// These settings where they say something, `below` elsewhere. Lists count as said when they are not empty.
    pub fn over(&self, below: &ChangeSettings) -> ChangeSettings {
        ChangeSettings {
            seed: self.seed.or(below.seed),
            trials: self.trials.or(below.trials),
            outage_threshold_seconds: self.outage_threshold_seconds.or(below.outage_threshold_seconds),
            slo: self.slo.or(below.slo),
            slo_period_days: self.slo_period_days.or(below.slo_period_days),
            thresholds: self.thresholds.over(&below.thresholds),
            thorough: self.thorough.or(below.thorough),
            off: list(&self.off, &below.off),
            horizon_hours: self.horizon_hours.or(below.horizon_hours),
            drain_on_delete: self.drain_on_delete.or(below.drain_on_delete),
            parameters: self.parameters.or(below.parameters),
            undrainable_schedule: self.undrainable_schedule.or(below.undrainable_schedule),
            windows: list(&self.windows, &below.windows),
            maintenance: self.maintenance.clone().or_else(|| below.maintenance.clone()),
            bursts: list(&self.bursts, &below.bursts),
            bursts_per_day: self.bursts_per_day.or(below.bursts_per_day),
            burst_factor: self.burst_factor.or(below.burst_factor),
            deny_evictions: list(&self.deny_evictions, &below.deny_evictions),
            dns_qps: self.dns_qps.or(below.dns_qps),
            dns_lookups: self.dns_lookups.or(below.dns_lookups),
            dns_external_share: self.dns_external_share.or(below.dns_external_share),
            assume: below.assume.iter().chain(&self.assume).map(|(name, x)| (name.clone(), *x)).collect(),
            learned: below.learned.iter().chain(&self.learned).map(|(name, x)| (name.clone(), *x)).collect(),
            shown: self.shown.or(below.shown),
            percentage_of_nodes_to_score: self.percentage_of_nodes_to_score.or(below.percentage_of_nodes_to_score),
        }
    }
}

fn list<T: Clone>(above: &[T], below: &[T]) -> Vec<T> {
    if above.is_empty() { below.to_vec() } else { above.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_one_wins_where_it_speaks() {
        let above = ChangeSettings { seed: Some(7), off: vec!["burst".into()], ..ChangeSettings::default() };
        let below = ChangeSettings {
            seed: Some(1),
            trials: Some(50),
            off: vec!["surge-gap".into()],
            ..ChangeSettings::default()
        };
        let both = above.over(&below);
        assert_eq!((both.seed, both.trials, both.off), (Some(7), Some(50), vec!["burst".to_owned()]));
        assert_eq!(ChangeSettings::default().over(&below), below);
    }
}
