//! What of a node's capacity AKS leaves to pods: AKS docs, node-resource-reservations (2026-06-11), checked against dumps of
//! real nodes from 1.18 to 1.32. Customised reservations (preview) are left out.

use super::sku::Sku;
use crate::snapshot::Amounts;

/// What AKS keeps back on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// CPU in thousandths of a core.
    pub cpu: i64,
    /// Memory in MiB: kubelet and system, plus the hard eviction threshold.
    pub memory_mib: i64,
}

/// Minor version of Kubernetes in `1.32`, `v1.32.7`; `None` where it is neither.
pub fn minor(version: &str) -> Option<u32> {
    let mut parts = version.trim_start_matches('v').split(['.', '-', '+']);
    (parts.next()? == "1").then(|| parts.next()?.parse().ok())?
}

/// What AKS keeps back on a node of `cores` CPUs and `memory_mib` nominal memory.
pub fn reserve(cores: u32, memory_mib: u64, max_pods: u32, minor: u32, windows: bool) -> Reserve {
    let memory = memory_mib as i64;
    let kept = if minor >= 29 { (20 * i64::from(max_pods) + 50).min(memory / 4) + 100 } else { brackets(memory) + 750 };
    // Windows keeps 2 GB more for the system (AKS docs, node-resource-reservations).
    Reserve { cpu: cpu(cores), memory_mib: kept + if windows { 2048 } else { 0 } }
}

/// 6 % of the first core, 4 % of the second, 2 % of the next two, 1 % of the rest; ×1000 since the table is in millicores of a
/// core (1 core → 60, 2 → 100, 4 → 140, 8 → 180, 64 → 740).
fn cpu(cores: u32) -> i64 {
    let c = i64::from(cores);
    60 * c.min(1) + 40 * (c - 1).clamp(0, 1) + 20 * (c - 2).clamp(0, 2) + 10 * (c - 4).max(0)
}

/// 25 % of the first 4 GiB, 20 % of the next 4, 10 % of the next 8, 6 % of the next 112, 2 % beyond; floored once.
fn brackets(memory_mib: i64) -> i64 {
    const GIB: i64 = 1024;
    let steps = [(4, 25), (4, 20), (8, 10), (112, 6), (i64::MAX / GIB, 2)];
    let mut left = memory_mib;
    let mut hundredths = 0;
    for (gib, percent) in steps {
        let part = left.min(gib * GIB);
        hundredths += part * percent;
        left -= part;
    }
    hundredths / 100
}

/// Share of nominal memory that firmware and kernel take before the kubelet sees it: dumps show 1 to 4 % (8 GiB shows as
/// 7.75 GiB, 32 GiB as 31.34).
const UNSEEN: f64 = 0.025;

/// Local storage of a node with AKS' default 128 GB OS disk as the kubelet sees it, in bytes, and what of it pods may use
/// (a real 1.30 node shows 129886128Ki and 119703055367).
const DISK: (i64, i64) = (129_886_128 * 1024, 119_703_055_367);

/// Capacity and allocatable of a node of a VM size.
pub fn allocatable(sku: &Sku, max_pods: u32, minor: u32, windows: bool) -> (Amounts, Amounts) {
    const MIB: i64 = 1 << 20;
    let reserve = reserve(sku.cores, sku.memory_mib, max_pods, minor, windows);
    let seen = (sku.memory_mib as f64 * (1.0 - UNSEEN)) as i64 * MIB;
    let mut capacity = Amounts {
        cpu: i64::from(sku.cores) * 1000,
        memory: seen,
        ephemeral: DISK.0,
        pods: i64::from(max_pods),
        ..Amounts::default()
    };
    if sku.gpus > 0 {
        // Advertised by the NVIDIA device plugin, which a cluster that uses the pool has installed.
        capacity.other.insert("nvidia.com/gpu".into(), i64::from(sku.gpus));
    }
    let usable = Amounts {
        cpu: capacity.cpu - reserve.cpu,
        memory: (seen - reserve.memory_mib * MIB).max(0),
        ephemeral: DISK.1,
        ..capacity.clone()
    };
    (capacity, usable)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Capacity minus allocatable of real nodes: version, cores, nominal memory, max pods; CPU and Ki of memory kept back.
    const DUMPS: [(&str, u32, u64, u32, i64, i64); 5] = [
        ("1.30.9", 2, 8 * 1024, 250, 100, 2_199_552),
        ("1.32.7", 8, 32 * 1024, 110, 180, 2_406_400),
        ("1.18.14", 2, 8 * 1024, 110, 100, 2_655_232),
        ("1.24", 2, 4 * 1024, 100, 100, 1_816_576),
        ("1.19.11", 2, 7 * 1024, 110, 100, 2_445_312),
    ];

    #[test]
    fn equals_the_dumps() {
        for (version, cores, memory, pods, cpu, ki) in DUMPS {
            let r = reserve(cores, memory, pods, minor(version).unwrap_or(0), false);
            assert_eq!((r.cpu, r.memory_mib * 1024), (cpu, ki), "{version}");
        }
    }

    #[test]
    fn cpu_follows_the_documented_table() {
        for (cores, milli) in [(1, 60), (2, 100), (4, 140), (6, 160), (8, 180), (16, 260), (32, 420), (64, 740)] {
            assert_eq!(cpu(cores), milli, "{cores} cores");
        }
    }

    #[test]
    fn a_quarter_of_memory_is_the_most_since_1_29() {
        assert_eq!(reserve(4, 4096, 30, 29, false).memory_mib, 650 + 100);
        assert_eq!(reserve(4, 4096, 250, 29, false).memory_mib, 1024 + 100);
        assert_eq!(reserve(4, 16384, 30, 33, true).memory_mib, 650 + 100 + 2048);
    }

    #[test]
    fn versions() {
        for (text, expected) in [
            ("1.32.7", Some(32)),
            ("v1.29", Some(29)),
            ("1.31.0-beta.1", Some(31)),
            ("", None),
            ("2.0", None),
            ("1", None),
        ] {
            assert_eq!(minor(text), expected, "{text}");
        }
    }
}
