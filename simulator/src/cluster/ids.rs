//! Typed indices into the columns of a cluster. An id is meaningful only for the spec or run it came from.

use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// A typed index.
pub trait Id: Copy {
    /// Position in the column.
    fn index(self) -> usize;
    /// The id at a position.
    fn from_index(i: usize) -> Self;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);
        impl Id for $name {
            fn index(self) -> usize {
                self.0 as usize
            }
            fn from_index(i: usize) -> Self {
                $name(i as u32)
            }
        }
    )*};
}

ids! {
    /// A node pool.
    PoolId
    /// A node: those of the snapshot first, in order, then those created during the run.
    NodeId
    /// A pod slot. Slots are reused; the pod's epoch tells its tenants apart.
    PodId
    /// A workload (what owns pods).
    WorkloadId
    /// A PodDisruptionBudget.
    BudgetId
    /// An interned node shape.
    NodeShapeId
    /// An interned pod shape.
    PodShapeId
    /// A node drain in progress or done.
    DrainId
    /// An availability zone.
    ZoneId
    /// Something that nodes of several pools use up together.
    SupplyId
    /// An admission webhook.
    WebhookId
}

/// A vector indexed by a typed id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column<I, T> {
    rows: Vec<T>,
    id: PhantomData<fn(I)>,
}

impl<I, T> Default for Column<I, T> {
    fn default() -> Self {
        Column { rows: Vec::new(), id: PhantomData }
    }
}

impl<I: Id, T> Column<I, T> {
    /// Appends a row and returns its id.
    pub fn push(&mut self, row: T) -> I {
        self.rows.push(row);
        I::from_index(self.rows.len() - 1)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Rows with their ids, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (I, &T)> + ExactSizeIterator {
        self.rows.iter().enumerate().map(|(i, row)| (I::from_index(i), row))
    }

    /// Every id, in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = I> + ExactSizeIterator + use<I, T> {
        (0..self.rows.len()).map(I::from_index)
    }

    /// The rows as a slice.
    pub fn rows(&self) -> &[T] {
        &self.rows
    }

    /// The rows as a mutable slice.
    pub fn rows_mut(&mut self) -> &mut [T] {
        &mut self.rows
    }

    /// The row of an id, if there is one.
    pub fn get(&self, id: I) -> Option<&T> {
        self.rows.get(id.index())
    }

    /// Removes all rows and keeps the room.
    pub fn clear(&mut self) {
        self.rows.clear();
    }
}

impl<I: Id, T: Clone> Column<I, T> {
    /// Makes the column `len` rows long, filling with `row`.
    pub fn resize(&mut self, len: usize, row: T) {
        self.rows.resize(len, row);
    }

    /// Becomes a copy of `other` without giving up its room.
    pub fn copy_from(&mut self, other: &Self) {
        self.rows.clone_from(&other.rows);
    }
}

impl<I: Id, T> Index<I> for Column<I, T> {
    type Output = T;
    fn index(&self, id: I) -> &T {
        &self.rows[id.index()]
    }
}

impl<I: Id, T> IndexMut<I> for Column<I, T> {
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.rows[id.index()]
    }
}

impl<I, T> From<Vec<T>> for Column<I, T> {
    fn from(rows: Vec<T>) -> Self {
        Column { rows, id: PhantomData }
    }
}
