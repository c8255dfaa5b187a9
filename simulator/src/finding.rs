//! Findings: what is known about a change without simulating it, as values. Scenarios make them, reports show them;
//! the simulator only lends the vocabulary, since the two do not know each other.

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// A known risk or an unsupported shape.
    Warning,
    /// The platform will refuse the change, or it cannot end well.
    Error,
}

/// One piece of evidence behind a finding.
#[derive(Clone, Debug, PartialEq)]
pub enum Evidence {
    /// A figure.
    Number(f64),
    /// A name or a quoted value.
    Text(String),
}

/// A rule that applies to this change on this cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Stable id of the rule, such as `system-pool-min-nodes`.
    pub id: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// The object it speaks of, such as `pool system1` or `pdb kube-system/coredns-pdb`.
    pub subject: String,
    /// One sentence for an engineer.
    pub message: String,
    /// Where the rule is written down.
    pub source: &'static str,
    /// Named facts that made the rule fire, in a fixed order.
    pub evidence: Vec<(&'static str, Evidence)>,
    /// True when the platform will not carry the change out at all.
    pub blocks: bool,
}
