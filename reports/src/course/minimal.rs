//! Takes away what an outcome does not need, in chunks that get smaller.

use simulator::contingency::Contingency;

/// What is left when all that is not needed has gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reduced {
    /// What was taken away.
    pub without: Vec<Contingency>,
    /// What the last run met of the rest.
    pub left: Vec<Contingency>,
    /// Each of `left` was tried by itself, and is needed.
    pub proven: bool,
}

/// Takes contingencies away, those that are least in the order of [`Contingency`] first. `run` runs the trial without some of
/// them and says what it meets of the others, or `None` where the outcome is another; what it meets anew is tried too.
pub fn reduce(
    all: Vec<Contingency>,
    most_runs: usize,
    run: &mut dyn FnMut(&[Contingency]) -> Option<Vec<Contingency>>,
) -> Reduced {
    let mut size = all.len().max(1);
    let mut reduced = Reduced { without: Vec::new(), left: all, proven: false };
    reduced.left.sort_unstable();
    let mut runs = 0;
    loop {
        let (mut at, mut gone) = (0, false);
        while at < reduced.left.len() {
            if runs == most_runs {
                return reduced;
            }
            runs += 1;
            let chunk = &reduced.left[at..reduced.left.len().min(at + size)];
            let without = [&reduced.without[..], chunk].concat();
            match run(&without) {
                Some(left) => {
                    gone = true;
                    (reduced.without, reduced.left) = (without, left);
                    reduced.left.sort_unstable();
                }
                None => at += size,
            }
        }
        if size == 1 && !gone {
            return Reduced { proven: true, ..reduced };
        }
        size = (size / 2).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(n: u32) -> Contingency {
        Contingency::Burst { n }
    }

    /// Whether the outcome is the same, told which events are there.
    type Needs = fn(&dyn Fn(u32) -> bool) -> bool;

    /// An outcome that needs some of the events.
    fn reduce_to(needs: Needs, events: u32, most: usize) -> (Reduced, usize) {
        let mut runs = 0;
        let mut run = |without: &[Contingency]| {
            runs += 1;
            let there = |n: u32| !without.contains(&event(n));
            needs(&there).then(|| (0..events).filter(|n| there(*n)).map(event).collect())
        };
        (reduce((0..events).map(event).collect(), most, &mut run), runs)
    }

    #[test]
    fn what_is_left_is_needed_and_enough() {
        let table: [(&str, Needs, Vec<u32>); 5] = [
            ("one of many", |there| there(37), vec![37]),
            ("two far apart", |there| there(3) && there(59), vec![3, 59]),
            ("either of two: the one tried last", |there| there(5) || there(40), vec![40]),
            ("a pair or a third", |there| (there(1) && there(2)) || there(63), vec![63]),
            ("nothing", |_| true, vec![]),
        ];
        for (name, needs, expected) in table {
            let (reduced, runs) = reduce_to(needs, 64, 1000);
            assert_eq!(reduced.left, expected.into_iter().map(event).collect::<Vec<_>>(), "{name}");
            assert!(reduced.proven, "{name}");
            assert!(runs < 40, "{name}: {runs} runs");
        }
    }

    #[test]
    fn where_taking_away_brings_something_new_that_is_tried_as_well() {
        // Without 0 and 1, 7 comes up; the outcome needs 2 alone.
        let mut run = |without: &[Contingency]| {
            let there = |n: u32| !without.contains(&event(n));
            let new = (!there(0) && !there(1) && there(7)).then_some(7);
            there(2).then(|| (0..3).filter(|n| there(*n)).chain(new).map(event).collect())
        };
        let reduced = reduce((0..3).map(event).collect(), 100, &mut run);
        assert_eq!((reduced.left, reduced.proven), (vec![event(2)], true));
    }

    #[test]
    fn where_the_runs_do_not_suffice_that_is_said() {
        let (reduced, runs) = reduce_to(|there| there(3) && there(59), 64, 5);
        assert_eq!((reduced.proven, runs), (false, 5));
        assert!(reduced.left.contains(&event(3)) && reduced.left.contains(&event(59)));
    }
}
