//! Which workloads' images a node has: those of pods that have run there since its disk was fresh.
//!
//! kubelet v1.34 with `imagePullPolicy: IfNotPresent`; its garbage collection of images is left out.

use crate::{NodeId, WorkloadId};

/// A bit for each node and workload, in one run of words so that a trial starts with one copy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Images {
    bits: Vec<u64>,
    /// Words of one node.
    words: usize,
}

impl Images {
    pub fn new(workloads: usize) -> Images {
        Images { bits: Vec::new(), words: workloads.div_ceil(64) }
    }

    pub fn copy_from(&mut self, other: &Images) {
        self.bits.clear();
        self.bits.extend_from_slice(&other.bits);
        self.words = other.words;
    }

    /// Notes that a node has the images of a workload. True where it did not before.
    pub fn add(&mut self, node: NodeId, workload: WorkloadId) -> bool {
        let word = node.0 as usize * self.words + workload.0 as usize / 64;
        if word >= self.bits.len() {
            self.bits.resize((node.0 as usize + 1) * self.words, 0);
        }
        let bit = 1 << (workload.0 % 64);
        let new = self.bits[word] & bit == 0;
        self.bits[word] |= bit;
        new
    }

    /// The node's disk is fresh.
    pub fn forget(&mut self, node: NodeId) {
        let from = node.0 as usize * self.words;
        if let Some(own) = self.bits.get_mut(from..from + self.words) {
            own.fill(0);
        }
    }
}
