//! Safer plans: other ways to the same end, each a script of commands in order.
//!
//! A plan *is* its script: it is written first and then read by the decoder that reads every other message, and what was read
//! is what is simulated. So the score that a report promises for a plan is the one that its own text gets.
//!
//! Levers stand in files of their own: how an upgrade goes (`upgrade`), stages of what shrinks (`shrink`), room beside it
//! (`room`), budgets that block (`budget`), a pool for system pods alone (`dedicated`), another time (`time`). Plans that
//! break a rule are set aside, with the reason (`limits`). Left out: plans that need another cluster, or another application.

mod az;
mod budget;
mod dedicated;
mod limits;
mod room;
mod shrink;
mod terraform;
mod time;
mod upgrade;
mod view;

use std::collections::BTreeSet;

use crate::change::{Change, ChangeSettings, Operation, Step};
use crate::complaint::Complaints;
use crate::load::{Loaded, load};
use crate::message;
use crate::snapshot::Snapshot;
use view::View;

pub use limits::SetAside;

/// Most plans that are tried.
pub const MOST: usize = 64;

/// A plan that may be tried.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it does otherwise, in one line.
    pub summary: String,
    /// Its commands, one a line; begins as [`crate::message`] asks of a plan.
    pub az: String,
    /// The same as attributes of Terraform's azurerm provider, where they can express it.
    pub terraform: Option<String>,
    /// It as a change, read from its commands.
    pub change: Change,
    /// It on this cluster.
    pub loaded: Loaded,
}

/// The plans for a change.
#[derive(Clone, Debug, Default)]
pub struct Plans {
    /// Those that may be tried, most promising kinds first.
    pub plans: Vec<Plan>,
    /// Those that break a rule.
    pub set_aside: Vec<SetAside>,
    /// Why there are none, where there are none.
    pub why_none: Option<String>,
}

/// What a lever makes: steps, and what they do otherwise in words.
#[derive(Clone, Debug)]
struct Draft {
    words: String,
    steps: Vec<Step>,
}

impl Draft {
    fn new(words: impl Into<String>, steps: Vec<Step>) -> Draft {
        Draft { words: words.into(), steps }
    }
}

/// Other plans for `change`, which came to `proposal` on this snapshot, `most` of them and no more than [`MOST`]. `settings` are
/// those every plan is run with.
///
/// # Errors
/// What is wrong with the change itself.
pub fn plans(
    change: &Change,
    snapshot: &Snapshot,
    proposal: &Loaded,
    settings: &ChangeSettings,
    most: usize,
) -> Result<Plans, Complaints> {
    let view = match View::new(change, snapshot, proposal, settings) {
        Ok(view) => view,
        Err(reason) => return Ok(Plans { why_none: Some(reason), ..Plans::default() }),
    };
    let mut found = Plans::default();
    let mut known = BTreeSet::from([az::script(&view, &view.base)]);
    for draft in drafts(&view) {
        let Some(az) = az::script(&view, &draft.steps).filter(|az| known.insert(Some(az.clone()))) else {
            continue;
        };
        if found.plans.len() + found.set_aside.len() >= most.min(MOST) {
            break;
        }
        match read(&az, &draft, snapshot, &view) {
            Ok(plan) => match limits::broken(&plan, proposal, &view) {
                None => found.plans.push(plan),
                Some(reason) => found.set_aside.push(SetAside { summary: draft.words, reason }),
            },
            Err(reason) => found.set_aside.push(SetAside { summary: draft.words, reason }),
        }
    }
    if found.plans.is_empty() && found.set_aside.is_empty() {
        found.why_none = Some("there is no other way to do this that is known here".to_owned());
    }
    Ok(found)
}

/// Every draft, the levers in turn. Where a budget blocks, all of them begin with its repair.
fn drafts(view: &View<'_>) -> Vec<Draft> {
    let repairs = budget::drafts(view);
    let mut drafts = Vec::new();
    for lever in [upgrade::drafts, shrink::drafts, room::drafts, dedicated::drafts, time::drafts] {
        drafts.extend(lever(view));
    }
    let Some(first) = repairs.first() else { return drafts };
    let prefix: Vec<Step> = budget::repairs(view);
    let repaired = |draft: Draft| Draft {
        words: format!("{}; {}", first.words, draft.words),
        steps: prefix.iter().cloned().chain(draft.steps).collect(),
    };
    let others: Vec<Draft> = drafts.into_iter().map(repaired).collect();
    repairs.into_iter().chain(others).collect()
}

/// Reads a plan's commands as any message, and resolves them.
fn read(az: &str, draft: &Draft, snapshot: &Snapshot, view: &View<'_>) -> Result<Plan, String> {
    let complaints = |all: Complaints| all.0.first().map_or_else(String::new, ToString::to_string);
    let mut changes = message::decode(az.as_bytes()).map_err(complaints)?.changes;
    let (Some(change), true) = (changes.pop(), changes.is_empty()) else {
        return Err("its commands are not one change".to_owned());
    };
    let loaded = load(&change, snapshot, &ChangeSettings::default()).map_err(complaints)?;
    let terraform = terraform::attributes(view, &draft.steps);
    Ok(Plan { summary: draft.words.clone(), az: az.to_owned(), terraform, change, loaded })
}

/// A step on a pool.
fn on(pool: &str, operation: Operation) -> Step {
    Step { wait_seconds: 0, pool: Some(pool.to_owned()), operation }
}

/// A step on the cluster.
fn whole(operation: Operation) -> Step {
    Step { wait_seconds: 0, pool: None, operation }
}

/// `1 node`, `3 nodes`.
fn nodes(n: u32) -> String {
    if n == 1 { "1 node".to_owned() } else { format!("{n} nodes") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
