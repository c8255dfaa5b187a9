//! Case studies that ship with the program: a cluster before and after its node pools were put in order, and the change
//! and load that hurt it. The stories follow published accounts of AKS teams, told in our own words; sizes, requests and
//! loads are ours, chosen to be usual for such clusters, since the accounts give none. What an account reports is quoted as
//! reported, never as a result of ours.
//!
//! The files lie in `scenarios/examples/<name>/<before|after>/`: `snapshot.json` and one file for each change message.

/// One case study.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// Short name; also the folder of its files.
    pub name: &'static str,
    /// One line.
    pub title: &'static str,
    /// What happened, in a few sentences.
    pub story: &'static str,
    /// What was changed about the cluster.
    pub fix: &'static str,
    /// What the account reports of the time after.
    pub reported: &'static str,
    /// The cluster that was hurt.
    pub before: Design,
    /// The same cluster after the fix.
    pub after: Design,
}

/// A cluster and what is to be done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Design {
    /// Name of the snapshot in a store, as the messages refer to it.
    pub snapshot_ref: &'static str,
    /// The snapshot, a `poolproof.snapshot/1` document.
    pub snapshot: &'static str,
    /// The change messages, in the order in which they are carried out.
    pub changes: &'static [Message],
}

/// A change message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its file name.
    pub file: &'static str,
    /// Its content.
    pub text: &'static str,
}

impl Case {
    /// Both designs with what they are called.
    pub fn designs(&self) -> [(&'static str, &Design); 2] {
        [("before", &self.before), ("after", &self.after)]
    }
}

/// A design from the files of a case.
macro_rules! design {
    ($case:literal, $side:literal, $($file:literal),+) => {
        Design {
            snapshot_ref: concat!($case, "-", $side),
            snapshot: include_str!(concat!("../examples/", $case, "/", $side, "/snapshot.json")),
            changes: &[$(Message {
                file: $file,
                text: include_str!(concat!("../examples/", $case, "/", $side, "/", $file)),
            }),+],
        }
    };
}

/// The case studies, in the order in which they are shown.
pub fn cases() -> &'static [Case] {
    &CASES
}

