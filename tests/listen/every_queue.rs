//! The HTTP door on any kind of queue: what is answered with 200 lies durably there.

use super::{Ear, PATIENCE};
use crate::site::Site;
use crate::support::{irrelevant, run, scale};
use std::time::Instant;

/// Events come in, are worked on and counted; a worker that is killed has lost none that it had answered.
pub fn check(site: &dyn Site) {
    let mut ear = Ear::of(&mut site.worker(&["--listen", "127.0.0.1:0"]));
    assert_eq!((ear.get("/healthz").status, ear.get("/readyz").status), (200, 200));
    for message in [scale("tiny", 5), irrelevant(1)] {
        assert_eq!(ear.post(&[], &message).status, 200);
    }
    assert_eq!(ear.ask("POST", "/events", &[], b"{ this is no message").status, 200);
    ear.await_metric("poolproof_messages_total{outcome=\"scored\"}", 1.0);
    ear.await_metric("poolproof_messages_total{outcome=\"nothing\"}", 1.0);
    ear.await_metric("poolproof_dead_letters_total{reason=\"unreadable\"}", 1.0);
    ear.await_metric("poolproof_queue_messages{state=\"dead\"}", 1.0);
    assert_eq!(ear.metric("poolproof_received_total{result=\"queued\"}"), Some(3.0));
    assert_eq!((site.documents().len(), site.dead().len()), (1, 1));
    // Event Grid delivers at least once.
    assert_eq!(ear.post(&[], &scale("tiny", 5)).status, 200);
    ear.await_metric("poolproof_messages_total{outcome=\"repeated\"}", 1.0);

    let answered = std::thread::scope(|scope| {
        let ear = &ear;
        let posts = (10..30).map(|count| scope.spawn(move || ear.post(&[], &scale("tiny", count)).status == 200));
        posts.collect::<Vec<_>>().into_iter().filter_map(|post| post.join().unwrap().then_some(())).count()
    });
    assert_eq!(answered, 20);
    ear.child.kill().unwrap();
    ear.child.wait().unwrap();
    let next = run(&mut site.worker(&["--until-empty"])).expect_code(0);
    assert_eq!((site.documents().len(), site.waits()), (21, false), "{}", next.stderr);
}

/// While the queue's server is gone nothing is answered with 200, and the worker says that it is not ready.
pub fn check_outage(site: &dyn Site, mut away: impl FnMut(), mut back: impl FnMut()) {
    let ear = Ear::of(&mut site.worker(&["--listen", "127.0.0.1:0"]));
    assert_eq!(ear.post(&[], &irrelevant(1)).status, 200);
    away();
    assert_eq!(ear.post(&[], &irrelevant(2)).status, 503);
    let ready = ear.get("/readyz");
    assert!(ready.status == 503 && ready.body.starts_with("queue: "), "{ready:?}");
    ear.await_metric("poolproof_queue_trouble", 1.0);
    assert_eq!(ear.get("/healthz").status, 200);
    back();
    let begun = Instant::now();
    while ear.get("/readyz").status != 200 {
        assert!(begun.elapsed() < PATIENCE, "{:?}\n{}", ear.get("/readyz"), ear.log.lock().unwrap());
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert_eq!(ear.post(&[], &scale("tiny", 6)).status, 200);
    ear.await_metric("poolproof_messages_total{outcome=\"scored\"}", 1.0);
    assert_eq!(ear.metric("poolproof_queue_trouble"), Some(0.0));
}
