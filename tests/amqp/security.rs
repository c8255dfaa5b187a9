//! What is on the broker is looked at without touching it; whom the worker talks to, and what it never shows.

use std::process::Command;

use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;

use super::Place;
use super::broker::Broker;
use crate::support::{poolproof, run, scale};

pub fn the_topology_is_checked_without_changing_anything(broker: &Broker) {
    let place = Place::new(broker, "topology");
    for _ in 0..2 {
        let ended = run(&mut place.worker(&["--check-topology"])).expect_code(1);
        assert_eq!(ended.stdout.matches(" is missing: ").count(), 14, "{ended:#?}");
    }
    run(&mut place.worker(&["--until-empty"])).expect_code(0);
    let ended = run(&mut place.worker(&["--check-topology"])).expect_code(0);
    assert_eq!(ended.stdout, "everything is there\n");
    // Something of the same name that is something else is told of and left as it is.
    let connection = broker.connect().unwrap();
    let declared = || {
        broker.runtime.block_on(async {
            let channel = connection.create_channel().await.unwrap();
            let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
            channel.queue_declare("topology.dead".into(), options, FieldTable::default()).await.unwrap();
        });
    };
    broker.runtime.block_on(async {
        let channel = connection.create_channel().await.unwrap();
        channel.queue_delete("topology.dead".into(), QueueDeleteOptions::default()).await.unwrap();
    });
    declared();
    let ended = run(&mut place.worker(&["--check-topology"])).expect_code(1);
    assert!(
        ended.stdout.starts_with("queue topology.dead differs: ") && ended.stdout.lines().count() == 1,
        "{ended:#?}"
    );
    declared();
    let ended = run(&mut place.worker(&["--until-empty"])).expect_code(1);
    assert!(ended.stderr.contains("PRECONDITION_FAILED") && ended.stderr.contains("topology.dead"), "{ended:#?}");
}

pub fn credentials_are_not_shown(broker: &Broker) {
    let place = Place::at(broker.url_as("somebody:s3cret", "credentials"), broker, "credentials");
    for arguments in [&["--until-empty"][..], &["--check-topology"], &["--until-empty", "--log", "trace"]] {
        let ended = run(&mut place.worker(arguments)).expect_code(1);
        assert!(ended.stderr.contains("ACCESS_REFUSED"), "{ended:#?}");
        assert!(!ended.stderr.contains("s3cret") && !ended.stdout.contains("s3cret"), "{ended:#?}");
    }
    // Allowed in, and talkative.
    let place = Place::new(broker, "talkative");
    let ended = run(&mut place.worker(&["--until-empty", "--log", "trace"])).expect_code(0);
    assert!(!ended.stderr.contains("guest"), "{ended:#?}");
}

pub fn tls_is_spoken_with_whom_the_certificates_vouch_for(broker: &Broker) {
    let (url, authority) = broker.url_with_tls("tls");
    let place = Place::at(url, broker, "tls");
    let file = place.folder.json("in.json", &scale("tiny", 2));
    let submit = || {
        let mut command = poolproof();
        command.arg("submit").arg(&file).env("POOLPROOF_QUEUE", &place.url);
        command
    };
    // The system's authorities do not know the broker's, and neither does another one of our own.
    let stranger = broker.stranger();
    for authority in [None, Some(&stranger)] {
        let with = |mut command: Command| {
            command.envs(authority.map(|file| ("SSL_CERT_FILE", file)));
            run(&mut command).expect_code(1)
        };
        for ended in [with(submit()), with(place.worker(&["--check-topology"]))] {
            assert!(ended.stderr.contains("could not connect to the broker"), "{ended:#?}");
            assert!(ended.stderr.contains("invalid peer certificate") && !ended.stderr.contains("guest"), "{ended:#?}");
        }
    }
    run(submit().env("SSL_CERT_FILE", &authority)).expect_code(0);
    run(place.worker(&["--until-empty"]).env("SSL_CERT_FILE", &authority)).expect_code(0);
    assert_eq!(place.reports().len(), 1);
}
