//! What is counted and scored as one: to the plain scan every node, to the index groups of nodes that differ in nothing
//! but their names and what they hold.

use super::NodeView;

/// One node, or a group of nodes that have all labels in common but that of the host name.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The node, or one that stands for the group; its `pods` are then those of the whole group.
    pub view: NodeView<'a>,
    /// What it speaks for.
    pub extent: Extent,
}

/// What a place speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// A node with all of its labels.
    Node,
    /// A node out of a group that speaks for it, but for its host name.
    Listed,
    /// A group of `nodes`, without host names; `unlisted` of them are not listed besides.
    Group {
        /// All nodes of the group.
        nodes: usize,
        /// Those that nothing but the group speaks for.
        unlisted: usize,
    },
}

impl<'a> Place<'a> {
    /// A node for itself.
    #[inline]
    pub fn node(view: NodeView<'a>) -> Place<'a> {
        Place { view, extent: Extent::Node }
    }

    /// Its pods count by their host name (true), or by the other labels (false).
    #[inline]
    pub fn speaks_for(&self, hostname: bool) -> bool {
        match self.extent {
            Extent::Node => true,
            Extent::Listed => hostname,
            Extent::Group { .. } => !hostname,
        }
    }

    /// Nodes of which only the group speaks.
    #[inline]
    pub fn unlisted(&self) -> usize {
        match self.extent {
            Extent::Group { unlisted, .. } => unlisted,
            _ => 0,
        }
    }

    /// Nodes it stands for when labels are counted.
    #[inline]
    pub fn nodes(&self) -> usize {
        match self.extent {
            Extent::Node => 1,
            Extent::Listed => 0,
            Extent::Group { nodes, .. } => nodes,
        }
    }
}
