//! Cases of the rules about pools: modes, sizes, names, limits, taints, autoscaler, versions, settings, state, room.

use super::{Expect, Row, add, mode, rows, taints, upgrade, upgrade_to, upgrade_with};
use crate::change::{Operation, PoolFields, UpgradeFields};
use crate::snapshot::Snapshot;

fn as_is(_: &mut Snapshot) {}

fn sized(size: &str) -> PoolFields {
    PoolFields { vm_size: Some(size.into()), count: Some(3), ..PoolFields::default() }
}

fn system(desired: PoolFields) -> Operation {
    add(PoolFields { mode: Some("System".into()), ..desired })
}

fn scale(count: u32) -> Operation {
    Operation::Scale { count }
}

fn range(enabled: Option<bool>, min: u32, max: u32) -> Operation {
    Operation::SetAutoscaler { enabled, min: Some(min), max: Some(max) }
}

fn unavailable(n: &str) -> Operation {
    upgrade_with(UpgradeFields {
        max_unavailable: Some(n.into()),
        max_surge: Some("0".into()),
        ..UpgradeFields::default()
    })
}

fn labels(pairs: &[(&str, &str)]) -> Operation {
    Operation::SetLabels { labels: pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect() }
}

fn put(desired: PoolFields) -> Operation {
    Operation::PutPool { desired }
}

fn other(name: &str, value: impl Into<serde_json::Value>) -> PoolFields {
    PoolFields { other: [(name.to_owned(), value.into())].into(), ..PoolFields::default() }
}

fn rotate() -> Operation {
    Operation::ResizePool { desired: sized("Standard_D8s_v5"), method: "rotate".into() }
}

pub(super) fn rows() -> Vec<Row> {
    [modes(), sizes(), limits(), taint_rows(), autoscaler(), versions(), settings(), state(), room()]
        .into_iter()
        .flatten()
        .collect()
}

fn modes() -> Vec<Row> {
    rows! {
        "last-system-pool" {
            Refused: as_is, "sys", Operation::DeletePool { ignore_pdb: false };
            Refused: as_is, "sys", mode("user");
            Quiet: |s| s.pools[0].mode = "System".into(), "sys", Operation::DeletePool { ignore_pdb: false };
            Quiet: |s| s.pools[0].mode = "System".into(), "sys", mode("User");
            Quiet: as_is, "apps", Operation::DeletePool { ignore_pdb: false };
        }
        "system-pool-stop" {
            Refused: as_is, "sys", Operation::StopPool;
            Quiet: as_is, "apps", Operation::StopPool;
        }
        "system-pool-zero" {
            Refused: as_is, "sys", scale(0);
            Quiet: as_is, "apps", scale(0);
            Quiet: as_is, "sys", scale(1);
        }
        "system-pool-min-nodes" {
            Warning: as_is, "sys", scale(1);
            Info: |s| s.pools[1].count = 1, "apps", upgrade();
            Quiet: as_is, "sys", scale(2);
            Quiet: as_is, "apps", scale(1);
        }
        "system-pool-three-nodes" {
            Info: as_is, "sys", scale(2);
            Quiet: as_is, "sys", scale(3);
            Quiet: |s| s.pools[0].mode = "System".into(), "sys", scale(2);
        }
        "system-pool-linux" {
            Refused: as_is, "win", system(PoolFields { os_type: Some("Windows".into()), ..PoolFields::default() });
            Refused: |s| s.pools[0].os_type = "Windows".into(), "apps", mode("System");
            Quiet: as_is, "win", add(PoolFields { os_type: Some("Windows".into()), ..PoolFields::default() });
        }
        "spot-system-pool" {
            Refused: |s| s.pools[0].scale_set_priority = Some("Spot".into()), "apps", mode("System");
            Quiet: as_is, "apps", mode("System");
        }
        "managed-system-pool-single" {
            Refused: |s| s.pools[1].mode = "ManagedSystem".into(), "hosted", add(PoolFields { mode: Some("ManagedSystem".into()), ..PoolFields::default() });
            Quiet: as_is, "hosted", add(PoolFields { mode: Some("managedsystem".into()), ..PoolFields::default() });
        }
        "mode-required" {
            Info: as_is, "new", Operation::AddPool { desired: PoolFields::default() };
            Quiet: as_is, "new", add(PoolFields::default());
        }
        "mode-unknown" {
            Warning: as_is, "new", add(PoolFields { mode: Some("Quantum".into()), ..PoolFields::default() });
            Quiet: as_is, "new", add(PoolFields { mode: Some("machines".into()), ..PoolFields::default() });
            Quiet: as_is, "new", add(PoolFields::default());
        }
        "pool-name" {
            Refused: as_is, "New1", add(PoolFields::default());
            Refused: as_is, "1new", add(PoolFields::default());
            Refused: as_is, "thirteenchars", add(PoolFields::default());
            Refused: as_is, "a-b", add(PoolFields::default());
            Refused: as_is, "winpool", add(PoolFields { os_type: Some("Windows".into()), ..PoolFields::default() });
            Quiet: as_is, "winpoo", add(PoolFields { os_type: Some("Windows".into()), ..PoolFields::default() });
            Quiet: as_is, "twelvechars1", add(PoolFields::default());
            Quiet: as_is, "a", add(PoolFields::default());
        }
        "pool-name-taken" {
            Warning: as_is, "apps", add(PoolFields::default());
            Quiet: as_is, "new", add(PoolFields::default());
        }
    }
}

