//! What a pod shape's filters and scores say of a whole group, whatever its nodes hold: found out once for each shape and group.
//!
//! Exact because nodes of a group have all in common that is asked here (labels, taints, images, cordon and condition), and a
//! shape that asks for names is not decided by the index at all.

use super::groups::Groups;
use super::levels::GroupId;
use crate::scheduler::census::{has_keys, included};
use crate::scheduler::compat::Asked;
use crate::scheduler::{filter, score};

/// The groups before one pod shape.
#[derive(Clone, Debug, Default)]
pub(super) struct Standings {
    groups: Vec<Standing>,
    /// By group and soft spread constraint.
    seats: Vec<Seat>,
    /// Soft spread constraints of the shape.
    soft: usize,
}

/// One group before one pod shape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// Taints, affinity, volumes and conditions do not keep the pod off.
    pub admits: bool,
    /// The scores of the group without those that depend on what its nodes hold.
    pub raw: score::Raw,
    /// Soft spread constraints pass over its nodes.
    pub ignored: bool,
}

/// One group before one soft spread constraint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    /// Domain of its nodes; any number for host names, `None` without the label.
    pub domain: Option<usize>,
    /// Its pods are counted.
    pub counts: bool,
}

impl Standings {
    /// As if no group were known.
    pub fn clear(&mut self) {
        self.groups.clear();
        self.seats.clear();
    }

    /// Looks at groups that have come since.
    pub fn grow(&mut self, asked: &Asked, groups: &Groups) {
        for id in self.groups.len()..groups.len() {
            let node = groups.place(id as GroupId, &[], 0).view;
            let soft = asked.row.peers.as_ref().map_or(&[][..], |peers| &peers.soft);
            self.soft = soft.len();
            self.groups.push(Standing {
                admits: filter::by_kind(asked, &node).is_ok(),
                raw: score::kind(asked, &node),
                ignored: asked.row.peers.as_ref().is_some_and(|p| p.all_keys) && !has_keys(asked, soft, &node),
            });
            self.seats.extend(soft.iter().map(|constraint| Seat {
                domain: asked.compat.topology().domain(constraint.key, &node),
                counts: included(asked, constraint, &node),
            }));
        }
    }

    /// A group.
    #[inline]
    pub fn of(&self, group: GroupId) -> &Standing {
        &self.groups[usize::from(group)]
    }

    /// A group before one of the soft constraints.
    #[inline]
    pub fn seat(&self, group: GroupId, constraint: usize) -> &Seat {
        &self.seats[usize::from(group) * self.soft + constraint]
    }
}
