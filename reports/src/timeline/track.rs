//! The states that one thing goes through.

/// States over time, in microseconds of simulated time.
#[derive(Clone, Debug)]
pub struct Track<S> {
    /// Changes of state; `None` while it does not exist.
    pub turns: Vec<(u64, Option<S>)>,
}

impl<S: Clone + PartialEq> Track<S> {
    /// Of something that does not exist yet.
    pub fn absent() -> Track<S> {
        Track { turns: Vec::new() }
    }

    /// Of something that is there from the beginning.
    pub fn beginning(state: S) -> Track<S> {
        Track { turns: vec![(0, Some(state))] }
    }

    /// The state it is in.
    pub fn now(&self) -> Option<&S> {
        self.turns.last().and_then(|(_, state)| state.as_ref())
    }

    /// Goes on to another state, or out of existence.
    pub fn turn(&mut self, at: u64, next: Option<S>) {
        if self.turns.is_empty() || self.now() != next.as_ref() {
            self.turns.push((at, next));
        }
    }

    /// How often it has changed since the beginning.
    pub fn changes(&self) -> usize {
        self.turns.iter().filter(|(at, _)| *at > 0).count()
    }

    /// Each state with its begin and end, those of no length left out.
    pub fn stays(&self, end: u64) -> Vec<(S, u64, u64)> {
        let ends = self.turns.iter().skip(1).map(|(at, _)| *at).chain([end]);
        self.turns
            .iter()
            .zip(ends)
            .filter_map(|((from, state), to)| state.clone().map(|state| (state, *from, to)))
            .filter(|(_, from, to)| to > from)
            .collect()
    }
}
