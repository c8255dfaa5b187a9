//! Numbers that are not known well, and what is believed about them.
//!
//! A trial has its own values of them: drawn from the beliefs of the scenario by the trial's number, the same in every
//! plan, or given from outside (a point). Everything else in the settings is the same in all trials. Rates and shares are
//! values in the unit of the settings; of times and capacities, which differ from pool to pool and from workload to workload,
//! it is a common factor; a reading of sources that disagree is 0 or 1.

use crate::random::prior::Prior;
use crate::random::{Process, Streams, entity_key};
use crate::settings::Settings;
use crate::time::Duration;

macro_rules! knobs {
    ($($(#[doc = $doc:literal])* $knob:ident $name:literal $read:expr;)*) => {
        /// A number that may not be known well.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Knob {
            $($(#[doc = $doc])* $knob,)*
        }

        impl Knob {
            /// Every knob, in the order of their values.
            pub const ALL: [Knob; [$($name),*].len()] = [$(Knob::$knob),*];

            /// A stable name: part of the names of its draws.
            pub fn name(self) -> &'static str {
                [$($name),*][self as usize]
            }

            /// The value where nothing is drawn.
            pub fn stated(self, settings: &Settings) -> f64 {
                let read: fn(&Settings) -> f64 = match self {
                    $(Knob::$knob => $read,)*
                };
                read(settings)
            }
        }
    };
}

knobs! {
    /// Failures of one node per hour.
    Interruptions "interruptions" |s| s.failures.per_hour;
    /// Factor on how long they last.
    NodeDown "node-down" |_| 1.0;
    /// Share of failures that do not come alone.
    Company "company" |s| s.failures.company;
    /// Faults inside one node per hour.
    Faults "faults" |s| s.failures.faults_per_hour;
    /// Restarts of one node per hour.
    Reboots "reboots" |s| s.failures.reboots_per_hour;
    /// Times a node turns grey, per hour.
    Grey "grey" |s| s.failures.grey_per_hour;
    /// Incidents per zone and hour.
    ZoneIncidents "zone-incidents" |s| s.failures.zone_per_hour;
    /// Factor on how long they last.
    ZoneDown "zone-down" |_| 1.0;
    /// Incidents per fault domain and hour.
    DomainIncidents "domain-incidents" |s| s.failures.domain_per_hour;
    /// Factor on how long they last.
    DomainDown "domain-down" |_| 1.0;
    /// Faults of the whole fleet per hour.
    FleetFaults "fleet-faults" |s| s.failures.fleet_per_hour;
    /// Age of the last heartbeat at which a node is declared NotReady, seconds.
    MonitorGrace "monitor-grace" |s| s.detection.grace.as_secs_f64();
    /// Factor on how long steps of a repair take.
    RepairTime "repair-time" |_| 1.0;
    /// Factor on the odds that a step of a repair helps.
    RepairSuccess "repair-success" |_| 1.0;
    /// Probability that a spot node is evicted within an hour.
    SpotEvictions "spot-evictions" |s| s.spot.hourly;
    /// Probability that there is no machine.
    AllocationFailure "allocation-failure" |s| s.provisioning.allocation_failure;
    /// Probability that a machine never joins.
    BootstrapFailure "bootstrap-failure" |s| s.provisioning.bootstrap_failure;
    /// Share of upgrades that do not await surge nodes.
    SurgeGap "surge-gap" |s| s.provisioning.gap_share;
    /// Factor on how long a node takes to be made.
    ProvisionTime "provision-time" |_| 1.0;
    /// Factor on how long one takes to be reimaged.
    ReimageTime "reimage-time" |_| 1.0;
    /// Factor on the time to pull images.
    PullTime "pull-time" |_| 1.0;
    /// Factor on the time pods take to start.
    StartTime "start-time" |_| 1.0;
    /// Factor on the time they take to become ready.
    ReadinessTime "readiness-time" |_| 1.0;
    /// Factor on the time they take to exit.
    ExitTime "exit-time" |_| 1.0;
    /// Bursts of load per hour.
    Bursts "bursts" |s| s.bursts.per_hour;
    /// Pareto exponent of their factor.
    BurstExponent "burst-exponent" |s| s.bursts.factor.exponent();
    /// Factor on how long they stay at the top.
    BurstHold "burst-hold" |_| 1.0;
    /// Factor on what a replica of a modelled service can serve.
    ServiceCapacity "service-capacity" |_| 1.0;
    /// Factor on how often clients of a service ask again.
    Retries "retries" |_| 1.0;
    /// Factor on the odds that a node keeps entries of a replica that has gone.
    StaleEntries "stale-entries" |_| 1.0;
    /// 1 where nodes that are scaled away or deleted are drained as planned, 0 where they go as they stand.
    DeletionDrains "deletion-drains" |_| 1.0;
    /// 1 where an upgrade replaces a node it cannot drain in time instead of ending.
    UndrainableReplaced "undrainable-replaced" |_| 0.0;
    /// 1 where upgrades have one surge node whatever is planned.
    OneSurge "one-surge" |_| 0.0;
}

impl Knob {
    /// True where it decides what happens by itself, not by way of something that is drawn.
    pub(crate) fn acts_alone(self) -> bool {
        matches!(
            self,
            Knob::MonitorGrace
                | Knob::ServiceCapacity
                | Knob::Retries
                | Knob::DeletionDrains
                | Knob::UndrainableReplaced
                | Knob::OneSurge
        )
    }
}

/// What is believed about one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Belief {
    /// Which.
    pub knob: Knob,
    /// What.
    pub prior: Prior,
}

/// The values of one trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameters([f64; Knob::ALL.len()]);

impl Parameters {
    /// The values as stated, none drawn.
    pub fn stated(settings: &Settings) -> Parameters {
        Parameters(Knob::ALL.map(|knob| knob.stated(settings)))
    }

    /// The values of a trial: those believed in are drawn, one uniform each.
    pub fn drawn(settings: &Settings, beliefs: &[Belief], seed: u64, trial: u32) -> Parameters {
        let mut values = Parameters::stated(settings);
        beliefs.iter().for_each(|belief| values.draw(belief.knob, &belief.prior, seed, trial));
        values
    }

    /// Draws one value of a trial.
    pub(crate) fn draw(&mut self, knob: Knob, prior: &Prior, seed: u64, trial: u32) {
        let u = Streams::new(seed, trial).uniform(Process::Parameter, entity_key(knob.name()), 0);
        self.0[knob as usize] = prior.quantile(u);
    }

    /// The values at a point: for each belief the share of it that lies below.
    pub fn at(settings: &Settings, beliefs: &[Belief], point: &[f64]) -> Parameters {
        let mut values = Parameters::stated(settings);
        for (belief, u) in beliefs.iter().zip(point) {
            values.0[belief.knob as usize] = belief.prior.quantile(*u);
        }
        values
    }

    /// One value.
    #[inline]
    pub fn get(&self, knob: Knob) -> f64 {
        self.0[knob as usize]
    }

    /// True where a reading is 1.
    #[inline]
    pub fn reads(&self, knob: Knob) -> bool {
        self.get(knob) > 0.5
    }

    /// A time that was drawn for a process, by the factor on the times of this process.
    #[inline]
    pub(crate) fn scale(&self, process: Process, time: Duration) -> Duration {
        match time_of(process).map(|knob| self.get(knob)) {
            Some(factor) if factor != 1.0 => Duration::from_secs_f64(time.as_secs_f64() * factor),
            _ => time,
        }
    }
}

/// The factor on the times of a process.
fn time_of(process: Process) -> Option<Knob> {
    match process {
        Process::NodeDown | Process::Company => Some(Knob::NodeDown),
        Process::ZoneDown => Some(Knob::ZoneDown),
        Process::DomainFailure => Some(Knob::DomainDown),
        Process::RepairTime => Some(Knob::RepairTime),
        Process::Provision => Some(Knob::ProvisionTime),
        Process::Reimage => Some(Knob::ReimageTime),
        Process::ImagePull => Some(Knob::PullTime),
        Process::StartUp => Some(Knob::StartTime),
        Process::Readiness | Process::Answers => Some(Knob::ReadinessTime),
        Process::Exit => Some(Knob::ExitTime),
        Process::BurstHold => Some(Knob::BurstHold),
        _ => None,
    }
}

/// Odds by a factor: what becomes of a probability.
pub(crate) fn by_odds(p: f64, factor: f64) -> f64 {
    if factor == 1.0 { p } else { p * factor / (1.0 - p + p * factor) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_in_order() {
        for (i, knob) in Knob::ALL.into_iter().enumerate() {
            assert_eq!(knob as usize, i);
            assert_eq!(Knob::ALL.iter().filter(|k| k.name() == knob.name()).count(), 1, "{}", knob.name());
        }
    }

    #[test]
    fn only_what_is_believed_in_is_drawn() {
        let mut settings = Settings::calm();
        settings.failures.per_hour = 0.25;
        let beliefs = [Belief { knob: Knob::Bursts, prior: Prior::Gamma { shape: 2.0, mean: 1.0 } }];
        let (a, b) = (Parameters::drawn(&settings, &beliefs, 1, 0), Parameters::drawn(&settings, &beliefs, 1, 1));
        assert_ne!(a.get(Knob::Bursts), b.get(Knob::Bursts));
        assert_eq!(a.get(Knob::Interruptions), 0.25);
        assert_eq!(a, Parameters::drawn(&settings, &beliefs, 1, 0));
        let median = Parameters::at(&settings, &beliefs, &[0.5]).get(Knob::Bursts);
        assert!((median - 1.678_346_990_016_661 / 2.0).abs() < 1e-9, "{median}");
        assert_eq!(Parameters::drawn(&settings, &[], 1, 0), Parameters::stated(&settings));
    }

    #[test]
    fn odds() {
        assert_eq!(by_odds(0.7, 1.0), 0.7);
        assert!((by_odds(0.5, 3.0) - 0.75).abs() < 1e-12);
        assert_eq!((by_odds(0.0, 5.0), by_odds(1.0, 5.0)), (0.0, 1.0));
    }
}
