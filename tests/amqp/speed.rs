//! Messages per second through RabbitMQ, what the worker itself adds to each, and how much memory it takes.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use lapin::BasicProperties;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use serde_json::{Value, json};

use super::broker::Broker;
use super::{Place, bytes};
use crate::endurance::{mixed, wanted, watch};
use crate::support::{irrelevant, proposal, run};

#[test]
fn the_speed_through_a_real_broker() {
    let Some(count) = wanted() else { return };
    let broker = Broker::start();
    for prefetch in [1, 4, 16, 64] {
        queue_alone(&broker, count / 5, prefetch);
    }
    for prefetch in [1, 16] {
        trivial_simulations(&broker, count / 20, prefetch);
    }
    the_demos_changes(&broker);
}

/// Messages without a pool operation: claimed, read, acknowledged.
fn queue_alone(broker: &Broker, count: usize, prefetch: u32) {
    let place = filled(broker, &format!("alone{prefetch}"), (0..count).map(|i| irrelevant(i as u32)));
    let (seconds, busy) = worked(broker, &place.ahead(prefetch), &[]);
    let each = |seconds: f64| 1000.0 * seconds / count as f64;
    println!(
        "queue alone, prefetch {prefetch}: {count} messages in {seconds:.1} s, {:.0}/s; {:.2} ms each, of which {:.2} ms of CPU",
        count as f64 / seconds,
        each(seconds),
        each(busy)
    );
    // Time on the clock depends on what else the machine does.
    assert!(cfg!(debug_assertions) || each(busy) <= 2.0, "over 2 ms of CPU a message");
}

/// Proposals of which one future is simulated, by a worker as it is unless told otherwise: one at a time. The main work is what
/// `score` does as well: the change is resolved against its snapshot, simulated, judged and drawn; the report's own record tells
/// how long that took. Overhead is all the rest of the time: taking the message, reading it and the snapshot, looking into
/// the ledger, publishing durably, acknowledging.
fn trivial_simulations(broker: &Broker, count: usize, prefetch: u32) {
    let trivial = |seed: usize| {
        let mut change = proposal("tiny", &json!({"kind": "scale", "count": 4}));
        change["settings"] = json!({"trials": 1, "seed": seed + 1});
        change
    };
    let place = filled(broker, &format!("trivial{prefetch}"), (0..count).map(trivial));
    let flush = flush(&place);
    let place = place.ahead(prefetch);
    let (seconds, busy) = worked(broker, &place, &[]);
    let each = |seconds: f64| 1000.0 * seconds / count as f64;
    let (main, overhead) = (each(place.spent()), each(seconds - place.spent()));
    println!(
        "trivial simulations, prefetch {prefetch}: {count} messages in {seconds:.1} s, {:.0}/s; {:.2} ms each, of which {main:.2} ms to \
         resolve, simulate, judge and draw, and {overhead:.2} ms overhead; {:.2} ms of CPU, {:.2} ms without the main work; to have \
         one small file on the disk took {flush:.2} ms before",
        count as f64 / seconds,
        each(seconds),
        each(busy),
        each(busy) - main,
    );
    assert_eq!(place.reports().len(), count);
    // At most 2 ms on an idle machine, more where the disk is slow: whoever waited for it beside each message would take several
    // times as long as one file.
    assert!(overhead < f64::max(2.0, 1.5 * flush), "publication holds the next message up");
}

/// Milliseconds until a small new file is on the disk, the median of some.
fn flush(place: &Place) -> f64 {
    let once = |i: usize| {
        let begun = Instant::now();
        let mut file = fs::File::create(place.folder.path(&format!("flush{i}"))).unwrap();
        file.write_all(&[b'x'; 4096]).and_then(|()| file.sync_all()).unwrap();
        1000.0 * begun.elapsed().as_secs_f64()
    };
    let mut times: Vec<f64> = (0..21).map(once).collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The shipped case studies' changes, each with several seeds, with as many futures as a quick look draws.
fn the_demos_changes(broker: &Broker) {
    const SEEDS: u32 = 5;
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/examples");
    let mut messages = Vec::new();
    let place = Place::at(broker.url("demo"), broker, "demo");
    for case in fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path()) {
        for side in ["before", "after"] {
            let Ok(files) = fs::read_dir(case.join(side)) else { continue };
            let named = format!("{}-{side}", case.file_name().unwrap().to_str().unwrap());
            for path in files.map(|entry| entry.unwrap().path()) {
                let document: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap_or_default();
                if path.ends_with("snapshot.json") {
                    place.folder.json(&format!("snapshots/{named}.json"), &document);
                } else if document["schema"] == "poolproof.change/1" {
                    messages.extend((1..=SEEDS).map(|seed| {
                        let mut message = document.clone();
                        message["settings"]["seed"] = json!(seed);
                        message
                    }));
                }
            }
        }
    }
    let count = messages.len();
    fill(broker, &place, messages.into_iter());
    let (seconds, _) = worked(broker, &place, &["--trials", "200"]);
    println!("the demo's changes, 200 trials: {count} messages in {seconds:.1} s, {:.1}/s", count as f64 / seconds);
    assert_eq!(place.reports().len(), count);
}

