//! Numbers and names in words.

use simulator::spec::{ClusterSpec, Role, WorkloadKind, WorkloadSpec};
use simulator::{BudgetId, PoolId, WebhookId, WorkloadId};

use crate::estimate::Est;
use crate::report::{Quantiles, Queries};
use crate::score;

/// Names of a cluster's objects; a placeholder for an id that is not of this cluster.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    /// The cluster.
    pub cluster: &'a ClusterSpec,
}

impl Names<'_> {
    /// `namespace/name` of what is at hand.
    pub fn of(self, workload: &WorkloadSpec) -> String {
        format!("{}/{}", workload.namespace, workload.name)
    }

    /// `namespace/name` of a workload.
    pub fn workload(self, id: WorkloadId) -> String {
        self.cluster.workloads.get(id).map_or_else(|| format!("workload {}", id.0), |w| self.of(w))
    }

    /// Name of a pool.
    pub fn pool(self, id: PoolId) -> String {
        self.cluster.pools.get(id).map_or_else(|| format!("{}", id.0), |p| p.name.clone())
    }

    /// Name of an admission webhook.
    pub fn webhook(self, id: WebhookId) -> String {
        self.cluster.webhooks.get(id).map_or_else(|| format!("{}", id.0), |w| w.name.clone())
    }

    /// `namespace/name` of a disruption budget.
    pub fn budget(self, id: BudgetId) -> String {
        self.cluster.budgets.get(id).map_or_else(|| format!("{}", id.0), |b| format!("{}/{}", b.namespace, b.name))
    }
}

/// Kubernetes' name of a kind of owner.
pub fn kind(kind: WorkloadKind) -> &'static str {
    match kind {
        WorkloadKind::Deployment => "Deployment",
        WorkloadKind::StatefulSet => "StatefulSet",
        WorkloadKind::DaemonSet => "DaemonSet",
        WorkloadKind::Job => "Job",
        WorkloadKind::Bare => "Pod",
        WorkloadKind::Mirror => "Mirror",
    }
}

/// What a workload does for the cluster, by its weight in the score.
pub fn weight(weight: f64) -> &'static str {
    [Role::Dns, Role::Tunnel, Role::Metrics, Role::System]
        .into_iter()
        .find(|r| score::weight(*r) == weight)
        .map_or("an application", role)
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Dns => "cluster DNS",
        Role::Tunnel => "tunnel from the control plane",
        Role::Metrics => "resource metrics",
        Role::Ingress => "the way in",
        Role::System => "system workload",
        Role::Application => "an application",
    }
}

/// A number with `digits` significant digits, without exponent, trailing zeros cut; twelve places at the most.
pub fn number(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_string();
    }
    // Rounded once, as text: charts are full of numbers.
    let rounded = format!("{:.*e}", digits.max(1) - 1, value.abs());
    let (mantissa, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if digits as i32 - 1 - exponent > 12 {
        return whole_or_places(&format!("{value:.12}")).to_owned();
    }
    let zeros = |n: i32| "0".repeat(n.max(0) as usize);
    let figures: String = mantissa.chars().filter(|c| *c != '.').collect();
    let whole = exponent + 1;
    let text = if whole <= 0 {
        format!("0.{}{figures}", zeros(-whole))
    } else if let Some((before, after)) = figures.split_at_checked(whole as usize) {
        format!("{before}.{after}")
    } else {
        format!("{figures}{}", zeros(whole - figures.len() as i32))
    };
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", whole_or_places(&text))
}

/// Without zeros behind the last place that tells something.
fn whole_or_places(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// A share as per cent, two significant digits.
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    // Near certainty is as telling as near impossibility: 99.96 % is not 100 %.
    if value > 99.0 && value < 100.0 {
        format!("{} %", trimmed(100.0 - round_up(100.0 - value, 2)))
    } else {
        format!("{} %", number(value, 2))
    }
}

/// A number rounded to the digits, for subtraction from 100.
fn round_up(value: f64, digits: usize) -> f64 {
    format!("{:.*e}", digits - 1, value).parse().unwrap_or(value)
}

fn trimmed(value: f64) -> String {
    whole_or_places(&format!("{value:.6}")).to_owned()
}

/// A probability with its interval; never a bare zero or a bare certainty.
pub fn probability(est: Est) -> String {
    if est.low == est.high {
        return if est.estimate == 0.0 { "none".to_string() } else { percent(est.estimate) };
    }
    if est.estimate <= 0.0 && est.low >= 0.0 {
        format!("below {}", percent(est.high))
    } else if est.estimate >= 1.0 {
        format!("above {}", percent(est.low))
    } else {
        format!("{} ({} to {})", percent(est.estimate), percent(est.low), percent(est.high))
    }
}

/// A probability in few characters, for running text.
pub fn probability_short(est: Est) -> String {
    if est.estimate <= 0.0 && est.high > 0.0 {
        format!("less than {}", percent(est.high))
    } else if est.estimate >= 1.0 && est.low < 1.0 {
        format!("more than {}", percent(est.low))
    } else {
        percent(est.estimate)
    }
}

/// A difference of probabilities in percentage points, signed.
pub fn points(est: Est) -> String {
    if est.low == 0.0 && est.high == 0.0 {
        return "none".to_string();
    }
    let point = |v: f64| signed(v * 100.0);
    format!("{} percentage points ({} to {})", point(est.estimate), point(est.low), point(est.high))
}

