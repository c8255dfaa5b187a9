//! Disruption budgets that stop a drain, by Kubernetes' arithmetic (v1.34, pkg/controller/disruption): percentages are
//! rounded up, and what is allowed is healthy pods less those demanded.

use simulator::spec::{BudgetRule, Quantity};

use super::facts::{Facts, is_system};
use super::{Hit, Rule, counted, figure, some};
use crate::change::Operation;
use crate::snapshot::{Budget, Pod, Snapshot};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "pdb-unsatisfiable",
        says: "A budget with maxUnavailable 0 never lets a pod go: upgrades of any pool are refused before they begin, other drains time out.",
        source: "support article unsatisfiablepdb-error; AKS docs, upgrade-options",
        check: unsatisfiable,
    },
    Rule {
        id: "pdb-no-slack",
        says: "A budget whose minAvailable is not below the number of its pods never lets one go: the drain times out.",
        source: "support article error-code-poddrainfailure (2025-03-03); Kubernetes v1.34, disruption controller",
        check: no_slack,
    },
    Rule {
        id: "pdb-single-replica-system",
        says: "A system workload with one replica and minAvailable 1 blocks the drain of its own node.",
        source: "AKS issue 3384; Kubernetes v1.34, disruption controller",
        check: single_system,
    },
    Rule {
        id: "pdb-spent",
        says: "A budget that allows nothing now, since a pod is not ready already, blocks the drain until it is.",
        source: "AKS issue 3384; Kubernetes v1.34, disruption controller",
        check: spent,
    },
    Rule {
        id: "pdb-overlap",
        says: "A pod under two budgets cannot be evicted at all.",
        source: "Kubernetes v1.34, pkg/registry/core/pod/storage/eviction.go",
        check: overlap,
    },
];

/// A budget that guards pods the change evicts.
struct Guard<'a> {
    budget: &'a Budget,
    /// Pods it selects that are alive.
    expected: u32,
    /// Of those, the ready ones.
    healthy: u32,
    /// Pods that must stay.
    demanded: u32,
    /// Selected pods the change evicts.
    evicted: Vec<&'a Pod>,
}

fn guards<'a>(facts: &Facts<'a>) -> Vec<Guard<'a>> {
    let going: Vec<&Pod> = facts.evicted().collect();
    let budgets = facts.snapshot.budgets.iter();
    budgets.filter_map(|budget| guard(facts.snapshot, budget, &going)).collect()
}

/// The budget with its figures, where it guards one of the pods that go.
fn guard<'a>(snapshot: &'a Snapshot, budget: &'a Budget, going: &[&'a Pod]) -> Option<Guard<'a>> {
    let guarded = |p: &&&Pod| p.namespace == budget.namespace && budget.selects(&p.labels);
    let evicted: Vec<&Pod> = going.iter().filter(guarded).copied().collect();
    if evicted.is_empty() {
        return None;
    }
    let alive: Vec<&Pod> = snapshot.selected(budget).filter(|p| !p.is_over()).collect();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let expected = count(alive.len());
    let healthy = count(alive.iter().filter(|p| p.ready && !p.deleting).count());
    let demanded = match budget.rule {
        BudgetRule::MinAvailable(q) => q.of(expected),
        BudgetRule::MaxUnavailable(q) => expected.saturating_sub(q.of(expected)),
    };
    Some(Guard { budget, expected, healthy, demanded, evicted })
}

impl Guard<'_> {
    fn never_lets_go(&self) -> bool {
        never_lets_go(self.budget)
    }

    fn has_no_slack(&self) -> bool {
        !self.never_lets_go() && self.demanded >= self.expected
    }

    fn is_single_system(&self) -> bool {
        self.expected == 1 && self.evicted.iter().all(|p| is_system(p))
    }

    fn name(&self) -> String {
        format!("{}/{}", self.budget.namespace, self.budget.name)
    }

    fn subject(&self) -> String {
        format!("pdb {}", self.name())
    }

    fn demand(&self) -> String {
        let quantity = |q: Quantity| match q {
            Quantity::Count(n) => n.to_string(),
            Quantity::Percent(p) => format!("{p} %"),
        };
        match self.budget.rule {
            BudgetRule::MinAvailable(q) => format!("minAvailable {}", quantity(q)),
            BudgetRule::MaxUnavailable(q) => format!("maxUnavailable {}", quantity(q)),
        }
    }

    fn with_figures(&self, hit: Hit) -> Hit {
        hit.text("rule", self.demand())
            .number("pods", self.expected)
            .number("ready", self.healthy)
            .number("mustStay", self.demanded)
    }
}