fn sizes() -> Vec<Row> {
    rows! {
        "system-pool-vm-size" {
            Warning: as_is, "new", system(sized("Standard_DS2_v2"));
            Error: as_is, "new", system(sized("Standard_DS1_v2"));
            Error: as_is, "new", system(sized("Standard_A1_v2"));
            Info: |s| s.pools[1].vm_size = Some("standard_ds2_v2".into()), "apps", upgrade();
            Quiet: as_is, "new", system(sized("Standard_D4s_v5"));
            Quiet: as_is, "new", add(sized("Standard_DS2_v2"));
        }
        "system-pool-burstable" {
            Warning: as_is, "new", system(sized("Standard_B4ms"));
            Warning: |s| s.pools[0].vm_size = Some("Standard_B8ms".into()), "apps", mode("System");
            Quiet: as_is, "new", add(sized("Standard_B4ms"));
        }
        "system-pool-av1" {
            Warning: as_is, "new", system(sized("Standard_A4"));
            Quiet: as_is, "new", system(sized("Standard_A4_v2"));
        }
        "user-pool-vm-size" {
            Warning: as_is, "new", add(sized("Standard_DS1_v2"));
            Quiet: as_is, "new", add(sized("Standard_DS2_v2"));
        }
        "vm-size-refused" {
            Refused: as_is, "new", add(sized("standard_b1s"));
            Quiet: as_is, "new", add(sized("Standard_B2s"));
        }
        "vm-size-unknown" {
            Warning: as_is, "new", add(sized("Standard_Z9_v9"));
            Quiet: as_is, "new", add(sized("standard_d4s_v5"));
            Quiet: as_is, "new", add(PoolFields { vm_size: Some(String::new()), ..PoolFields::default() });
        }
        "system-pool-large-cluster" {
            Info: as_is, "apps", scale(13);
            Info: |s| s.cluster.addons = vec!["a".into(), "b".into(), "c".into()], "apps", scale(2);
            Quiet: as_is, "apps", scale(4);
            Quiet: |s| s.pools[1].vm_size = Some("Standard_D8s_v5".into()), "apps", scale(13);
        }
    }
}

