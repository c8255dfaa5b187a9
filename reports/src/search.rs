//! Which of many plans are best, with few trials: sequential halving, then OCBA among those that are left.
//!
//! Every plan sees the same futures as all others and as doing nothing, so that differences between plans are known long before
//! the plans themselves are. Halving (Karnin, Koren and Somekh 2013): in each of `ceil(log2 K)` rounds every survivor has equally
//! many trials, and the worse half goes; trials of earlier rounds count on, since they are of the same futures. The last few
//! share what is left of the budget by OCBA (Chen and others 2000): the closer a plan is to the best one and the more their
//! difference varies, the more trials it has. The search knows nothing of simulations: it is told losses.
//!
//! What it picks looks better than it is, because it was picked: finalists are estimated on futures that the search has not seen.

mod allocation;

pub use allocation::{halving, ocba};

use crate::estimate::{average, betting};
use crate::score::{self, LOSS_HIGH, LOSS_LOW};

/// Points of score below which two plans are as good as each other.
pub const INDIFFERENCE: f64 = 0.5;
/// Plans that OCBA decides among.
const LAST: usize = 6;
/// Share of trials in which a plan may fail more often than the most reliable one.
const FAILS_MORE: f64 = 0.1;
/// Trials OCBA gives away at a time.
const STEP: u32 = 16;

/// One trial of one plan.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Seen {
    /// Weighted minutes of outage that the plan adds to doing nothing, cut at ±[`LOSS_HIGH`].
    pub loss: f64,
    /// An operation of the plan failed, or did not end in time.
    pub failed: bool,
    /// Minutes from its start to its end; infinite where it did not end.
    pub minutes: f64,
    /// Hours of extra nodes.
    pub node_hours: f64,
}

/// How a search is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Trials of all plans together.
    pub budget: u64,
    /// Plans to pick by loss.
    pub finalists: usize,
    /// Plans to pick besides, because they are quicker or cheaper.
    pub others: usize,
}

/// What a search came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picked {
    /// The plans picked, by loss, then those picked for being quick or cheap.
    pub plans: Vec<usize>,
    /// Plans left out because they fail more often than others.
    pub failing: Vec<usize>,
    /// Trials used.
    pub trials: u64,
}

/// Picks the best of `plans` plans; `run` is asked for trials of one: its number, the index of the first trial, how many.
///
/// # Errors
/// Those of `run`.
pub fn pick<E>(
    plans: usize,
    options: Options,
    run: &mut dyn FnMut(usize, u32, u32) -> Result<Vec<Seen>, E>,
) -> Result<Picked, E> {
    let mut field = Field { seen: vec![Vec::new(); plans], trials: 0 };
    let mut left: Vec<usize> = (0..plans).collect();
    let mut failing = Vec::new();
    for (round, (_, each)) in halving(plans, options.budget).into_iter().enumerate() {
        if left.len() <= options.finalists.clamp(2, LAST) {
            break;
        }
        field.more(&left, each.clamp(1, u64::from(u32::MAX)) as u32, run)?;
        if round == 0 {
            failing = field.failing(&left);
            left.retain(|plan| !failing.contains(plan));
        }
        field.sort(&mut left);
        left.truncate(left.len().div_ceil(2).max(options.finalists.min(left.len()).min(LAST)));
    }
    field.share_out(&left, options.budget, run)?;
    field.sort(&mut left);
    left.truncate(options.finalists);
    let others = field.others(&left, &failing, options.others);
    left.extend(others);
    Ok(Picked { plans: left, failing, trials: field.trials })
}

struct Field {
    seen: Vec<Vec<Seen>>,
    trials: u64,
}

impl Field {
    fn more<E>(
        &mut self,
        plans: &[usize],
        each: u32,
        run: &mut dyn FnMut(usize, u32, u32) -> Result<Vec<Seen>, E>,
    ) -> Result<(), E> {
        for &plan in plans {
            let first = self.seen[plan].len() as u32;
            self.seen[plan].extend(run(plan, first, each)?);
            self.trials += u64::from(each);
        }
        Ok(())
    }

    fn mean(&self, plan: usize) -> f64 {
        average(&self.seen[plan].iter().map(|s| s.loss).collect::<Vec<_>>())
    }

    /// Best first; ties to the quicker plan, then to the first.
    fn sort(&self, plans: &mut [usize]) {
        let key = |plan: usize| (self.mean(plan), self.minutes(plan));
        plans.sort_by(|a, b| {
            let ((mean_a, minutes_a), (mean_b, minutes_b)) = (key(*a), key(*b));
            mean_a.total_cmp(&mean_b).then(minutes_a.total_cmp(&minutes_b)).then(a.cmp(b))
        });
    }

    fn minutes(&self, plan: usize) -> f64 {
        let mut all: Vec<f64> = self.seen[plan].iter().map(|s| s.minutes).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(f64::INFINITY)
    }

    fn node_hours(&self, plan: usize) -> f64 {
        average(&self.seen[plan].iter().map(|s| s.node_hours).collect::<Vec<_>>())
    }

