//! AKS rules as findings: what is known about a change without simulating it. Every rule is one function in a list of its
//! theme, with a stable id and the place where the rule is written down. Rules judge the touched pools as they will be
//! after the change, and mention standing weaknesses of the other system pools as information. Left out: everything that
//! depends on the course of events; that is the simulator's business.
//!
//! A rule blocks only where the platform is known to refuse the change; a documented limit that AKS does not enforce is a
//! warning.

mod autoscaler;
mod budget;
mod drain;
mod facts;
mod immutable;
mod limits;
mod moves;
mod name;
pub(crate) mod room;
mod size;
mod state;
mod system;
mod taint;
mod upgrade;
mod version;
mod volumes;
mod webhook;

#[cfg(test)]
mod case;

use simulator::finding::{Evidence, Finding, Severity};

use crate::change::{Change, Operation};
use crate::snapshot::{AgentPool, Snapshot};
use facts::Facts;

/// A rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Stable id, kebab-case.
    pub id: &'static str,
    /// The rule in one sentence.
    pub says: &'static str,
    /// Where it is written down: document and date, or where it was observed.
    pub source: &'static str,
    check: fn(&Facts<'_>) -> Vec<Hit>,
}

/// The themes in the order in which their findings stand in reports.
const THEMES: [&[Rule]; 16] = [
    system::RULES,
    moves::RULES,
    size::RULES,
    name::RULES,
    limits::RULES,
    taint::RULES,
    autoscaler::RULES,
    immutable::RULES,
    version::RULES,
    upgrade::RULES,
    room::RULES,
    budget::RULES,
    drain::RULES,
    volumes::RULES,
    webhook::RULES,
    state::RULES,
];

/// Every rule, for documentation.
pub fn catalogue() -> Vec<Rule> {
    THEMES.concat()
}

/// Error codes of rules that block, where they are known: recorded answers (2025-11-21) and support articles by the name of
/// the code.
const CODES: [(&str, &str); 15] = [
    ("system-pool-restricted-taint", "SystemPoolHasRestrictedTaint"),
    ("managed-system-pool-single", "InvalidParameter"),
    ("pdb-unsatisfiable", "UnsatisfiablePDB"),
    ("quota-short", "QuotaExceeded"),
    ("subnet-short", "SubnetIsFull"),
    ("version-above-control-plane", "NodePoolMcVersionIncompatible"),
    ("version-skew", "NodePoolMcVersionIncompatible"),
    ("version-downgrade", "NodePoolMcVersionIncompatible"),
    ("vm-size-refused", "SkuNotAvailable"),
    ("pool-busy", "OperationNotAllowed"),
    ("pool-failed", "OperationNotAllowed"),
    ("system-pool-stop", "OperationNotAllowed"),
    ("stop-with-auto-provisioning", "OperationNotAllowed"),
    ("manual-scale-with-autoscaler", "OperationNotAllowed"),
    ("last-system-pool", "OperationNotAllowed"),
];

/// The error code AKS answers with where a rule blocks a change. For rules about the body of a request whose answer was
/// not recorded it is the one of such checks in general.
pub fn code(id: &str) -> &'static str {
    CODES.iter().find(|(rule, _)| *rule == id).map_or("InvalidParameter", |(_, code)| code)
}

/// Every rule as a table in Markdown, for documentation.
pub fn catalogue_markdown() -> String {
    let mut text = String::from(
        "# Rules\n\nWhat poolproof knows about a change before simulating it. A finding names the rule by its id.\n\n\
         | id | rule | source |\n|---|---|---|\n",
    );
    for rule in catalogue() {
        text.push_str(&format!("| `{}` | {} | {} |\n", rule.id, rule.says, rule.source));
    }
    text
}