static CASES: [Case; 6] = [
    Case {
        name: "storm-season",
        title: "Storm-season bursts on a single pool",
        story: "An insurer runs its claims services and the cluster's own pods on one pool. Before the season two of its \
            seven nodes are given back. When storms send claims up to several times the usual, the services take the \
            CPU of the nodes that also answer DNS, and names stop resolving.",
        fix: "A system pool of three nodes, tainted CriticalAddonsOnly=true:NoSchedule; the claims services keep seven \
            nodes of their own and are selected onto them.",
        reported: "64 % fewer DNS-related tickets in the next storm season; the add-ons stayed within their targets \
            during two large events.",
        before: design!("storm-season", "before", "change.json"),
        after: design!("storm-season", "after", "change.json"),
    },
    Case {
        name: "research-maintenance",
        title: "Maintenance below running experiments",
        story: "A university shares one pool between research jobs and the system pods. While an image upgrade moves \
            pods from node to node, two projects reach the busy part of their runs. DNS pods find themselves on nodes \
            that experiments have filled, and get their small share of the cores.",
        fix: "A tainted system pool, and a labelled and tainted pool for research that may shrink between runs. The \
            same upgrade now moves experiments only.",
        reported: "CPU pressure on the system pool fell by 37 % at research peaks; every reviewed deployment was placed \
            on a user pool.",
        before: design!("research-maintenance", "before", "change.json"),
        after: design!("research-maintenance", "after", "change.json"),
    },
    Case {
        name: "holiday-maintenance",
        title: "The wrong pool drained before the holidays",
        story: "A retailer's two pools look alike, and the shop runs on both. An emergency patch drains the first, which \
            is the system pool: shop and system pods crowd onto the other one just as holiday traffic rises, and DNS is \
            short of CPU until the peak is over.",
        fix: "The first pool becomes a user pool for the shop, and the system pods move to a tainted system pool. The \
            same drain leaves them where they are.",
        reported: "No incident of cluster services in the peak season; the patch rehearsal took 16 minutes in place of 40.",
        before: design!("holiday-maintenance", "before", "change.json"),
        after: design!("holiday-maintenance", "after", "change.json"),
    },
    Case {
        name: "checkout-and-batch",
        title: "Checkout beside a nightly batch",
        story: "A grocer runs checkout, inventory jobs and system pods on the same eight nodes. Two of them are given \
            back to save money. The jobs have three peaks in the night; on six nodes they leave DNS less CPU than its \
            queries need.",
        fix: "A pool for checkout, a tainted pool of cheaper nodes for the batch, and a tainted system pool. Giving back \
            two batch nodes slows the batch and nothing else.",
        reported: "95th percentile of checkout latency in promotions down from 720 ms to 310 ms; no critical system pod \
            evicted in three traffic peaks; 28 % lower cost of the nightly batch.",
        before: design!("checkout-and-batch", "before", "change.json"),
        after: design!("checkout-and-batch", "after", "change.json"),
    },
    Case {
        name: "gpu-pool",
        title: "A GPU pool that everybody moves into",
        story: "A robotics lab adds GPU nodes by copying the first pool's definition: system mode, no taint. System and \
            application pods drift onto the roomy GPU nodes, and the first pool is kept small. When the idle GPU pool is \
            deleted after a block of training, they all come back to three nodes, and the fleet's busy hour finds DNS \
            short of CPU.",
        fix: "The GPU pool is a user pool with a label and the taint sku=gpu:NoSchedule, so that only training lands on \
            it, and the first pool is sized for what it carries. Deleting the idle GPU pool moves nobody.",
        reported: "No pods without a need for GPUs on accelerator nodes; GPU use up from 41 % to 76 %; less than seven \
            idle GPU hours a week.",
        before: design!("gpu-pool", "before", "change.json"),
        after: design!("gpu-pool", "after", "change.json"),
    },
    Case {
        name: "staged-upgrade",
        title: "One big pool upgraded at once",
        story: "A streaming service has one pool of twelve nodes and upgrades all of them in one batch. Every node is \
            drained at the same time; where the drain does not wait for the surge nodes, one DNS pod is left to answer \
            everything, and system pods without a second replica are away until a node comes.",
        fix: "A tainted system pool and three user pools, for the API, transcoding and background work, upgraded one \
            after the other, background first.",
        reported: "Stream-start errors peaked at 0.11 % in the first staged upgrade; incident tickets around upgrades \
            fell from seven a quarter to two; images are six days old on average in place of 18.",
        before: design!("staged-upgrade", "before", "change.json"),
        after: design!("staged-upgrade", "after", "1-background.json", "2-api.json", "3-transcoding.json"),
    },
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Change;
    use crate::change::ChangeSettings;
    use crate::snapshot::Snapshot;

    fn only_change(message: &Message) -> Change {
        let decoded = crate::decode(message.text.as_bytes()).unwrap();
        assert_eq!(decoded.changes.len(), 1, "{}", message.file);
        decoded.changes.into_iter().next().unwrap()
    }

    /// Every message loads on its own snapshot, and what it names is there.
    #[test]
    fn every_change_loads_on_its_snapshot() {
        let mut references = BTreeSet::new();
        for case in cases() {
            for (side, design) in case.designs() {
                let snapshot = Snapshot::from_json(design.snapshot.as_bytes()).unwrap();
                assert!(references.insert(design.snapshot_ref));
                for message in design.changes {
                    let change = only_change(message);
                    assert_eq!(change.snapshot_ref.as_deref(), Some(design.snapshot_ref));
                    assert_eq!(change.cluster.name, snapshot.name);
                    let label = format!("{}/{side}", case.name);
                    assert_eq!(change.source.correlation_id, Some(label));
                    let loaded = crate::load(&change, &snapshot, &ChangeSettings::default()).unwrap();
                    assert!(!loaded.scenario.changes.is_empty(), "{}/{side}", case.name);
                }
            }
        }
    }

    /// A comparison is of designs, not of weather: load and horizon are the same on both sides.
    #[test]
    fn both_sides_bear_the_same_load() {
        for case in cases() {
            let mut all =
                case.designs().into_iter().flat_map(|(_, d)| d.changes.iter().map(|m| only_change(m).settings));
            let first = all.next().unwrap();
            assert!(all.all(|settings| settings == first), "{}", case.name);
        }
    }

    /// The fix separates pods; it does not take applications away.
    #[test]
    fn both_sides_run_the_same_applications() {
        for case in cases() {
            let wanted = |design: &Design| -> Vec<(String, String, u32, Vec<_>)> {
                let snapshot = Snapshot::from_json(design.snapshot.as_bytes()).unwrap();
                let of = |w: crate::snapshot::Workload| {
                    let requests = w.template.containers.iter().map(|c| c.requests.clone());
                    (w.namespace, w.name, w.replicas, requests.collect())
                };
                snapshot.workloads.into_iter().map(of).collect()
            };
            assert_eq!(wanted(&case.before), wanted(&case.after), "{}", case.name);
        }
    }
}
