//! Cases of the rules about admission webhooks.

use super::{Expect, Row, node_name, pod, rows};
use crate::change::Operation;
use crate::snapshot::{Selector, Service, Snapshot, Webhook};

fn drain(i: usize) -> Operation {
    Operation::Drain { nodes: vec![node_name("apps", i)] }
}

fn app(name: &str) -> Selector {
    Selector { labels: [("app".to_owned(), name.to_owned())].into(), expressions: Vec::new() }
}

/// A webhook of namespace policy, whose pods stand on these nodes of `apps`, asked about some pods.
fn hook(s: &mut Snapshot, nodes: &[usize], edit: fn(&mut Webhook)) {
    for (i, node) in nodes.iter().enumerate() {
        let mut pod = pod("policy", "hook", *node, "apps");
        pod.name = format!("hook-{i}");
        s.pods.push(pod);
    }
    let selector = Some(app("hook").labels);
    s.services.push(Service { namespace: "policy".into(), name: "hook".into(), selector, ..Service::default() });
    let mut webhook = Webhook {
        name: "policy/check".into(),
        service: Some(("policy".into(), "hook".into())),
        fails_closed: true,
        objects: app("web"),
        timeout_seconds: 10,
        creations: true,
        enforced: true,
        ..Webhook::default()
    };
    edit(&mut webhook);
    s.webhooks.push(webhook);
}

pub(super) fn rows() -> Vec<Row> {
    rows! {
        "webhook-blocks-itself" {
            Warning: |s| hook(s, &[0, 1], |w| w.objects = Selector::default()), "apps", drain(0);
            Quiet: |s| hook(s, &[0, 1], |_| ()), "apps", drain(0);
            Quiet: |s| hook(s, &[0, 1], |w| { w.objects = Selector::default(); w.fails_closed = false; }), "apps", drain(0);
        }
        "webhook-on-one-node" {
            Warning: |s| hook(s, &[0, 0], |_| ()), "apps", drain(0);
            Quiet: |s| hook(s, &[0, 1], |_| ()), "apps", drain(0);
            Quiet: |s| hook(s, &[0, 0], |_| ()), "apps", drain(1);
            Quiet: |s| hook(s, &[0, 0], |w| w.service = None), "apps", drain(0);
        }
        "webhook-on-evictions" {
            Info: |s| hook(s, &[1, 2], |w| { w.evictions = true; w.objects = Selector::default(); }), "apps", drain(0);
            Quiet: |s| hook(s, &[1, 2], |w| w.evictions = true), "apps", drain(0);
            Quiet: |s| hook(s, &[1, 2], |w| w.objects = Selector::default()), "apps", drain(0);
        }
    }
}
