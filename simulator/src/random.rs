//! Randomness by name: every draw belongs to (seed, trial, process, entity, number of the draw).
//!
//! There is no generator that is shared or advanced: a draw is a pure function of its name, so an extra drain of one node
//! disturbs no other, and the proposal and doing nothing live through the same futures (common random numbers).

pub(crate) mod beta;
pub(crate) mod distribution;
mod gamma;
mod philox;
pub(crate) mod prior;

use std::cell::Cell;
use std::convert::Infallible;

pub use distribution::{Dist, standard_normal_quantile};
pub use philox::{philox4x32_10, uniform};
pub use prior::Prior;

macro_rules! processes {
    ($($(#[doc = $doc:literal])* $process:ident = $number:literal,)*) => {
        /// What a draw decides. The number is part of the stream's name: never reuse one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Process {
            $($(#[doc = $doc])* $process = $number,)*
        }

        impl Process {
            /// Every process.
            pub const ALL: &[Process] = &[$(Process::$process),*];
        }
    };
}

processes! {
    /// Times at which a node fails.
    NodeFailure = 1,
    /// How long it stays away.
    NodeDown = 2,
    /// Times at which a zone fails.
    ZoneFailure = 3,
    /// How long it stays away.
    ZoneDown = 4,
    /// Phases of heartbeat and monitor.
    Detection = 5,
    /// How long a new node takes.
    Provision = 6,
    /// Whether a new node is to be had, and joins.
    ProvisionFailure = 7,
    /// How long a reimage takes.
    Reimage = 8,
    /// How long deleting nodes takes.
    DeleteNodes = 9,
    /// Whether surge nodes are awaited.
    SurgeGap = 10,
    /// Image pull of a pod.
    ImagePull = 11,
    /// Start of a pod.
    StartUp = 12,
    /// Readiness of a pod.
    Readiness = 13,
    /// How long a stopping pod takes.
    Exit = 14,
    /// Times at which bursts begin.
    BurstTime = 15,
    /// Size of a burst.
    BurstFactor = 16,
    /// Ramp of a burst.
    BurstRamp = 17,
    /// Hold of a burst.
    BurstHold = 18,
    /// Which of several equally good nodes.
    TieBreak = 19,
    /// Phases of periodic controllers.
    Phase = 20,
    /// Which pool the cluster autoscaler grows.
    Expander = 21,
    /// How long a pod of a Job works.
    JobRun = 22,
    /// How long traffic still goes to a pod that is gone.
    Endpoint = 23,
    /// What a service is asked in a minute, beside its mean.
    Noise = 24,
    /// Whether a node keeps entries of a replica that has gone, and for how long.
    StaleEntries = 25,
    /// From being in rotation until a replica answers.
    Answers = 26,
    /// When the next of single requests comes.
    RequestArrival = 27,
    /// How long it is served.
    RequestService = 28,
    /// How short spot capacity is in a window.
    SpotPressure = 40,
    /// When a spot node is evicted under that pressure.
    SpotEviction = 41,
    /// Faults inside a machine.
    NodeFault = 42,
    /// Restarts of a machine.
    Reboot = 43,
    /// When a node turns grey, and for how long.
    Grey = 44,
    /// Who shares the failure of another node, and when.
    Company = 45,
    /// How much of a zone an incident takes, and whom.
    ZoneShare = 46,
    /// When a fault domain fails, and for how long.
    DomainFailure = 47,
    /// When a fault comes to the whole fleet, and whom it hits.
    FleetFault = 48,
    /// How long a step of a repair takes.
    RepairTime = 49,
    /// Whether it helps.
    RepairSuccess = 50,
    /// How many rare events a trial of a stratum has, whom they hit and when.
    RareEvent = 51,
    /// Which of its backend's pods a webhook's request goes to.
    WebhookBackend = 34,
    /// How long an agent of the tunnel takes to connect.
    TunnelConnect = 35,
    /// Whom something scripted for many nodes hits, and when.
    Scripted = 52,
    /// What a number that is not known well is in a trial.
    Parameter = 60,
}

/// Stable 64-bit key of an entity's name (FNV-1a): equal in every plan the entity occurs in.
pub fn entity_key(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// Combines a key with a number, for entities that are numbered within another.
pub fn sub_key(key: u64, n: u64) -> u64 {
    mix(key ^ mix(n.wrapping_add(0x9e37_79b9_7f4a_7c15)))
}

/// A bijective scrambling of 64 bits (the finaliser of SplitMix64; Steele, Lea, Flood 2014).
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// All random streams of one trial.
#[derive(Clone, Debug)]
pub struct Streams {
    key: [u32; 2],
    trial: u32,
    /// Draws so far: a trial without any could not have gone otherwise.
    made: Cell<u32>,
}

impl Streams {
    /// The streams of a trial under a root seed.
    pub fn new(seed: u64, trial: u32) -> Streams {
        let key = mix(seed ^ 0x706f_6f6c_7072_6f6f);
        Streams { key: [key as u32, (key >> 32) as u32], trial, made: Cell::new(0) }
    }

    /// The `draw`-th block of four words of a process of an entity.
    fn block(&self, process: Process, entity: u64, draw: u32) -> [u32; 4] {
        self.made.set(self.made.get().wrapping_add(1));
        let id = sub_key(entity, u64::from(self.trial));
        philox4x32_10([draw, process as u32, id as u32, (id >> 32) as u32], self.key)
    }

    /// The `draw`-th uniform of a process of an entity, in (0, 1).
    pub fn uniform(&self, process: Process, entity: u64, draw: u32) -> f64 {
        let block = self.block(process, entity, draw);
        uniform(block[0], block[1])
    }

    /// True while nothing has been drawn.
    pub fn untouched(&self) -> bool {
        self.made.get() == 0
    }

    /// A whole stream, for use with `rand`'s traits. It shares its draws with [`Streams::uniform`].
    pub fn stream(&self, process: Process, entity: u64) -> Stream {
        Stream { streams: self.clone(), process, entity, draw: 0, rest: [0; 4], left: 0 }
    }
}

/// One stream as a generator: counts its own draws.
#[derive(Clone, Debug)]
pub struct Stream {
    streams: Streams,
    process: Process,
    entity: u64,
    draw: u32,
    rest: [u32; 4],
    left: u8,
}

impl Stream {
    fn word(&mut self) -> u32 {
        if self.left == 0 {
            self.rest = self.streams.block(self.process, self.entity, self.draw);
            self.draw += 1;
            self.left = 4;
        }
        let word = self.rest[4 - usize::from(self.left)];
        self.left -= 1;
        word
    }
}

impl rand::TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.word())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok((u64::from(self.word()) << 32) | u64::from(self.word()))
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        for chunk in dst.chunks_mut(4) {
            chunk.copy_from_slice(&self.word().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn draws_depend_on_every_part_of_their_name_and_on_nothing_else() {
        let s = Streams::new(7, 3);
        let base = s.uniform(Process::Exit, entity_key("a"), 0);
        assert_eq!(base, Streams::new(7, 3).uniform(Process::Exit, entity_key("a"), 0));
        assert_ne!(base, s.uniform(Process::Exit, entity_key("a"), 1));
        assert_ne!(base, s.uniform(Process::Exit, entity_key("b"), 0));
        assert_ne!(base, s.uniform(Process::StartUp, entity_key("a"), 0));
        assert_ne!(base, Streams::new(7, 4).uniform(Process::Exit, entity_key("a"), 0));
        assert_ne!(base, Streams::new(8, 3).uniform(Process::Exit, entity_key("a"), 0));
    }

    #[test]
    fn uniforms_have_the_mean_and_variance_of_uniforms() {
        let s = Streams::new(1, 0);
        let n = 100_000;
        let (mut sum, mut squares) = (0.0, 0.0);
        for i in 0..n {
            let u = s.uniform(Process::NodeFailure, sub_key(9, i), 0);
            assert!(u > 0.0 && u < 1.0);
            sum += u;
            squares += u * u;
        }
        let mean = sum / n as f64;
        assert!((mean - 0.5).abs() < 4.0 * (1.0f64 / 12.0 / n as f64).sqrt(), "{mean}");
        assert!((squares / n as f64 - 1.0 / 3.0).abs() < 0.005);
    }

    #[test]
    fn a_stream_and_its_numbered_draws_agree() {
        let s = Streams::new(5, 1);
        let mut stream = s.stream(Process::TieBreak, 42);
        let (hi, lo) = (stream.next_u32(), stream.next_u32());
        assert_eq!(uniform(hi, lo), s.uniform(Process::TieBreak, 42, 0));
    }
}
