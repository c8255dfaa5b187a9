//! VM sizes from the embedded table `data/vm_skus.csv`. The table comes from the lists the open-source Azure providers of the
//! cluster autoscaler, Karpenter and the disk driver carry; blank fields are not known. Names compare without regard to case.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A VM size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sku {
    /// Name as Azure spells it.
    pub name: &'static str,
    /// Family the quota is counted in.
    pub family: &'static str,
    /// CPUs a node sees. For constrained sizes (`E8-4ds_v5`) the second number of the name.
    pub cores: u32,
    /// CPUs of the full size; what quota and price count.
    pub parent_cores: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// `amd64` or `arm64`.
    pub arch: &'static str,
    /// Data disks that may be attached.
    pub max_data_disks: Option<u32>,
    /// GPUs.
    pub gpus: u32,
    /// Credits instead of steady CPU (B families).
    pub burstable: bool,
    /// USD per hour, on demand, Linux, East US or else East US 2.
    pub usd_per_hour: Option<f64>,
}

/// The VM size of a name, in any case, with or without `Standard_`.
pub fn sku(name: &str) -> Option<Sku> {
    let key = name.to_ascii_lowercase();
    TABLE.get(&key).or_else(|| TABLE.get(&format!("standard_{key}"))).copied()
}

/// Every VM size, by name in lower case.
pub fn all() -> impl Iterator<Item = &'static Sku> {
    TABLE.values()
}

const CSV: &str = include_str!("../../data/vm_skus.csv");

static TABLE: LazyLock<BTreeMap<String, Sku>> = LazyLock::new(|| {
    let mut lines = CSV.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name: &str| header.iter().position(|h| *h == name).unwrap_or(usize::MAX);
    let columns = Columns {
        name: column("name"),
        family: column("family"),
        vcpus: column("vcpus"),
        constrained: column("constrained_vcpus"),
        memory: column("memory_GiB"),
        arch: column("cpu_arch"),
        disks: column("max_data_disks"),
        gpus: column("gpu_count"),
        burstable: column("burstable"),
        price: column("usd_per_hour_linux_eastus"),
        price2: column("usd_per_hour_linux_eastus2"),
    };
    lines.filter_map(|line| row(&columns, line)).map(|s| (s.name.to_ascii_lowercase(), s)).collect()
});

struct Columns {
    name: usize,
    family: usize,
    vcpus: usize,
    constrained: usize,
    memory: usize,
    arch: usize,
    disks: usize,
    gpus: usize,
    burstable: usize,
    price: usize,
    price2: usize,
}

fn row(columns: &Columns, line: &'static str) -> Option<Sku> {
    let fields: Vec<&'static str> = line.split(',').collect();
    let text = |i: usize| fields.get(i).copied().filter(|f| !f.is_empty());
    let parent_cores = text(columns.vcpus)?.parse().ok()?;
    let memory_mib = (text(columns.memory)?.parse::<f64>().ok()? * 1024.0) as u64;
    // One tiny size stands with its half gibibyte cut to nothing: not known, then.
    (memory_mib > 0).then_some(())?;
    Some(Sku {
        name: text(columns.name)?,
        family: text(columns.family).unwrap_or(""),
        cores: text(columns.constrained).and_then(|f| f.parse().ok()).unwrap_or(parent_cores),
        parent_cores,
        memory_mib,
        arch: text(columns.arch).unwrap_or("amd64"),
        max_data_disks: text(columns.disks).and_then(|f| f.parse().ok()),
        gpus: text(columns.gpus).and_then(|f| f.parse().ok()).unwrap_or(0),
        burstable: text(columns.burstable) == Some("yes"),
        usd_per_hour: text(columns.price).or_else(|| text(columns.price2)).and_then(|f| f.parse().ok()),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_read() {
        assert_eq!(TABLE.len(), CSV.lines().count() - 2, "all but the header and Standard_B1ls");
        assert!(TABLE.values().all(|s| s.cores > 0 && s.memory_mib > 0 && s.cores <= s.parent_cores));
    }

    #[test]
    fn names_compare_without_case() {
        for name in ["Standard_D4s_v3", "standard_d4s_v3", "D4s_v3"] {
            let s = sku(name).unwrap();
            assert_eq!(
                (s.name, s.cores, s.memory_mib, s.family),
                ("Standard_D4s_v3", 4, 16 * 1024, "standardDSv3Family"),
                "{name}"
            );
        }
        assert_eq!(sku("Standard_Nothing_v9"), None);
        assert_eq!(sku(""), None);
    }

    #[test]
    fn constrained_sizes_show_fewer_cores_than_they_count() {
        let s = sku("Standard_E8-4ds_v5").unwrap();
        assert_eq!((s.cores, s.parent_cores), (4, 8));
    }

    #[test]
    fn gpus() {
        assert_eq!(sku("Standard_NC24rs_v3").map(|s| s.gpus), Some(4));
    }
}
