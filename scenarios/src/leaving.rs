//! Which nodes a manual scale-down takes. AKS promises no order; scale sets balance zones, then take the highest instance
//! id (VMSS default scale-in policy; seen in azure-cli-extensions#912, AKS#2767).

use std::collections::BTreeMap;

use crate::snapshot::Node;

/// The node that goes next: from the zone with most nodes, the highest instance number.
pub(crate) fn next_to_go<'a>(nodes: &[&'a Node]) -> Option<&'a Node> {
    let sizes = by_zone(nodes);
    let key = |n: &Node| (sizes.get(n.zone()).copied().unwrap_or(0), ordinal(&n.name));
    nodes.iter().copied().max_by(|a, b| key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name)))
}

/// The nodes that go until `left` remain.
pub(crate) fn until(mut nodes: Vec<&Node>, left: usize) -> Vec<&Node> {
    let mut gone = Vec::new();
    while nodes.len() > left {
        let Some(node) = next_to_go(&nodes) else {
            break;
        };
        nodes.retain(|n| n.name != node.name);
        gone.push(node);
    }
    gone
}

/// Number of nodes by zone.
pub(crate) fn by_zone<'a>(nodes: &[&'a Node]) -> BTreeMap<&'a str, usize> {
    let mut sizes = BTreeMap::new();
    for node in nodes {
        *sizes.entry(node.zone()).or_insert(0) += 1;
    }
    sizes
}

/// Instance number of a scale set node: the last six characters of its name, in base 36; 0 for other names.
pub(crate) fn ordinal(name: &str) -> u64 {
    split(name).and_then(|(_, digits)| u64::from_str_radix(digits, 36).ok()).unwrap_or(0)
}

/// Name of a scale set node without and with its instance number.
pub(crate) fn split(name: &str) -> Option<(&str, &str)> {
    let (stem, digits) = name.split_at_checked(name.len().checked_sub(6)?)?;
    (stem.ends_with("vmss") && digits.bytes().all(|b| b.is_ascii_alphanumeric())).then_some((stem, digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, zone: &str) -> Node {
        let labels = [("topology.kubernetes.io/zone".to_owned(), zone.to_owned())].into();
        Node { name: name.into(), labels, ..Node::default() }
    }

    fn order(nodes: &[(&str, &str)], left: usize) -> Vec<String> {
        let nodes: Vec<Node> = nodes.iter().map(|(n, z)| node(n, z)).collect();
        until(nodes.iter().collect(), left).iter().map(|n| n.name.clone()).collect()
    }

    #[test]
    fn the_fullest_zone_gives_first_then_the_highest_number() {
        let nodes = [
            ("a-vmss000000", "w-1"),
            ("a-vmss000001", "w-2"),
            ("a-vmss000002", "w-1"),
            ("a-vmss00000z", "w-2"),
            ("a-vmss000010", "w-2"),
        ];
        assert_eq!(order(&nodes, 1), ["a-vmss000010", "a-vmss00000z", "a-vmss000002", "a-vmss000001"]);
        assert_eq!(order(&nodes, 9), Vec::<String>::new());
    }

    #[test]
    fn odd_names_go_by_name() {
        assert_eq!(order(&[("b", "0"), ("c", "0"), ("a", "0")], 1), ["c", "b"]);
        assert_eq!(ordinal("vmss"), 0);
        assert_eq!(ordinal("äöüäöü"), 0);
    }
}
