//! Limits for the mean of values in [0, 1].
//!
//! Betting (hedged capital, Waudby-Smith and Ramdas 2024): for each candidate mean m, bet on the values lying above and
//! below m in turn; a mean against which a bettor has multiplied his stake by 1/alpha is refuted. Valid for any
//! distribution on [0, 1], also when trials are added later, as long as they are taken in the order of their index: it is
//! a confidence sequence. The bounds of empirical Bernstein type are several times wider where most trials lose nothing;
//! they stand beside it in the tests.

/// How much of the greatest possible stake a bettor may risk in reports. 3/4 instead of the usual 1/2: most trials of a
/// safe change lose nothing, and the upper limit then shrinks with the stake.
pub const REPORT_CAP: f64 = 0.75;

/// Limits of the betting confidence sequence after the last value, at level `1 - alpha`; `cap` in (0, 1) bounds the stake.
pub fn betting(values: &[f64], alpha: f64, cap: f64) -> (f64, f64) {
    let mut bets = Betting::new(alpha, cap);
    values.iter().for_each(|y| bets.push(*y));
    bets.within((0.0, 1.0))
}

/// The bets on the values so far.
#[derive(Clone, Debug)]
struct Betting {
    alpha: f64,
    cap: f64,
    values: Vec<f64>,
    stakes: Vec<f64>,
    /// Sum of the values, and of the squares of their deviations from the means so far, each with a first guess.
    sum: f64,
    squares: f64,
}

impl Betting {
    fn new(alpha: f64, cap: f64) -> Betting {
        Betting { alpha, cap, values: Vec::new(), stakes: Vec::new(), sum: 0.5, squares: 0.25 }
    }

    /// Adds a value. Its stake comes from the values before it: `sqrt(2 ln(2/alpha) / (variance t ln(1 + t)))`.
    fn push(&mut self, y: f64) {
        let t = (self.values.len() + 1) as f64;
        let variance = self.squares / t;
        self.stakes.push((2.0 * (2.0 / self.alpha).ln() / (variance * t * t.ln_1p())).sqrt());
        self.values.push(y);
        self.sum += y;
        let off = y - self.sum / (t + 1.0);
        self.squares += off * off;
    }

    /// The part of an interval that is not refuted. The capital of the bettor on values above falls with the mean and
    /// that of the bettor on values below rises: each end is one bisection, and none where the end still stands, as the
    /// ends given here do until the next value.
    fn within(&self, (low, high): (f64, f64)) -> (f64, f64) {
        let above = |m: f64| self.refuted(|stake, y| 1.0 + stake.min(self.cap / m) * (y - m));
        let below = |m: f64| self.refuted(|stake, y| 1.0 - stake.min(self.cap / (1.0 - m)) * (y - m));
        let first = low.max(f64::MIN_POSITIVE);
        let last = high.min(1.0 - f64::EPSILON);
        let new_low = if above(first) { bisect(low, high, |m| !above(m)).1 } else { low };
        let new_high = if below(last) { bisect(low, high, below).0 } else { high };
        (new_low.min(new_high), new_high.max(new_low))
    }

    fn refuted(&self, factor: impl Fn(f64, f64) -> f64) -> bool {
        growth(&self.values, &self.stakes, factor) >= (2.0 / self.alpha).ln()
    }
}

/// The mean of values in `[least, most]` while they come in; its limits are the intersection over all looks.
#[derive(Clone, Debug)]
pub(super) struct RunningMean {
    least: f64,
    width: f64,
    sum: f64,
    bets: Betting,
    within: (f64, f64),
}

impl RunningMean {
    /// Before the first value, at level `1 - alpha`.
    pub fn new(alpha: f64, least: f64, most: f64) -> RunningMean {
        let bets = Betting::new(alpha, REPORT_CAP);
        RunningMean { least, width: most - least, sum: 0.0, bets, within: (0.0, 1.0) }
    }

    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        self.sum += value;
        self.bets.push(((value - self.least) / self.width).clamp(0.0, 1.0));
    }

    /// What is refuted now stays refuted.
    pub fn look(&mut self) {
        self.within = self.bets.within(self.within);
    }

    /// The mean, and its limits.
    pub fn parts(&self) -> (f64, f64, f64) {
        let (low, high) = self.bets.within(self.within);
        let mean = self.sum / self.bets.values.len().max(1) as f64;
        (mean, self.least + low * self.width, self.least + high * self.width)
    }
}

/// Logarithm of the product of all factors; logarithms are taken of blocks, since they cost most.
fn growth(values: &[f64], stakes: &[f64], factor: impl Fn(f64, f64) -> f64) -> f64 {
    let block = |(ys, ls): (&[f64], &[f64])| ys.iter().zip(ls).map(|(y, l)| factor(*l, *y)).product::<f64>().ln();
    values.chunks(32).zip(stakes.chunks(32)).map(block).sum()
}

/// Both sides of the place in an interval where a rising condition begins to hold, as near as tells in nine digits.
fn bisect(mut low: f64, mut high: f64, reached: impl Fn(f64) -> bool) -> (f64, f64) {
    while high - low > 1e-13 {
        let middle = 0.5 * (low + high);
        if reached(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_lost_shrinks_with_the_number_of_trials() {
        let width = |n: usize| {
            let (low, high) = betting(&vec![0.5; n], 0.05, REPORT_CAP);
            assert!(low < 0.5 && high > 0.5);
            high - low
        };
        assert!(width(10_000) < width(1000) / 8.0);
    }

    /// Coverage on the kind of data reports see: most values at the middle (no difference), few far above.
    #[test]
    fn covers_rare_large_differences() {
        let mut state = 12345_u64;
        let mut uniform = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let truth = 0.5 + 0.01 * 0.4;
        let missed = (0..400)
            .filter(|_| {
                let values: Vec<f64> = (0..500).map(|_| if uniform() < 0.01 { 0.9 } else { 0.5 }).collect();
                let (low, high) = betting(&values, 0.05, REPORT_CAP);
                truth < low || truth > high
            })
            .count();
        assert!(missed <= 20, "missed {missed} of 400");
    }
}
