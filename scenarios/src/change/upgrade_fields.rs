//! Upgrade settings put over one another, and compared by what they mean.

use super::UpgradeFields;

impl UpgradeFields {
    /// These settings, with those of `below` where these say nothing.
    pub fn over(&self, below: &UpgradeFields) -> UpgradeFields {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let or = |above: &Option<String>, below: &Option<String>| given(above).or_else(|| below.clone());
        UpgradeFields {
            max_surge: or(&self.max_surge, &below.max_surge),
            max_unavailable: or(&self.max_unavailable, &below.max_unavailable),
            drain_timeout_in_minutes: self.drain_timeout_in_minutes.or(below.drain_timeout_in_minutes),
            node_soak_duration_in_minutes: self.node_soak_duration_in_minutes.or(below.node_soak_duration_in_minutes),
            undrainable_node_behavior: or(&self.undrainable_node_behavior, &below.undrainable_node_behavior),
            max_blocked_nodes: or(&self.max_blocked_nodes, &below.max_blocked_nodes),
            strategy: or(&self.strategy, &below.strategy),
            drain_batch_size: or(&self.drain_batch_size, &below.drain_batch_size),
            batch_soak_duration_in_minutes: self
                .batch_soak_duration_in_minutes
                .or(below.batch_soak_duration_in_minutes),
            final_soak_duration_in_minutes: self
                .final_soak_duration_in_minutes
                .or(below.final_soak_duration_in_minutes),
            override_until: or(&self.override_until, &below.override_until),
        }
    }

    /// The settings as AKS takes them: its defaults where nothing is said (AKS docs, upgrade-aks-node-pools-rolling of
    /// 2026-05-29 and blue-green-node-pool-upgrade), and the same where clients write empty texts and no minutes for "not
    /// set". The surge stays open: its default depends on the version.
    pub fn normal(&self) -> UpgradeFields {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let text = |value: &Option<String>, default: &str| given(value).or_else(|| Some(default.to_owned()));
        let minutes = |value: Option<u32>, default: u32| value.or(Some(default));
        UpgradeFields {
            max_surge: given(&self.max_surge),
            max_unavailable: text(&self.max_unavailable, "0"),
            drain_timeout_in_minutes: minutes(self.drain_timeout_in_minutes.filter(|n| *n > 0), 30),
            node_soak_duration_in_minutes: minutes(self.node_soak_duration_in_minutes, 0),
            undrainable_node_behavior: text(&self.undrainable_node_behavior, "Schedule"),
            max_blocked_nodes: given(&self.max_blocked_nodes),
            strategy: text(&self.strategy, "Rolling"),
            drain_batch_size: text(&self.drain_batch_size, "10%"),
            batch_soak_duration_in_minutes: minutes(self.batch_soak_duration_in_minutes, 15),
            final_soak_duration_in_minutes: minutes(self.final_soak_duration_in_minutes, 60),
            override_until: given(&self.override_until),
        }
    }

    /// True where writing these over `old` changes an upgrade.
    pub fn changes(&self, old: &UpgradeFields) -> bool {
        self.over(old).normal().lower() != old.normal().lower()
    }

    /// True for the strategy BlueGreen.
    pub fn is_blue_green(&self) -> bool {
        self.strategy.as_deref().is_some_and(|s| s.eq_ignore_ascii_case("BlueGreen"))
    }

    /// For comparison without regard to case.
    fn lower(mut self) -> UpgradeFields {
        for text in [
            &mut self.max_surge,
            &mut self.max_unavailable,
            &mut self.undrainable_node_behavior,
            &mut self.max_blocked_nodes,
            &mut self.strategy,
            &mut self.drain_batch_size,
        ] {
            *text = text.take().map(|t| t.to_ascii_lowercase());
        }
        self
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_what_means_something_else_is_a_change() {
        for (old, new, expected) in [
            ("{}", "{}", false),
            ("{}", r#"{"maxUnavailable":"0","drainTimeoutInMinutes":0,"nodeSoakDurationInMinutes":0}"#, false),
            ("{}", r#"{"drainTimeoutInMinutes":30,"undrainableNodeBehavior":"schedule","strategy":"rolling"}"#, false),
            (r#"{"maxSurge":"10%"}"#, r#"{"maxSurge":""}"#, false),
            (r#"{"maxSurge":"10%"}"#, r#"{"drainTimeoutInMinutes":30}"#, false),
            (r#"{"maxUnavailable":"1"}"#, r#"{"maxUnavailable":"0"}"#, true),
            (r#"{"nodeSoakDurationInMinutes":10}"#, r#"{"nodeSoakDurationInMinutes":0}"#, true),
            ("{}", r#"{"maxSurge":"10%"}"#, true),
            ("{}", r#"{"strategy":"BlueGreen"}"#, true),
        ] {
            let read = |text| serde_json::from_str::<UpgradeFields>(text).unwrap();
            assert_eq!(read(new).changes(&read(old)), expected, "{new} over {old}");
        }
    }
}