/// Many messages of all kinds through one worker.
#[test]
fn the_memory_of_a_worker_on_rabbitmq_stays_flat() {
    let Some(count) = wanted() else { return };
    let broker = &Broker::start();
    let place = filled(broker, "memory", (0..count).map(mixed));
    let worker = start(&place, 2, &["--keep", "100", "--trials", "4"]);
    let mut waiting = broker.counter("memory.changes".into());
    watch("RabbitMQ", worker, count, &mut || waiting() as usize);
    assert_eq!(place.reports().len(), 100.min(count / 100 + 10));
}

fn filled(broker: &Broker, name: &str, messages: impl Iterator<Item = Value>) -> Place {
    let place = Place::at(broker.url(name), broker, name);
    fill(broker, &place, messages);
    place
}

/// Puts messages on the queue as fast as the broker takes them.
fn fill(broker: &Broker, place: &Place, messages: impl Iterator<Item = Value>) {
    // Makes exchanges and queues.
    run(&mut place.worker(&["--until-empty"])).expect_code(0);
    let exchange = format!("{}.changes", place.url.rsplit('=').next().unwrap());
    let connection = broker.connect().unwrap();
    broker.runtime.block_on(async {
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        for message in messages {
            let properties = BasicProperties::default().with_delivery_mode(2);
            let (to, key, options) = (exchange.as_str().into(), "change".into(), BasicPublishOptions::default());
            drop(channel.basic_publish(to, key, options, &bytes(&message), properties).await.unwrap());
        }
        channel.wait_for_confirms().await.unwrap();
    });
}

fn start(place: &Place, parallel: u32, words: &[&str]) -> Child {
    let mut worker = place.worker(&["--parallel", &parallel.to_string(), "--log", "warn"]);
    // Announcements are another thing.
    worker
        .env_remove("POOLPROOF_TRIALS")
        .env("POOLPROOF_PUBLISH", format!("dir:{}", place.folder.path("reports").display()));
    worker.args(words).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
}

/// Seconds until everything is done, on the clock and of CPU, without what a worker takes for an empty queue.
fn worked(broker: &Broker, place: &Place, words: &[&str]) -> (f64, f64) {
    let words = [words, &["--until-empty"]].concat();
    let nothing = Place::at(format!("{}-idle", place.url), broker, "idle");
    let idle = ended(start(&nothing, 1, &words));
    let busy = ended(start(place, 1, &words));
    (busy.0 - idle.0, busy.1 - idle.1)
}

/// Waits for the end of a worker; gives the seconds it took, on the clock and of CPU.
fn ended(mut worker: Child) -> (f64, f64) {
    let (started, mut busy) = (Instant::now(), 0.0);
    loop {
        busy = f64::max(busy, cpu(&worker));
        if let Some(status) = worker.try_wait().unwrap() {
            assert!(status.success());
            return (started.elapsed().as_secs_f64(), busy);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Seconds of CPU a process has used (proc(5): fields 14 and 15, in hundredths).
fn cpu(worker: &Child) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", worker.id())).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

impl Place {
    /// The same with workers that are sent so many messages at once.
    fn ahead(mut self, prefetch: u32) -> Place {
        self.url_of_workers += &format!("&prefetch={prefetch}");
        self
    }

    /// Seconds that the runs themselves took, by their records.
    fn spent(&self) -> f64 {
        let seconds = |id: &String| {
            let path = self.folder.path(&format!("reports/{id}/run.json"));
            let record: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            ["loadSeconds", "simulateSeconds", "reportSeconds"].iter().map(|n| record[n].as_f64().unwrap()).sum::<f64>()
        };
        self.reports().iter().map(seconds).sum()
    }
}
