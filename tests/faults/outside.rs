//! Faults around the worker: stores, disks, connections, workers that stand still, messages that kill.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::Held;
use crate::listen::{Ear, every_queue};
use crate::site::Site;
use crate::support::{irrelevant, scale};
use crate::worker::{Place, finish, terminate, wait_until};

const SCORED: &str = "poolproof_messages_total{outcome=\"scored\"}";
const RETRIED: &str = "poolproof_messages_total{outcome=\"retried\"}";
const LISTEN: [&str; 2] = ["--listen", "127.0.0.1:0"];

/// What can happen to every queue.
pub fn check<'a>(held: &Held, new: &mut dyn FnMut() -> Box<dyn Site + 'a>) {
    a_store_out_of_reach(held, &*new());
    a_worker_that_stands_still(held, &*new());
    a_message_that_kills(held, &*new());
}

/// What can happen to queues on a server.
pub fn check_server<'a>(held: &Held, new: &mut dyn FnMut() -> Box<dyn Site + 'a>) {
    let site = new();
    let way = site.way().unwrap();
    every_queue::check_outage(&*site, || way.close(), || way.open());
    held.row("any", "server unreachable");
    connections_that_are_cut(held, &*new());
}

fn bytes(count: u32) -> Vec<u8> {
    scale("tiny", count).to_string().into_bytes()
}

fn ear(site: &dyn Site, words: &[&str]) -> Ear {
    Ear::of(&mut site.worker(&[&LISTEN, words].concat()))
}

fn a_store_out_of_reach(held: &Held, site: &dyn Site) {
    let working = ear(site, &["--attempts", "100"]);
    site.submit(&[bytes(2)]);
    working.await_metric(SCORED, 1.0);
    site.store(false);
    site.submit(&[bytes(3)]);
    working.await_metric(RETRIED, 1.0);
    site.store(true);
    working.await_metric(SCORED, 2.0);
    drop(working);
    // What does not end is given up.
    let working = ear(site, &["--attempts", "2"]);
    site.store(false);
    site.submit(&[bytes(4)]);
    wait_until("it is dead", || site.dead().len() == 1);
    site.store(true);
    let reason = site.dead()[0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.starts_with("given up after 2 attempts: "), "{reason}");
    assert_eq!(working.metric("poolproof_messages_total{outcome=\"dead\"}"), Some(1.0));
    assert_eq!((site.documents().len(), site.waits()), (2, false));
    held.row("publication", "store unreachable");
}

fn a_worker_that_stands_still(held: &Held, site: &dyn Site) {
    let signal = |ear: &Ear, name: &str| {
        assert!(Command::new("kill").args([name, &ear.child.id().to_string()]).status().unwrap().success());
    };
    let first = ear(site, &["--trials", "100000", "--grace", "0.1"]);
    site.submit(&[bytes(2)]);
    first.await_metric("poolproof_messages_in_hand", 1.0);
    signal(&first, "-STOP");
    let second = ear(site, &[]);
    second.await_metric(SCORED, 1.0);
    signal(&first, "-CONT");
    first.await_metric("poolproof_messages_total{outcome=\"given_back\"}", 1.0);
    terminate(&first.child);
    let told = first.ended();
    assert_eq!((&told["scored"], &told["dead"]), (&0.into(), &0.into()), "{told}");
    terminate(&second.child);
    let told = second.ended();
    assert_eq!((&told["scored"], &told["repeated"], &told["dead"]), (&1.into(), &0.into(), &0.into()), "{told}");
    assert_eq!((site.documents().len(), site.dead().len(), site.waits()), (1, 0, false));
    held.row("any", "worker stands still for longer than its lease");
}

fn a_message_that_kills(held: &Held, site: &dyn Site) {
    site.submit(&[bytes(2)]);
    for _ in 0..2 {
        // It dies with the message in hand.
        let working = ear(site, &["--attempts", "2", "--trials", "100000"]);
        working.await_metric("poolproof_messages_in_hand", 1.0);
    }
    let last = ear(site, &["--attempts", "2"]);
    last.await_metric("poolproof_dead_letters_total{reason=\"attempts\"}", 1.0);
    let dead = site.dead();
    let reason = dead[0]["reason"].as_str().unwrap();
    assert_eq!(reason, "given up after 2 attempts: the worker died while it worked on the message");
    assert_eq!((dead.len(), site.documents().len(), site.waits()), (1, 0, false));
    held.row("any", "the message kills its workers");
}

