//! The axes of a what-if spec and their values.

use std::fmt;

use serde_json::Value;

/// What a what-if varies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Axis {
    /// `nodeCount`: nodes of the changed pool. With a scale the count it scales to, with a new pool its count, with every
    /// other change the nodes the pool has when it begins.
    NodeCount,
    /// `vmSize`: VM size of the changed pool; with a resize or a new pool the size it gets.
    VmSize,
    /// `maxSurge`: surge of the changed pool's upgrade, a count or a percentage.
    MaxSurge,
    /// `burstFactor`: least factor of random bursts.
    BurstFactor,
    /// `burstsPerDay`: random bursts per day.
    BurstsPerDay,
    /// `replicas of NAMESPACE/NAME`: replicas of one workload.
    Replicas {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
    },
    /// `drainTimeoutMinutes`: how long a node of the changed pool may take to drain.
    DrainTimeoutMinutes,
    /// `soakMinutes`: wait between the drain of a node and its reimage.
    SoakMinutes,
    /// `dnsQps`: DNS queries per second at base load.
    DnsQps,
    /// `dnsAttempts`: how often a DNS client asks at the most.
    DnsAttempts,
    /// `dnsMemoryLimitMib`: memory limit of a DNS replica.
    DnsMemoryLimitMib,
}

/// Beginning of the name of a replica axis.
const REPLICAS: &str = "replicas of ";

/// Names of the axes, for complaints and documents.
pub(super) const NAMES: &str = "nodeCount, vmSize, maxSurge, burstFactor, burstsPerDay, replicas of NAMESPACE/NAME, drainTimeoutMinutes, soakMinutes, dnsQps, dnsAttempts, dnsMemoryLimitMib";

impl Axis {
    /// The axis of a name as written in a spec.
    pub fn named(name: &str) -> Option<Axis> {
        if let Some(workload) = name.strip_prefix(REPLICAS) {
            let (namespace, name) = workload.trim().split_once('/')?;
            let whole = !namespace.is_empty() && !name.is_empty() && !name.contains('/');
            return whole.then(|| Axis::Replicas { namespace: namespace.to_owned(), name: name.to_owned() });
        }
        match name {
            "nodeCount" => Some(Axis::NodeCount),
            "vmSize" => Some(Axis::VmSize),
            "maxSurge" => Some(Axis::MaxSurge),
            "burstFactor" => Some(Axis::BurstFactor),
            "burstsPerDay" => Some(Axis::BurstsPerDay),
            "drainTimeoutMinutes" => Some(Axis::DrainTimeoutMinutes),
            "soakMinutes" => Some(Axis::SoakMinutes),
            "dnsQps" => Some(Axis::DnsQps),
            "dnsAttempts" => Some(Axis::DnsAttempts),
            "dnsMemoryLimitMib" => Some(Axis::DnsMemoryLimitMib),
            _ => None,
        }
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Axis::NodeCount => f.write_str("nodeCount"),
            Axis::VmSize => f.write_str("vmSize"),
            Axis::MaxSurge => f.write_str("maxSurge"),
            Axis::BurstFactor => f.write_str("burstFactor"),
            Axis::BurstsPerDay => f.write_str("burstsPerDay"),
            Axis::Replicas { namespace, name } => write!(f, "{REPLICAS}{namespace}/{name}"),
            Axis::DrainTimeoutMinutes => f.write_str("drainTimeoutMinutes"),
            Axis::SoakMinutes => f.write_str("soakMinutes"),
            Axis::DnsQps => f.write_str("dnsQps"),
            Axis::DnsAttempts => f.write_str("dnsAttempts"),
            Axis::DnsMemoryLimitMib => f.write_str("dnsMemoryLimitMib"),
        }
    }
}

/// A value on an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The axis.
    pub axis: Axis,
    /// The value.
    pub value: SettingValue,
}

/// A value as its axis has it.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingValue {
    /// A whole number.
    Count(u32),
    /// A number.
    Number(f64),
    /// A name, or a count or percentage as the API writes it.
    Text(String),
}

impl fmt::Display for Setting {
    /// The value alone, as tables show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            SettingValue::Count(n) => write!(f, "{n}"),
            SettingValue::Number(x) => write!(f, "{x}"),
            SettingValue::Text(text) => f.write_str(text),
        }
    }
}

impl Setting {
    /// Reads the value of a named axis.
    ///
    /// # Errors
    /// What was expected instead.
    pub fn read(axis: &str, value: &Value) -> Result<Setting, String> {
        let axis = Axis::named(axis).ok_or_else(|| format!("one of the axes {NAMES}"))?;
        let value = match &axis {
            // 1,000 nodes per pool: learn.microsoft.com/azure/aks best-practices-performance-scale-large
            Axis::NodeCount => count(value, 0, 1000)?,
            Axis::Replicas { .. } => count(value, 0, 5000)?,
            // 5..1440 and 0..30: learn.microsoft.com/azure/aks upgrade-aks-node-pools-rolling, 2026-05-29
            Axis::DrainTimeoutMinutes => count(value, 5, 1440)?,
            Axis::SoakMinutes => count(value, 0, 30)?,
            Axis::BurstFactor => number(value, 1.0, 100.0)?,
            Axis::BurstsPerDay => number(value, 0.0, 1000.0)?,
            Axis::DnsQps => number(value, 0.0, 1e9)?,
            Axis::DnsAttempts => number(value, 1.0, 10.0)?,
            Axis::DnsMemoryLimitMib => number(value, 1.0, 1e6)?,
            Axis::VmSize => vm_size(value)?,
            Axis::MaxSurge => surge(value)?,
        };
        Ok(Setting { axis, value })
    }
}

fn count(value: &Value, least: u32, most: u32) -> Result<SettingValue, String> {
    let number = value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| (least..=most).contains(n));
    number.map(SettingValue::Count).ok_or_else(|| format!("a whole number from {least} to {most}"))
}

fn number(value: &Value, least: f64, most: f64) -> Result<SettingValue, String> {
    let number = value.as_f64().filter(|x| (least..=most).contains(x));
    number.map(SettingValue::Number).ok_or_else(|| format!("a number from {least} to {most}"))
}

fn vm_size(value: &Value) -> Result<SettingValue, String> {
    let name = value.as_str().filter(|s| {
        !s.is_empty() && s.len() <= 80 && s.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    });
    name.map(|s| SettingValue::Text(s.to_owned())).ok_or_else(|| "a VM size such as Standard_D4s_v5".to_owned())
}

fn surge(value: &Value) -> Result<SettingValue, String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(n) => n.to_string(),
        _ => String::new(),
    };
    let digits = text.strip_suffix('%').unwrap_or(&text);
    let most = if text.ends_with('%') { 100 } else { 1000 };
    let fits = digits.parse::<u32>().is_ok_and(|n| n <= most);
    if fits {
        Ok(SettingValue::Text(text))
    } else {
        Err("a count such as 2 or a percentage such as \"33%\"".to_owned())
    }
}