/// The rules that apply to a change; `operations` are the change's own, resolved against the snapshot. What blocks comes
/// first, then by severity; within one severity by theme and rule.
pub fn check(snapshot: &Snapshot, change: &Change, operations: &[Operation]) -> Vec<Finding> {
    let facts = Facts::new(snapshot, change, operations);
    let mut findings: Vec<Finding> = catalogue().iter().flat_map(|rule| rule.findings(&facts)).collect();
    findings.sort_by_key(|f| (!f.blocks, std::cmp::Reverse(f.severity)));
    findings
}

/// The pools as a change leaves them.
pub(crate) fn pools_after(snapshot: &Snapshot, change: &Change, operations: &[Operation]) -> Vec<AgentPool> {
    Facts::new(snapshot, change, operations).after
}

impl Rule {
    fn findings(&self, facts: &Facts<'_>) -> Vec<Finding> {
        (self.check)(facts).into_iter().map(|hit| self.finding(hit)).collect()
    }

    fn finding(&self, hit: Hit) -> Finding {
        let Hit { severity, subject, message, evidence, blocks } = hit;
        Finding { id: self.id, severity, subject, message, source: self.source, evidence, blocks }
    }
}

/// A rule that fired, without what the rule itself knows.
#[derive(Clone, Debug)]
struct Hit {
    severity: Severity,
    subject: String,
    message: String,
    evidence: Vec<(&'static str, Evidence)>,
    blocks: bool,
}

impl Hit {
    fn new(severity: Severity, subject: impl Into<String>, message: impl Into<String>) -> Hit {
        Hit { severity, subject: subject.into(), message: message.into(), evidence: Vec::new(), blocks: false }
    }

    /// Something the platform refuses.
    fn refused(subject: impl Into<String>, message: impl Into<String>) -> Hit {
        Hit { blocks: true, ..Hit::new(Severity::Error, subject, message) }
    }

    fn error(subject: impl Into<String>, message: impl Into<String>) -> Hit {
        Hit::new(Severity::Error, subject, message)
    }

    fn warning(subject: impl Into<String>, message: impl Into<String>) -> Hit {
        Hit::new(Severity::Warning, subject, message)
    }

    fn info(subject: impl Into<String>, message: impl Into<String>) -> Hit {
        Hit::new(Severity::Info, subject, message)
    }

    fn number(mut self, name: &'static str, value: impl Into<f64>) -> Hit {
        self.evidence.push((name, Evidence::Number(value.into())));
        self
    }

    fn text(mut self, name: &'static str, value: impl Into<String>) -> Hit {
        self.evidence.push((name, Evidence::Text(value.into())));
        self
    }

    /// The same about a pool that the change leaves alone: worth knowing, no more.
    fn standing(mut self, touched: bool) -> Hit {
        if !touched {
            self.severity = Severity::Info;
            self.blocks = false;
            self.message.push_str(" It is so already, and the change does not touch it.");
        }
        self
    }
}

/// `3 pods`, `1 pod`.
fn counted(n: usize, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}

/// The first few of some names, and how many more there are.
fn some<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 3;
    let names: Vec<&str> = names.into_iter().collect();
    let shown = names[..names.len().min(SHOWN)].join(", ");
    if names.len() > SHOWN { format!("{shown} and {} more", names.len() - SHOWN) } else { shown }
}

