//! What system pods carry besides traffic.

use simulator::random::Dist;

use super::log_normal;
use crate::coverage::Coverage;

/// From the readiness of an agent of the tunnel until its connection to the control plane stands.
pub fn tunnel_connect(coverage: &mut Coverage) -> Dist {
    coverage.assume(
        "connection of tunnel agents",
        "log-normal, median 20 s, sigma 0.5, after they are ready",
        "Azure/AKS issue 745: seconds to 2-3 min without exec and logs; the spread is judgement",
        'C',
    );
    log_normal(20.0, 0.5)
}

/// Before 1.19 the service controller took cordoned nodes out of load balancers (kubernetes/kubernetes PR 90823).
pub fn balancers_drop_cordoned(minor: u32) -> bool {
    minor < 19
}