fn signed(value: f64) -> String {
    let text = number(value.abs(), 2);
    match value {
        v if v > 0.0 => format!("+{text}"),
        v if v < 0.0 => format!("\u{2212}{text}"),
        _ => text,
    }
}

/// Minutes in words: seconds below one, hours above 120.
pub fn minutes(value: f64) -> String {
    let size = value.abs();
    let sign = if value < 0.0 { "\u{2212}" } else { "" };
    if size == 0.0 {
        "0 min".to_string()
    } else if size < 1.0 {
        format!("{sign}{} s", number(size * 60.0, 2))
    } else if size < 120.0 {
        format!("{sign}{} min", number(size, if size < 10.0 { 2 } else { 3 }))
    } else {
        format!("{sign}{} h", number(size / 60.0, 2))
    }
}

/// Milliseconds in words: seconds from one on.
pub fn milliseconds(value: f64) -> String {
    if value < 1000.0 { format!("{} ms", number(value, 2)) } else { format!("{} s", number(value / 1000.0, 2)) }
}

/// How long the answers of a workload take, and whether its containers are killed for their memory.
pub fn answers(queries: &Queries) -> String {
    let of = |q: &Quantiles| format!("{}, {} in one future of twenty", milliseconds(q.mean), milliseconds(q.p95));
    let mut text =
        format!("answers take {}; {} when nothing is done", of(&queries.latency_ms), of(&queries.baseline_latency_ms));
    if queries.kills > 0.0 || queries.baseline_kills > 0.0 {
        text.push_str(&format!(
            "; containers killed above their memory limit: {} in a future, {} when nothing is done",
            number(queries.kills, 2),
            number(queries.baseline_kills, 2)
        ));
    }
    text
}

/// Added minutes with their interval.
pub fn added_minutes(est: Est) -> String {
    if est.low == 0.0 && est.high == 0.0 {
        return "none".to_string();
    }
    format!("{} ({} to {})", minutes(est.estimate), minutes(est.low), minutes(est.high))
}

/// Hours of a number of seconds.
pub fn hours(seconds: f64) -> String {
    let hours = seconds / 3600.0;
    if hours < 2.0 { format!("{} minutes", number(seconds / 60.0, 3)) } else { format!("{} hours", number(hours, 3)) }
}

/// Time since the start as `h:mm:ss`.
pub fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    format!("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
}

/// The text with its first letter in lower case, for the middle of a sentence; names in capitals stay.
pub fn uncapital(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().collect::<String>() + &text[first.len_utf8()..]
        }
        _ => text.to_string(),
    }
}

/// The text with its first letter in upper case.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// A number with its unit, which takes an s unless the number is one.
pub fn plural(value: f64, unit: &str) -> String {
    let text = number(value, 2);
    let ending = if text == "1" { "" } else { "s" };
    format!("{text} {unit}{ending}")
}

/// A whole number with thousands set apart.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A score without decimals, but never 0 for something above.
pub fn score_text(value: f64) -> String {
    if value > 0.0 && value < 0.5 { "0.5".to_string() } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_never_bare_zeros() {
        assert_eq!(probability(Est::probability(0, 1000)), "below 0.37 %");
        assert_eq!(probability(Est::probability(1000, 1000)), "above 99.63 %");
        assert_eq!(probability_short(Est::probability(0, 100_000)), "less than 0.0037 %");
        assert_eq!(probability(Est::probability(50, 1000)), "5 % (3.7 % to 6.5 %)");
        assert_eq!(probability(Est::exact(0.0)), "none");
    }

    #[test]
    fn numbers_are_those_of_the_nearest_fraction_with_so_many_digits() {
        // The same by way of a second fraction, which is slower.
        let other = |value: f64, digits: usize| {
            let rounded: f64 = format!("{:.*e}", digits - 1, value).parse().expect("a number");
            let places = (digits as i32 - 1 - rounded.abs().log10().floor() as i32).clamp(0, 12) as usize;
            whole_or_places(&format!("{rounded:.places$}")).to_owned()
        };
        for i in 1..4000 {
            let value =
                (f64::from(i) * 0.618_033_988_7).fract() * 10f64.powi(i % 20 - 6) * if i % 3 == 0 { -1.0 } else { 1.0 };
            for digits in [1, 2, 3, 5] {
                assert_eq!(number(value, digits), other(value, digits), "{value} {digits}");
            }
        }
        assert_eq!(number(4.56e-12, 2), "0.000000000005");
        assert_eq!(number(1.2e23, 2), "120000000000000000000000");
    }

    #[test]
    fn numbers_are_short() {
        for (value, digits, want) in [
            (1234.5, 2, "1200"),
            (0.001234, 2, "0.0012"),
            (9.99, 2, "10"),
            (0.5, 2, "0.5"),
            (12.0, 3, "12"),
            (99.96, 3, "100"),
        ] {
            assert_eq!(number(value, digits), want);
        }
        assert_eq!(minutes(0.05), "3 s");
        assert_eq!(minutes(-2.5), "\u{2212}2.5 min");
        assert_eq!(minutes(300.0), "5 h");
        assert_eq!(count(1234567), "1,234,567");
        assert_eq!(clock(3725.0), "1:02:05");
    }
}
