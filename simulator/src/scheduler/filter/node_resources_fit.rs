//! NodeResourcesFit: a node must hold the pod's requests beside what it already runs. All resources that lack are named;
//! where a request exceeds what the node has in all, removing pods cannot help (kube-scheduler v1.34.1 `fitsRequest`).

use crate::scheduler::compat::Asked;
use crate::scheduler::{NodeView, Rejection, Shortage};
use crate::spec::Resources;

/// Refuses nodes without room.
#[inline]
pub fn filter(pod: &Asked, node: &NodeView) -> Result<(), Rejection> {
    let has = pod.compat.allocatable(node.shape);
    let shortage = match node.reserved {
        None => shortage(pod, has, node.used),
        Some(reserved) => shortage(pod, has, &sum(node.used, reserved)),
    };
    if shortage.none() {
        Ok(())
    } else {
        Err(Rejection::Resources(shortage))
    }
}

#[inline]
fn shortage(pod: &Asked, has: &Resources, used: &Resources) -> Shortage {
    let asked = &pod.row.shape.requests;
    let mut short = Shortage::default();
    if used.pods.saturating_add(1) > has.pods {
        short.add(Shortage::PODS, false);
    }
    let mut want = |resource, asked: i64, has: i64, used: i64| {
        if asked > 0 && asked > has.saturating_sub(used) {
            short.add(resource, asked > has);
        }
    };
    want(Shortage::CPU, asked.cpu, has.cpu, used.cpu);
    want(Shortage::MEMORY, asked.memory, has.memory, used.memory);
    want(
        Shortage::EPHEMERAL,
        asked.ephemeral,
        has.ephemeral,
        used.ephemeral,
    );
    if pod.row.extended {
        for (i, &asked) in asked.extended.iter().enumerate() {
            want(
                Shortage::extended(i),
                asked,
                has.extended[i],
                used.extended[i],
            );
        }
    }
    short
}

fn sum(a: &Resources, b: &Resources) -> Resources {
    Resources {
        cpu: a.cpu.saturating_add(b.cpu),
        memory: a.memory.saturating_add(b.memory),
        ephemeral: a.ephemeral.saturating_add(b.ephemeral),
        pods: a.pods.saturating_add(b.pods),
        extended: std::array::from_fn(|i| a.extended[i].saturating_add(b.extended[i])),
    }
}
