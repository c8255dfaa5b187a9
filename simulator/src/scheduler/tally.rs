//! Numbers by topology domain.

/// Sums by domain; domains nobody added to are not there.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    dense: Vec<Option<i64>>,
    /// Instead of `dense` where the domains are the names of a few nodes out of many; sorted by domain.
    few: Vec<(usize, i64)>,
    sparse: bool,
    /// Further domains, each with a sum of 0, that are only counted.
    zeros: usize,
}

impl Tally {
    /// Starts anew. A sparse tally takes room by the number of its domains, not by the highest.
    pub fn clear(&mut self, sparse: bool) {
        self.dense.clear();
        self.few.clear();
        self.sparse = sparse;
        self.zeros = 0;
    }

    /// Adds to a domain, which from then on is there.
    #[inline]
    pub fn add(&mut self, domain: usize, count: i64) {
        if self.sparse {
            match self.few.binary_search_by_key(&domain, |entry| entry.0) {
                Ok(at) => self.few[at].1 += count,
                Err(at) => self.few.insert(at, (domain, count)),
            }
            return;
        }
        if self.dense.len() <= domain {
            self.dense.resize(domain + 1, None);
        }
        *self.dense[domain].get_or_insert(0) += count;
    }

    /// Adds to a domain that is there.
    #[inline]
    pub fn raise(&mut self, domain: usize, count: impl FnOnce() -> i64) {
        if self.sparse {
            if let Ok(at) = self.few.binary_search_by_key(&domain, |entry| entry.0) {
                self.few[at].1 += count();
            }
        } else if let Some(Some(sum)) = self.dense.get_mut(domain) {
            *sum += count();
        }
    }

    /// Notes so many domains with a sum of 0 that are not named.
    pub fn add_zeros(&mut self, domains: usize) {
        self.zeros += domains;
    }

    /// The sum of a domain; 0 where it is not there.
    #[inline]
    pub fn at(&self, domain: usize) -> i64 {
        if self.sparse {
            return self.few.binary_search_by_key(&domain, |entry| entry.0).map_or(0, |at| self.few[at].1);
        }
        self.dense.get(domain).copied().flatten().unwrap_or(0)
    }

    /// Number of domains that are there.
    pub fn domains(&self) -> usize {
        self.zeros + self.few.len() + self.dense.iter().flatten().count()
    }

    /// The lowest sum of any domain.
    pub fn least(&self) -> Option<i64> {
        let zero = (self.zeros > 0).then_some(0);
        self.sums().chain(zero).min()
    }

    /// True where some sum is not 0.
    pub fn any(&self) -> bool {
        self.sums().any(|sum| sum != 0)
    }

    fn sums(&self) -> impl Iterator<Item = i64> + '_ {
        self.dense.iter().flatten().copied().chain(self.few.iter().map(|entry| entry.1))
    }
}
