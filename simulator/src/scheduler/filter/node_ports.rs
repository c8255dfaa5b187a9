//! NodePorts: a host port may be held once per address and protocol; `0.0.0.0` stands for every address.

use crate::scheduler::compat::Asked;
use crate::scheduler::{NodeView, Rejection};
use crate::spec::HostPort;

/// Refuses nodes where a wanted port is held.
#[inline]
pub fn filter(pod: &Asked, node: &NodeView) -> Result<(), Rejection> {
    let conflicts = &pod.row.conflicts;
    if conflicts.is_empty() {
        return Ok(());
    }
    let promised = node.promised.map_or(&[][..], |promised| &promised.ports);
    match node.ports.iter().chain(promised).any(|port| conflicts[usize::from(*port)]) {
        true => Err(Rejection::Ports),
        false => Ok(()),
    }
}

/// True where two ports cannot be held on one node (kube-scheduler v1.34.1 `HostPortInfo.CheckConflict`).
pub fn conflict(a: &HostPort, b: &HostPort) -> bool {
    let any = |port: &HostPort| port.ip.is_empty() || port.ip == "0.0.0.0";
    a.port == b.port && protocol(a) == protocol(b) && (any(a) || any(b) || a.ip == b.ip)
}

fn protocol(port: &HostPort) -> &str {
    if port.protocol.is_empty() { "TCP" } else { &port.protocol }
}