fn pool_text(facts: &Facts<'_>) -> String {
    facts.change.pool.as_ref().map_or_else(|| "the cluster".to_owned(), |p| format!("pool {p}"))
}

fn unsatisfiable(facts: &Facts<'_>) -> Vec<Hit> {
    if facts.forced {
        return Vec::new();
    }
    let precheck = |op: &Operation| matches!(op, Operation::Upgrade { .. } | Operation::Rolling | Operation::Rollback);
    if facts.has(precheck) {
        return facts.snapshot.budgets.iter().filter(|b| never_lets_go(b)).map(refused).collect();
    }
    let hit = |guard: &Guard<'_>| {
        let message = format!(
            "Budget {} ({}) never lets its pods on {} go: the drain cannot end.",
            guard.name(),
            guard.demand(),
            pool_text(facts)
        );
        guard.with_figures(Hit::error(guard.subject(), message))
    };
    guards(facts).iter().filter(|g| g.never_lets_go()).map(hit).collect()
}

/// The check before an upgrade looks at every budget of the cluster.
fn refused(budget: &Budget) -> Hit {
    let name = format!("{}/{}", budget.namespace, budget.name);
    let message = format!("Budget {name} has maxUnavailable 0: AKS refuses upgrades with UnsatisfiablePDB.");
    Hit::refused(format!("pdb {name}"), message).text("rule", "maxUnavailable 0")
}

fn never_lets_go(budget: &Budget) -> bool {
    matches!(budget.rule, BudgetRule::MaxUnavailable(Quantity::Count(0) | Quantity::Percent(0)))
}

fn no_slack(facts: &Facts<'_>) -> Vec<Hit> {
    if facts.forced {
        return Vec::new();
    }
    let hit = |guard: &Guard<'_>| {
        let pods = counted(guard.expected as usize, "pod");
        let message = format!(
            "Budget {} ({}) covers {pods} and allows none to go: the drain of {} will time out.",
            guard.name(),
            guard.demand(),
            pool_text(facts)
        );
        guard.with_figures(Hit::warning(guard.subject(), message))
    };
    guards(facts).iter().filter(|g| g.has_no_slack() && !g.is_single_system()).map(hit).collect()
}

fn single_system(facts: &Facts<'_>) -> Vec<Hit> {
    if facts.forced {
        return Vec::new();
    }
    let hit = |guard: &Guard<'_>| {
        let pod = guard.evicted.first().map_or("", |p| p.name.as_str());
        let message = format!(
            "System pod {pod} is the only one of its kind and budget {} ({}) keeps it: it blocks the drain of {}.",
            guard.name(),
            guard.demand(),
            pool_text(facts)
        );
        guard.with_figures(Hit::warning(guard.subject(), message))
    };
    guards(facts).iter().filter(|g| g.has_no_slack() && g.is_single_system()).map(hit).collect()
}

fn spent(facts: &Facts<'_>) -> Vec<Hit> {
    if facts.forced {
        return Vec::new();
    }
    let is_spent = |g: &&Guard<'_>| !g.never_lets_go() && !g.has_no_slack() && g.healthy <= g.demanded;
    let hit = |guard: &Guard<'_>| {
        let message = format!(
            "Budget {} ({}) allows nothing now: {} of its {} are ready, so the drain of {} waits.",
            guard.name(),
            guard.demand(),
            guard.healthy,
            counted(guard.expected as usize, "pod"),
            pool_text(facts)
        );
        guard.with_figures(Hit::warning(guard.subject(), message))
    };
    guards(facts).iter().filter(is_spent).map(hit).collect()
}

fn overlap(facts: &Facts<'_>) -> Vec<Hit> {
    if facts.forced {
        return Vec::new();
    }
    let over = |pod: &Pod| -> Vec<&str> {
        let budgets = facts.snapshot.budgets.iter().filter(|b| b.namespace == pod.namespace && b.selects(&pod.labels));
        budgets.map(|b| b.name.as_str()).collect()
    };
    let twice: Vec<(&Pod, Vec<&str>)> = facts.evicted().map(|p| (p, over(p))).filter(|(_, b)| b.len() > 1).collect();
    let Some((pod, budgets)) = twice.first() else {
        return Vec::new();
    };
    let (n, names) = (counted(twice.len(), "pod"), some(budgets.iter().copied()));
    let message = format!(
        "{n} on {} stand under more than one budget ({}/{}: {names}); the API refuses every eviction of such pods.",
        pool_text(facts),
        pod.namespace,
        pod.name
    );
    vec![Hit::error(format!("pod {}/{}", pod.namespace, pod.name), message).number("pods", figure(twice.len()))]
}