fn limits() -> Vec<Row> {
    rows! {
        "pool-count-range" {
            Refused: as_is, "apps", scale(1001);
            Quiet: as_is, "apps", scale(1000);
        }
        "pool-surge-limit" {
            Refused: |s| s.pools[0].count = 998, "apps", upgrade();
            Quiet: |s| s.pools[0].count = 997, "apps", upgrade();
            Quiet: |s| s.pools[0].count = 998, "apps", scale(999);
        }
        "cluster-node-limit" {
            Error: |s| s.cluster.network_plugin = Some("kubenet".into()), "apps", scale(398);
            Quiet: |s| s.cluster.network_plugin = Some("kubenet".into()), "apps", scale(397);
            Quiet: as_is, "apps", scale(398);
        }
        "cluster-pool-limit" {
            Warning: |s| s.pools.extend(vec![s.pools[0].clone(); 98]), "new", add(PoolFields::default());
            Quiet: |s| s.pools.extend(vec![s.pools[0].clone(); 97]), "new", add(PoolFields::default());
        }
        "max-pods-range" {
            Refused: as_is, "new", add(PoolFields { max_pods: Some(9), ..sized("Standard_D4s_v5") });
            Refused: as_is, "new", add(PoolFields { max_pods: Some(251), ..sized("Standard_D4s_v5") });
            Quiet: as_is, "new", add(PoolFields { max_pods: Some(250), ..sized("Standard_D4s_v5") });
        }
        "system-pool-max-pods" {
            Error: as_is, "new", system(PoolFields { max_pods: Some(29), ..sized("Standard_D4s_v5") });
            Quiet: as_is, "new", system(PoolFields { max_pods: Some(30), ..sized("Standard_D4s_v5") });
            Quiet: as_is, "new", add(PoolFields { max_pods: Some(29), ..sized("Standard_D4s_v5") });
        }
        "pool-pod-room" {
            Refused: as_is, "new", add(PoolFields { max_pods: Some(10), count: Some(2), ..PoolFields::default() });
            Error: |s| s.pools[0].max_pods = Some(10), "apps", scale(2);
            Quiet: |s| s.pools[0].max_pods = Some(10), "apps", scale(3);
            Quiet: |s| s.pools[0].max_pods = Some(10), "apps", scale(0);
        }
    }
}

fn taint_rows() -> Vec<Row> {
    rows! {
        "system-pool-restricted-taint" {
            Refused: as_is, "sys", taints(&["team=a:NoSchedule"]);
            Refused: |s| s.pools[0].node_taints = vec!["team=a:NoExecute".into()], "apps", mode("System");
            Quiet: as_is, "sys", taints(&["team=a:PreferNoSchedule", "CriticalAddonsOnly=true:NoExecute"]);
            Quiet: as_is, "apps", taints(&["team=a:NoSchedule"]);
        }
        "noexecute-taint-evicts" {
            Warning: as_is, "apps", taints(&["team=a:NoExecute"]);
            Quiet: as_is, "apps", taints(&["team=a:NoSchedule"]);
            Quiet: as_is, "sys", taints(&["CriticalAddonsOnly=true:NoExecute"]);
        }
        "taint-keeps-pods-off" {
            Info: as_is, "apps", taints(&["team=a:NoSchedule"]);
            Quiet: |s| s.pools[0].node_taints = vec!["team=a:NoSchedule".into()], "apps", taints(&["team=a:NoSchedule"]);
        }
        "label-reserved" {
            Error: as_is, "apps", labels(&[("kubernetes.azure.com/x", "y")]);
            Quiet: as_is, "apps", labels(&[("team", "a")]);
        }
        "nothing-changes" {
            Info: as_is, "apps", scale(3);
            Info: as_is, "sys", mode("system");
            Quiet: as_is, "apps", scale(4);
        }
    }
}

fn autoscaler() -> Vec<Row> {
    rows! {
        "manual-scale-with-autoscaler" {
            Refused: |s| s.pools[0].enable_auto_scaling = true, "apps", scale(5);
            Quiet: as_is, "apps", scale(5);
        }
        "autoscaler-range" {
            Refused: as_is, "apps", range(Some(true), 5, 3);
            Refused: as_is, "apps", range(Some(true), 5, 1001);
            Refused: as_is, "sys", range(Some(true), 0, 3);
            Quiet: as_is, "apps", range(Some(true), 0, 1000);
        }
        "system-pool-autoscaler-min" {
            Warning: as_is, "sys", range(Some(true), 1, 5);
            Quiet: as_is, "sys", range(Some(true), 2, 5);
            Quiet: as_is, "apps", range(Some(true), 1, 5);
        }
        "autoscaler-count-outside-range" {
            Info: as_is, "apps", range(Some(true), 1, 2);
            Info: as_is, "apps", range(Some(true), 4, 6);
            Quiet: as_is, "apps", range(Some(true), 3, 3);
        }
    }
}