    /// Plans that fail clearly more often than the most reliable one: fewer evictions because nothing is done is no merit.
    fn failing(&self, plans: &[usize]) -> Vec<usize> {
        let share = |plan: usize| {
            let seen = &self.seen[plan];
            seen.iter().filter(|s| s.failed).count() as f64 / seen.len().max(1) as f64
        };
        let least = plans.iter().map(|p| share(*p)).fold(1.0, f64::min);
        plans.iter().copied().filter(|p| share(*p) > least + FAILS_MORE).collect()
    }

    /// Gives the rest of the budget to the last plans, until the best of them is clear or as good as the others.
    fn share_out<E>(
        &mut self,
        plans: &[usize],
        budget: u64,
        run: &mut dyn FnMut(usize, u32, u32) -> Result<Vec<Seen>, E>,
    ) -> Result<(), E> {
        // Spreads want something to be taken of.
        let fresh: Vec<usize> = plans.iter().copied().filter(|p| self.seen[*p].len() < STEP as usize).collect();
        self.more(&fresh, STEP, run)?;
        while plans.len() > 1 && self.trials + u64::from(STEP) <= budget && !self.settled(plans) {
            let (means, spreads) = self.against_best(plans);
            let best = means.iter().copied().fold(f64::INFINITY, f64::min).max(LOSS_LOW);
            let floor = best * (10f64.powf(INDIFFERENCE / 20.0) - 1.0);
            let (_, shares) = ocba(&means, &spreads, floor);
            let total: f64 = plans.iter().map(|p| self.seen[*p].len() as f64).sum::<f64>() + f64::from(STEP);
            let lack = |i: &usize| shares[*i] * total - self.seen[plans[*i]].len() as f64;
            let next = (0..plans.len()).max_by(|a, b| lack(a).total_cmp(&lack(b)).then(b.cmp(a)));
            let Some(next) = next else { break };
            self.more(&[plans[next]], STEP, run)?;
        }
        Ok(())
    }

    /// Means, and spreads of the differences to the best plan; that of the best is the largest of them.
    fn against_best(&self, plans: &[usize]) -> (Vec<f64>, Vec<f64>) {
        let means: Vec<f64> = plans.iter().map(|p| self.mean(*p)).collect();
        let best = first_least(&means);
        let mut spreads: Vec<f64> =
            (0..plans.len()).map(|i| spread(&self.differences(plans[i], plans[best]))).collect();
        spreads[best] = spreads.iter().copied().fold(0.0, f64::max);
        (means, spreads)
    }

    /// By how much a plan loses more than another on the futures that both have seen.
    fn differences(&self, plan: usize, other: usize) -> Vec<f64> {
        self.seen[plan].iter().zip(&self.seen[other]).map(|(a, b)| a.loss - b.loss).collect()
    }

    /// True where every plan but the best is known to be worse, all at once, or is as good as it.
    fn settled(&self, plans: &[usize]) -> bool {
        let means: Vec<f64> = plans.iter().map(|p| self.mean(*p)).collect();
        let best = first_least(&means);
        let alpha = 0.05 / (plans.len() - 1).max(1) as f64;
        (0..plans.len()).filter(|i| *i != best).all(|i| {
            let near = score::score(means[i]) - score::score(means[best]) < INDIFFERENCE;
            let scaled: Vec<f64> = self
                .differences(plans[i], plans[best])
                .iter()
                .map(|d| (d / (4.0 * LOSS_HIGH) + 0.5).clamp(0.0, 1.0))
                .collect();
            near || betting(&scaled, alpha, 0.75).0 > 0.5
        })
    }

    /// Plans that no picked one beats in loss, time and node hours at once, the quickest first; for the loss a point of score
    /// counts.
    fn others(&self, picked: &[usize], failing: &[usize], most: usize) -> Vec<usize> {
        let beats = |a: usize, b: usize| {
            score::score(self.mean(a)) <= score::score(self.mean(b)) + INDIFFERENCE
                && self.minutes(a) <= self.minutes(b)
                && self.node_hours(a) <= self.node_hours(b)
        };
        let known = |p: &usize| !self.seen[*p].is_empty() && !picked.contains(p) && !failing.contains(p);
        let mut found: Vec<usize> =
            (0..self.seen.len()).filter(known).filter(|p| !picked.iter().any(|q| beats(*q, *p))).collect();
        let all = found.clone();
        found.retain(|p| !all.iter().any(|q| q != p && beats(*q, *p) && !(beats(*p, *q) && p < q)));
        found.sort_by(|a, b| self.mean(*a).total_cmp(&self.mean(*b)).then(a.cmp(b)));
        found.truncate(most);
        found
    }
}

fn first_least(values: &[f64]) -> usize {
    let least = (0..values.len()).min_by(|a, b| values[*a].total_cmp(&values[*b]).then(a.cmp(b)));
    least.unwrap_or(0)
}

/// Standard deviation.
fn spread(values: &[f64]) -> f64 {
    let mean = average(values);
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    (squares / (values.len().max(2) - 1) as f64).sqrt()
}

#[cfg(test)]
mod tests;
