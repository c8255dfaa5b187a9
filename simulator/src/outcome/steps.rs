//! A count on a grid of equal steps that seldom changes: what is kept is its changes.

/// A count for each step, as long a row as was pushed. The up replicas of a workload over 240 steps change in a few of them:
/// a row takes tens of bytes where a plain one takes hundreds, and thousands of trials are kept of clusters with hundreds of
/// workloads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// From which step on, and how many.
    changes: Vec<(u16, u16)>,
    len: u16,
}

impl Steps {
    /// Adds a step, up to 65,535 of them.
    pub fn push(&mut self, count: u16) {
        if self.len == u16::MAX {
            return;
        }
        if self.changes.last().is_none_or(|(_, last)| *last != count) {
            self.changes.push((self.len, count));
        }
        self.len += 1;
    }

    /// The count of a step, counted from 0.
    pub fn get(&self, step: usize) -> Option<u16> {
        let step = u16::try_from(step).ok().filter(|step| *step < self.len)?;
        let after = self.changes.partition_point(|(from, _)| *from <= step);
        self.changes.get(after.checked_sub(1)?).map(|(_, count)| *count)
    }

    /// Number of steps.
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// True without any step.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The smallest count of these steps, where there is one.
    pub fn fewest(&self, steps: std::ops::Range<usize>) -> Option<u16> {
        steps.filter_map(|step| self.get(step)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_was_pushed() {
        for counts in [&[][..], &[3], &[2, 2, 2, 1, 1, 2, 0, 0], &[0, 5, 0, 5]] {
            let mut steps = Steps::default();
            counts.iter().for_each(|count| steps.push(*count));
            assert_eq!((steps.len(), steps.is_empty()), (counts.len(), counts.is_empty()));
            let back: Vec<u16> = (0..=counts.len()).map_while(|step| steps.get(step)).collect();
            assert_eq!(back, counts);
            assert_eq!(steps.fewest(0..99), counts.iter().min().copied());
            assert_eq!((steps.fewest(0..0), steps.get(usize::MAX)), (None, None));
        }
    }

    #[test]
    fn a_row_has_an_end() {
        let mut steps = Steps::default();
        (0..70_000_u32).for_each(|step| steps.push((step % 7) as u16));
        assert_eq!((steps.len(), steps.get(65_534), steps.get(65_535)), (65_535, Some((65_534 % 7) as u16), None));
    }
}