/// A count as evidence.
fn figure(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::change::PoolFields;

    #[test]
    fn ids_are_unique_and_kebab_case_and_every_rule_has_a_source() {
        let rules = catalogue();
        let ids: BTreeSet<&str> = rules.iter().map(|r| r.id).collect();
        assert_eq!(ids.len(), rules.len());
        for rule in &rules {
            assert!(rule.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{}", rule.id);
            assert!(rule.says.ends_with('.') && rule.source.len() > 10, "{}", rule.id);
        }
    }

    #[test]
    fn codes_are_of_rules_that_there_are() {
        let ids: BTreeSet<&str> = catalogue().iter().map(|r| r.id).collect();
        assert!(CODES.iter().all(|(id, _)| ids.contains(id)));
        assert_eq!((code("subnet-short"), code("pool-name")), ("SubnetIsFull", "InvalidParameter"));
    }

    #[test]
    fn every_rule_fires_in_some_case_and_is_quiet_in_another() {
        let rows = case::all();
        for row in &rows {
            row.check();
        }
        for rule in catalogue() {
            let mine: Vec<bool> =
                rows.iter().filter(|r| r.id == rule.id).map(|r| r.expect == case::Expect::Quiet).collect();
            assert!(mine.contains(&true) && mine.contains(&false), "{}: {} rows", rule.id, mine.len());
        }
    }

    /// `POOLPROOF_WRITE=1` writes the page anew; read what changed before it is kept.
    #[test]
    fn the_page_of_rules_is_current() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("RULES.md");
        if std::env::var_os("POOLPROOF_WRITE").is_some() {
            std::fs::write(&path, catalogue_markdown()).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap();
        assert_eq!(written, catalogue_markdown());
    }

    #[test]
    fn absurd_numbers_are_judged_like_others() {
        let most = u32::MAX;
        let fields = PoolFields {
            count: Some(most),
            max_pods: Some(most),
            min_count: Some(most),
            max_count: Some(0),
            enable_auto_scaling: Some(true),
            mode: Some("System".into()),
            vm_size: Some("Standard_D96s_v5".into()),
            node_taints: Some(vec![":".into(), "=:NoSchedule".into(), "x".repeat(9999)]),
            ..PoolFields::default()
        };
        for desired in [fields, PoolFields::default()] {
            let operations = [
                Operation::AddPool { desired: desired.clone() },
                Operation::ResizePool { desired: desired.clone(), method: "rotate".into() },
                Operation::PutPool { desired },
                Operation::Scale { count: most },
            ];
            for operation in operations {
                let strained = |s: &mut Snapshot| {
                    s.pools[0].count = u32::MAX;
                    s.cluster.quota.insert("cores".into(), 1);
                    s.cluster.subnet.insert("*".into(), 0);
                };
                for pool in ["apps", "new", ""] {
                    case::findings(strained, pool, operation.clone());
                }
            }
        }
        let refused = case::findings(|_| (), "apps", Operation::Scale { count: most });
        assert!(refused.iter().any(|f| f.blocks && f.id == "pool-count-range"));
    }

    #[test]
    fn what_blocks_comes_first() {
        let findings = case::findings(|s| s.pools[1].count = 1, "sys", Operation::SetMode { mode: "User".into() });
        assert!(findings[0].blocks && findings[0].id == "last-system-pool", "{findings:#?}");
        assert!(findings.windows(2).all(|w| (w[0].blocks, w[0].severity) >= (w[1].blocks, w[1].severity)));
    }

    #[test]
    fn who_asks_decides_about_what_is_left_out() {
        let desired = PoolFields::default();
        let add = Operation::AddPool { desired };
        let blocked = |format: &str, operation: &Operation, id: &str| {
            let all = case::findings_from(format, |_| (), "new1", operation.clone());
            all.iter().any(|f| f.id == id && f.blocks)
        };
        assert!(blocked("arm-request", &add, "mode-required"));
        assert!(!blocked("az-command", &add, "mode-required"));
        let size = PoolFields { vm_size: Some("Standard_D8s_v5".into()), ..PoolFields::default() };
        let put = Operation::PutPool { desired: size };
        let of_apps = |format| case::findings_from(format, |_| (), "APPS", put.clone());
        assert!(of_apps("arm-request").iter().any(|f| f.id == "immutable-property"));
        assert!(of_apps("terraform-plan").iter().all(|f| f.id != "immutable-property"));
    }

    #[test]
    fn names_are_shortened() {
        assert_eq!(some(["a", "b", "c"]), "a, b, c");
        assert_eq!(some(["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
        assert_eq!(some([]), "");
        assert_eq!((counted(1, "pod"), counted(0, "pod")), ("1 pod".to_owned(), "0 pods".to_owned()));
    }
}