fn versions() -> Vec<Row> {
    rows! {
        "version-downgrade" {
            Refused: as_is, "apps", upgrade_to("1.33.1");
            Refused: as_is, "apps", upgrade_to("1.32");
            Quiet: as_is, "apps", upgrade_to("1.33");
            Quiet: as_is, "apps", upgrade_to("1.33.2");
        }
        "version-above-control-plane" {
            Refused: as_is, "apps", upgrade_to("1.34.0");
            Refused: as_is, "apps", upgrade_to("1.33.3");
            Quiet: as_is, "apps", upgrade_to("1.33");
            Quiet: |s| s.cluster.kubernetes_version = None, "apps", upgrade_to("1.34.0");
            Quiet: as_is, "", upgrade_to("1.34.0");
        }
        "version-skew" {
            Warning: |s| s.cluster.kubernetes_version = Some("1.36.0".into()), "apps", scale(4);
            Error: |s| s.cluster.kubernetes_version = Some("1.37.0".into()), "apps", scale(4);
            Quiet: |s| s.cluster.kubernetes_version = Some("1.35.0".into()), "apps", scale(4);
            Quiet: |s| s.cluster.kubernetes_version = Some("1.36.0".into()), "apps", upgrade_to("1.34.0");
        }
        "immutable-property" {
            Refused: as_is, "apps", put(sized("Standard_D8s_v5"));
            Refused: as_is, "apps", put(PoolFields { availability_zones: Some(vec!["1".into()]), ..PoolFields::default() });
            Refused: |s| { s.pools[0].other.insert("osDiskSizeGB".into(), 128.into()); }, "apps", put(other("osDiskSizeGB", 256));
            Refused: as_is, "apps", put(other("enableEncryptionAtHost", true));
            Refused: |s| s.pools[0].os_sku = Some("Windows2019".into()), "apps", put(PoolFields { os_sku: Some("Windows2022".into()), ..PoolFields::default() });
            Warning: |s| { s.pools[0].other.insert("messageOfTheDay".into(), "aGk=".into()); }, "apps", put(other("messageOfTheDay", "aG8="));
            Quiet: |s| s.pools[0].os_sku = Some("Ubuntu".into()), "apps", put(PoolFields { os_sku: Some("AzureLinux".into()), ..PoolFields::default() });
            Quiet: as_is, "apps", put(sized("STANDARD_D4S_V5"));
            Quiet: as_is, "apps", put(other("vnetSubnetID", "/subnets/a"));
            Quiet: as_is, "apps", put(PoolFields { count: Some(9), ..PoolFields::default() });
        }
        "pool-is-rotated" {
            Warning: as_is, "apps", rotate();
            Quiet: as_is, "apps", Operation::ResizePool { desired: sized("Standard_D8s_v5"), method: "resize".into() };
        }
    }
}

fn settings() -> Vec<Row> {
    rows! {
        "max-unavailable-system" {
            Refused: as_is, "sys", unavailable("1");
            Refused: as_is, "sys", Operation::SetUpgradeSettings { settings: UpgradeFields { max_unavailable: Some("10%".into()), ..UpgradeFields::default() } };
            Quiet: as_is, "sys", unavailable("0");
            Quiet: as_is, "apps", unavailable("1");
        }
        "no-surge-no-unavailable" {
            Error: as_is, "apps", unavailable("0");
            Quiet: as_is, "apps", unavailable("1");
            Quiet: as_is, "apps", upgrade();
        }
        "in-place-upgrade" {
            Warning: as_is, "apps", unavailable("34%");
            Quiet: as_is, "apps", upgrade();
        }
        "upgrade-settings-range" {
            Refused: as_is, "apps", upgrade_with(UpgradeFields { drain_timeout_in_minutes: Some(4), ..UpgradeFields::default() });
            Refused: as_is, "apps", upgrade_with(UpgradeFields { node_soak_duration_in_minutes: Some(31), ..UpgradeFields::default() });
            Refused: as_is, "apps", upgrade_with(UpgradeFields { strategy: Some("BlueGreen".into()), final_soak_duration_in_minutes: Some(10_081), ..UpgradeFields::default() });
            Refused: as_is, "apps", upgrade_with(UpgradeFields { strategy: Some("BlueGreen".into()), drain_batch_size: Some("0%".into()), ..UpgradeFields::default() });
            Quiet: as_is, "apps", upgrade_with(UpgradeFields { strategy: Some("BlueGreen".into()), drain_timeout_in_minutes: Some(1), ..UpgradeFields::default() });
            Quiet: as_is, "apps", upgrade_with(UpgradeFields { drain_timeout_in_minutes: Some(1440), node_soak_duration_in_minutes: Some(30), ..UpgradeFields::default() });
        }
        "resize-needs-surge" {
            Refused: |s| s.pools[0].upgrade_settings.max_surge = Some("0".into()), "apps", Operation::ResizePool { desired: sized("Standard_D8s_v5"), method: "resize".into() };
            Quiet: |s| s.pools[0].upgrade_settings.max_surge = Some("0".into()), "apps", Operation::ResizePool { desired: sized("Standard_D8s_v5"), method: "rotate".into() };
            Quiet: as_is, "apps", Operation::ResizePool { desired: sized("Standard_D8s_v5"), method: "resize".into() };
        }
        "surge-zones" {
            Info: as_is, "apps", upgrade_with(UpgradeFields { max_surge: Some("2".into()), ..UpgradeFields::default() });
            Quiet: as_is, "apps", upgrade();
            Quiet: |s| s.pools[0].availability_zones.clear(), "apps", upgrade_with(UpgradeFields { max_surge: Some("2".into()), ..UpgradeFields::default() });
        }
        "spot-upgrade-no-drain" {
            Warning: |s| s.pools[0].scale_set_priority = Some("spot".into()), "apps", upgrade();
            Quiet: as_is, "apps", upgrade();
        }
        "force-upgrade" {
            Warning: as_is, "sys", Operation::Upgrade { version: None, node_image_only: true, settings: UpgradeFields::default(), force: true, reason: None };
            Warning: as_is, "apps", Operation::DeletePool { ignore_pdb: true };
            Quiet: as_is, "apps", Operation::DeletePool { ignore_pdb: false };
        }
        "rotate-certificates-downtime" {
            Warning: as_is, "", Operation::RotateCertificates;
            Quiet: as_is, "apps", upgrade();
        }
        "undrainable-cordon" {
            Info: |s| s.pools[0].upgrade_settings.undrainable_node_behavior = Some("Cordon".into()), "apps", upgrade();
            Quiet: |s| s.pools[0].upgrade_settings.undrainable_node_behavior = Some("Schedule".into()), "apps", upgrade();
        }
    }
}

