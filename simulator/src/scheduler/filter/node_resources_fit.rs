//! NodeResourcesFit: a node must hold the pod's requests beside what it already runs. All resources that lack are named;
//! where a request exceeds what the node has in all, removing pods cannot help (kube-scheduler v1.34.1 `fitsRequest`).

use crate::scheduler::compat::Asked;
use crate::scheduler::{NodeView, Rejection, Shortage};
use crate::spec::{EXTENDED, Resources};

/// Refuses nodes without room.
#[inline]
pub fn filter(pod: &Asked, node: &NodeView) -> Result<(), Rejection> {
    let has = pod.compat.allocatable(node.shape);
    match node.promised {
        None => room(pod, has, node.used),
        Some(promised) => room(pod, has, &sum(node.used, &promised.requests)),
    }
}

#[inline]
fn room(pod: &Asked, has: &Resources, used: &Resources) -> Result<(), Rejection> {
    let asked = &pod.row.shape.requests;
    let extended = || (0..EXTENDED).all(|i| fits(asked.extended[i], has.extended[i], used.extended[i]));
    let room = used.pods < has.pods
        && fits(asked.cpu, has.cpu, used.cpu)
        && fits(asked.memory, has.memory, used.memory)
        && fits(asked.ephemeral, has.ephemeral, used.ephemeral)
        && (!pod.row.extended || extended());
    if room { Ok(()) } else { Err(Rejection::Resources(shortage(asked, has, used))) }
}

/// What is not asked for is not looked at, however overcommitted the node is.
#[inline]
fn fits(asked: i64, has: i64, used: i64) -> bool {
    asked <= has.wrapping_sub(used) || asked <= 0
}

/// Everything that lacks.
fn shortage(asked: &Resources, has: &Resources, used: &Resources) -> Shortage {
    let mut short = Shortage::default();
    if used.pods >= has.pods {
        short.add(Shortage::PODS, false);
    }
    let mut want = |resource, asked: i64, has: i64, used: i64| {
        if !fits(asked, has, used) {
            short.add(resource, asked > has);
        }
    };
    want(Shortage::CPU, asked.cpu, has.cpu, used.cpu);
    want(Shortage::MEMORY, asked.memory, has.memory, used.memory);
    want(Shortage::EPHEMERAL, asked.ephemeral, has.ephemeral, used.ephemeral);
    for i in 0..EXTENDED {
        want(Shortage::extended(i), asked.extended[i], has.extended[i], used.extended[i]);
    }
    short
}

fn sum(a: &Resources, b: &Resources) -> Resources {
    Resources {
        cpu: a.cpu.saturating_add(b.cpu),
        memory: a.memory.saturating_add(b.memory),
        ephemeral: a.ephemeral.saturating_add(b.ephemeral),
        pods: a.pods.saturating_add(b.pods),
        disks: a.disks.saturating_add(b.disks),
        extended: std::array::from_fn(|i| a.extended[i].saturating_add(b.extended[i])),
    }
}
