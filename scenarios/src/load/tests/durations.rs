//! Recorded durations of AKS operations (end less start as the operation status API reports them, clusters of one to three
//! nodes, recordings of 2025-11-21) against the simulated 5-95 % bands. Where a recorded figure lies outside, the row says
//! why, and the test holds it to be so.

use super::*;

struct Row {
    what: &'static str,
    pool: &'static str,
    operation: Operation,
    /// Nodes of the pool.
    nodes: u32,
    /// Recorded seconds within the band.
    inside: &'static [f64],
    /// Recorded seconds outside of it.
    outside: &'static [(f64, &'static str)],
}

fn rows() -> Vec<Row> {
    let reimage = |reason: &str| Operation::Upgrade {
        version: None,
        node_image_only: false,
        settings: UpgradeFields::default(),
        force: false,
        reason: Some(reason.into()),
    };
    let added = |count| Operation::AddPool {
        desired: PoolFields { count: Some(count), vm_size: Some("Standard_D2s_v3".into()), ..PoolFields::default() },
    };
    const TAIL: &str = "the recorded tail is heavier: regions short of capacity, images pulled at creation";
    let row = |what, pool, operation, nodes, inside, outside| Row { what, pool, operation, nodes, inside, outside };
    vec![
        row("add a pool of 1", "new1", added(1), 1, &[176.0, 244.0], &[(1.0, "an empty pool"), (566.0, TAIL)]),
        row("add a pool of 3", "new1", added(3), 1, &[176.0, 244.0], &[(566.0, TAIL)]),
        row(
            "labels",
            "apps",
            Operation::SetLabels { labels: [("a".into(), "b".into())].into() },
            1,
            &[7.0],
            &[(5.0, "a constant, the median: nothing that is judged depends on two seconds"), (9.0, "the same")],
        ),
        row("scale 2 to 1", "apps", Operation::Scale { count: 1 }, 2, &[40.0], &[]),
        row(
            "delete a pool of 1",
            "apps",
            Operation::DeletePool { ignore_pdb: false },
            1,
            &[],
            &[
                (25.0, "the time to delete is uniform between the only two recordings, so that its ends lie outside"),
                (50.0, "the other end"),
            ],
        ),
        row(
            "stop a pool of 2",
            "apps",
            Operation::StopPool,
            2,
            &[],
            &[(52.0, "machines are stopped, not deleted; there is no other recording of that")],
        ),
        row("start a pool of 2", "apps", Operation::StartPool, 2, &[206.0], &[]),
        row("another OS SKU", "apps", reimage("osSKU"), 1, &[433.0], &[]),
        row("localDNS", "apps", reimage("localDNSProfile"), 1, &[373.0, 490.0, 545.0], &[]),
        row("vTPM", "apps", reimage("enableVTPM"), 3, &[914.0, 986.0], &[]),
        row(
            "FIPS",
            "apps",
            reimage("enableFIPS"),
            3,
            &[],
            &[
                (1489.0, "other image, first pull in the region"),
                (6295.0, "four times the other recording of the same change: nothing else is known about it"),
            ],
        ),
    ]
}

#[test]
fn recorded_durations_lie_within_the_simulated_bands() {
    let mut wrong = Vec::new();
    for row in rows() {
        let (low, high) = band(&row);
        let within = |seconds: &f64| (low..=high).contains(seconds);
        let mut note = |what: String| wrong.push(format!("{}, {low:.0}-{high:.0} s: {what}", row.what));
        row.inside.iter().filter(|s| !within(s)).for_each(|s| note(format!("{s} s lies outside")));
        row.outside.iter().filter(|(s, _)| within(s)).for_each(|(s, why)| note(format!("{s} s lies inside ({why})")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The 5 % and 95 % points of the operation's duration.
fn band(row: &Row) -> (f64, f64) {
    let stopped =
        if matches!(row.operation, Operation::StartPool) { r#""powerState":{"code":"Stopped"},"# } else { "" };
    let snapshot = format!(
        r#"{{"schema":"poolproof.snapshot/1","cluster":{{"name":"c","location":"westeurope"}},"agentPools":[
            {{"name":"nodepool1","count":2,"vmSize":"Standard_DS2_v2","mode":"System","orchestratorVersion":"1.33.2","maxPods":110}},
            {{"name":"apps","count":{},{stopped}"vmSize":"Standard_DS2_v2","mode":"User","orchestratorVersion":"1.33.2","maxPods":110}}]}}"#,
        row.nodes
    );
    let mut l = try_load(row.pool, row.operation.clone(), &snapshot).unwrap();
    // The defaults themselves are on trial here, not the doubts about them.
    l.scenario.beliefs.clear();
    let runs = simulator::Runs { seed: 1, first: 0, trials: 300, threads: 1 };
    let mut seconds: Vec<f64> = simulator::replicate(&l.scenario, runs, &|outcome| {
        let ends =
            outcome.operations.iter().map(|o| o.ended.map_or(f64::INFINITY, |e| e.since(o.started).as_secs_f64()));
        ends.fold(0.0, f64::max)
    });
    seconds.sort_by(f64::total_cmp);
    (seconds[15], seconds[284])
}