fn connections_that_are_cut(held: &Held, site: &dyn Site) {
    const MESSAGES: u32 = 30;
    site.submit(&(1..=MESSAGES).map(bytes).collect::<Vec<_>>());
    let worker = site.worker(&["--parallel", "2"]).stderr(Stdio::null()).spawn().unwrap();
    for reports in [3, 10] {
        wait_until("it works", || site.documents().len() >= reports);
        site.way().unwrap().cut();
    }
    wait_until("all are scored", || site.documents().len() == MESSAGES as usize);
    wait_until("nothing remains", || !site.waits());
    terminate(&worker);
    finish(worker).expect_code(0);
    let last = site.worker(&["--until-empty"]).output().unwrap();
    assert!(last.status.success());
    assert_eq!((site.documents().len(), site.dead().len()), (MESSAGES as usize, 0));
    held.row("any", "connections cut");
}

/// A disk of its own for a folder, which only this command sees; none where that cannot be had here.
fn on_a_small_disk(worker: &Command, folder: &std::path::Path) -> Option<Command> {
    let may =
        Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).stderr(Stdio::null()).status();
    if !may.is_ok_and(|status| status.success()) {
        println!("skipped: no file systems can be mounted here");
        return None;
    }
    fs::create_dir_all(folder).unwrap();
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", "mount -t tmpfs -o size=4m none \"$0\" && exec \"$@\""]).arg(folder);
    command.arg(worker.get_program()).args(worker.get_args());
    command.envs(worker.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(command)
}

/// Leaves no room on the disk that a process sees at a path, or makes room again.
fn fill(ear: &Ear, folder: &std::path::Path, full: bool) {
    let ballast = format!("/proc/{}/root{}/ballast", ear.child.id(), folder.display());
    if !full {
        return fs::remove_file(ballast).unwrap();
    }
    let mut file = fs::File::create(ballast).unwrap();
    while std::io::Write::write_all(&mut file, &[1; 4096]).is_ok() {}
}

/// No room for a report, and room again.
pub fn a_full_disk(held: &Held, site: &dyn Site) {
    let folder = site.folder().unwrap().join("reports");
    let Some(mut command) = on_a_small_disk(&site.worker(&[&LISTEN[..], &["--attempts", "1000"]].concat()), &folder)
    else {
        return held.row("publication", "disk full");
    };
    let working = Ear::of(&mut command);
    fill(&working, &folder, true);
    site.submit(&[bytes(2), irrelevant(1).to_string().into_bytes()]);
    working.await_metric(RETRIED, 3.0);
    working.await_metric("poolproof_messages_total{outcome=\"nothing\"}", 1.0);
    assert!(working.log.lock().unwrap().contains("No space left on device"));
    fill(&working, &folder, false);
    working.await_metric(SCORED, 1.0);
    wait_until("nothing remains", || !site.waits());
    assert!(site.dead().is_empty());
    held.row("publication", "disk full");
}

/// No room for the file of the embedded queue.
pub fn a_full_disk_under_the_queue(held: &Held) {
    const MESSAGES: u32 = 40;
    let place = Place::new();
    let folder = place.0.path("small");
    let queue = format!("sqlite:{}/queue.db", folder.display());
    let words = [&LISTEN[..], &["--attempts", "1000", "--lease", "0.5", "--trials", "8"]].concat();
    let worker = place.worker_on(&queue, &words);
    let Some(mut command) = on_a_small_disk(&worker, &folder) else {
        return held.row("any", "disk of the queue full");
    };
    let working = Ear::of(&mut command);
    for count in 1..=MESSAGES {
        assert_eq!(working.post(&[], &scale("tiny", count)).status, 200);
    }
    working.await_metric(SCORED, 1.0);
    fill(&working, &folder, true);
    working.await_metric("poolproof_queue_trouble", 1.0);
    assert_eq!(working.post(&[], &scale("tiny", 99)).status, 503);
    assert!(working.get("/readyz").status == 503);
    std::thread::sleep(Duration::from_secs(1));
    fill(&working, &folder, false);
    let done =
        || working.metric(SCORED).unwrap() + working.metric("poolproof_messages_total{outcome=\"repeated\"}").unwrap();
    wait_until("all are done", || done() >= f64::from(MESSAGES));
    assert_eq!(working.get("/readyz").status, 200);
    terminate(&working.child);
    let told = working.ended();
    assert_eq!((place.documents().len() as u64, &told["dead"]), (u64::from(MESSAGES), &0.into()), "{told}");
    held.row("any", "disk of the queue full");
}