fn state() -> Vec<Row> {
    rows! {
        "pool-busy" {
            Warning: |s| s.pools[0].provisioning_state = Some("upgrading".into()), "apps", scale(4);
            Quiet: as_is, "apps", scale(4);
            Quiet: |s| s.pools[0].provisioning_state = Some("Upgrading".into()), "apps", Operation::Abort;
        }
        "pool-failed" {
            Warning: |s| s.pools[0].provisioning_state = Some("Failed".into()), "apps", upgrade();
            Refused: |s| s.pools[0].provisioning_state = Some("Failed".into()), "apps", Operation::StopPool;
            Quiet: as_is, "apps", upgrade();
        }
        "stop-with-auto-provisioning" {
            Refused: |s| s.cluster.node_provisioning = Some("Auto".into()), "apps", Operation::StopPool;
            Quiet: |s| s.cluster.node_provisioning = Some("Manual".into()), "apps", Operation::StopPool;
        }
    }
}

fn with_quota(s: &mut Snapshot, free: u32) {
    s.cluster.quota.insert("standarddsv5family".into(), free);
}

fn room() -> Vec<Row> {
    rows! {
        "quota-short" {
            Refused: |s| with_quota(s, 7), "apps", scale(5);
            Refused: |s| with_quota(s, 11), "apps", upgrade();
            Warning: |s| { with_quota(s, 11); s.pools[0].current_orchestrator_version = Some("1.35.0".into()); }, "apps", upgrade();
            Refused: |s| { with_quota(s, 100); s.cluster.quota.insert("cores".into(), 3); }, "apps", scale(4);
            Quiet: |s| with_quota(s, 8), "apps", scale(5);
            Quiet: |s| with_quota(s, 12), "apps", upgrade();
            Quiet: |s| with_quota(s, 0), "apps", scale(2);
            Quiet: as_is, "apps", scale(500);
        }
        "subnet-short" {
            Refused: |s| { s.cluster.network_plugin = Some("azure".into()); s.cluster.subnet.insert("*".into(), 332); }, "apps", upgrade();
            Refused: |s| { s.cluster.subnet.insert("*".into(), 2); }, "apps", upgrade();
            Quiet: |s| { s.cluster.network_plugin = Some("azure".into()); s.cluster.subnet.insert("*".into(), 333); }, "apps", upgrade();
            Quiet: |s| { s.cluster.network_plugin = Some("azure".into()); s.cluster.network_plugin_mode = Some("overlay".into()); s.cluster.subnet.insert("*".into(), 3); }, "apps", upgrade();
        }
    }
}
