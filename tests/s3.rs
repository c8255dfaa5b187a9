//! Reports and snapshots in a bucket of a server that speaks S3: reports are whole or not there, one report per change, two
//! workers do not overwrite each other's lines.
//!
//! Runs only where `POOLPROOF_S3` names the program (`pip install 'moto[s3,server]'`, then `moto_server`).

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_lite::StreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{poolproof, record, run, scale, snapshot};
use crate::worker::{Place, finish, tally};

/// A private server with one bucket, gone with the test.
struct S3 {
    server: Child,
    port: u16,
    runtime: Runtime,
}

impl S3 {
    fn start(program: &str) -> S3 {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let server = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let s3 = S3 { server, port, runtime };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(120), "no server");
            std::thread::sleep(Duration::from_millis(100));
        }
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(stream, "PUT /fleet HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        s3
    }

    fn settings(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT", format!("http://127.0.0.1:{}", self.port)),
            ("AWS_ALLOW_HTTP", "true".into()),
            ("AWS_ACCESS_KEY_ID", "key".into()),
            ("AWS_SECRET_ACCESS_KEY", "correct-horse".into()),
            ("AWS_REGION", "us-east-1".into()),
        ]
    }

    /// The bucket, for the test itself.
    fn store(&self) -> Arc<dyn ObjectStore> {
        let mut builder = AmazonS3Builder::new().with_bucket_name("fleet");
        for (name, value) in self.settings().into_iter().filter(|(name, _)| *name != "AWS_ALLOW_HTTP") {
            builder = builder.with_config(name.to_lowercase().parse().unwrap(), value);
        }
        Arc::new(builder.with_client_options(ClientOptions::new().with_allow_http(true)).build().unwrap())
    }

    fn put(&self, path: &str, content: String) {
        self.runtime.block_on(self.store().put(&Path::from(path), content.into_bytes().into())).unwrap();
    }

    fn delete(&self, path: &str) {
        self.runtime.block_on(self.store().delete(&Path::from(path))).unwrap();
    }

    /// Everything below the reports.
    fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let store = self.store();
        self.runtime.block_on(async {
            let mut found = BTreeMap::new();
            let mut listed = store.list(Some(&Path::from("reports")));
            while let Some(object) = listed.next().await {
                let path = object.unwrap().location;
                let bytes = store.get(&path).await.unwrap().bytes().await.unwrap();
                found.insert(path.as_ref().strip_prefix("reports/").unwrap().to_owned(), bytes.to_vec());
            }
            found
        })
    }

    /// The reports that are there; each must be whole.
    fn documents(&self) -> Vec<Value> {
        let objects = self.objects();
        let ids: Vec<&str> = objects.keys().filter_map(|path| path.strip_suffix("/run.json")).collect();
        let all = objects.keys().filter(|path| path.ends_with("/report.json")).count();
        assert_eq!(ids.len(), all, "nothing half is left");
        ids.iter().map(|id| serde_json::from_slice(&objects[&format!("{id}/report.json")]).unwrap()).collect()
    }

    fn worker(&self, place: &Place, words: &[&str]) -> Command {
        let mut command = poolproof();
        command.args(["worker", "--log-format", "json", "--poll", "0.05", "--retry-delay", "0.1", "--threads", "1"]);
        command.args(["--queue", &place.0.queue(), "--trials", "8", "--until-empty"]);
        command.args(["--snapshots", "s3://fleet/snapshots", "--publish", "s3://fleet/reports"]);
        command.args(words).envs(self.settings());
        command
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn a_real_bucket() {
    let Ok(program) = std::env::var("POOLPROOF_S3") else {
        println!("skipped: POOLPROOF_S3=PROGRAM runs the tests against a private server that speaks S3");
        return;
    };
    let s3 = S3::start(&program);
    s3.put("snapshots/tiny.json", snapshot("tiny").to_string());
    let place = Place::new();
    let told = |place: &Place, words: &[&str]| tally(&run(&mut s3.worker(place, words)).expect_code(0));

    place.submit(&[scale("tiny", 2), record("c-1", "Started", 0)]);
    assert_eq!(told(&place, &[])["scored"], 2);
    let first = s3.objects();
    let index = String::from_utf8(first["index.html"].clone()).unwrap();
    assert!(s3.documents().iter().all(|report| index.contains(report["id"].as_str().unwrap())));
    // Again: not one byte differs. Further: it takes the place of the other.
    place.submit(&[scale("tiny", 2), record("c-1", "Started", 0)]);
    assert_eq!(told(&place, &[])["repeated"], 2);
    assert_eq!(s3.objects(), first);
    place.submit(&[record("c-1", "Succeeded", 9)]);
    assert_eq!(told(&place, &[])["scored"], 1);
    let phases = |phase: &str| s3.documents().iter().filter(|report| report["change"]["phase"] == phase).count();
    assert_eq!((phases("completed"), phases("in_flight"), phases("proposed")), (1, 0, 1));

    // As a worker leaves it that is killed half-way.
    let id = s3.documents()[0]["id"].as_str().unwrap().to_owned();
    let whole = s3.objects();
    for file in ["run.json", "report.html"] {
        s3.delete(&format!("reports/{id}/{file}"));
    }
    place.submit(&[scale("tiny", 2), record("c-1", "Succeeded", 9)]);
    told(&place, &[]);
    let mended = s3.objects();
    assert_eq!(mended.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
    assert_eq!(mended[&format!("{id}/report.html")], whole[&format!("{id}/report.html")]);

    several_workers_on_one_bucket(&s3, &place);

    // Limits, and what is refused.
    place.submit(&[scale("tiny", 9)]);
    assert_eq!(told(&place, &["--keep", "3"])["scored"], 1);
    assert_eq!(s3.documents().len(), 3);
    assert_eq!(s3.objects().keys().filter(|path| path.starts_with(".changes/")).count(), 3, "their lines go with them");
    let ended = run(&mut s3.worker(&place, &["--publish", "s3://nowhere/reports"])).expect_code(1);
    assert!(ended.stderr.contains("could not open s3://nowhere/reports"), "{ended:#?}");
    let ended = run(&mut s3.worker(&place, &["--log", "trace"])).expect_code(0);
    assert!(!ended.stderr.contains("correct-horse"), "the secret is in the log");
}

/// Each change is told of three times, in any order, to three workers at once.
fn several_workers_on_one_bucket(s3: &S3, place: &Place) {
    const OPERATIONS: u32 = 8;
    let told = |i: u32, status: &str, minute| record(&format!("op-{i}"), status, minute);
    let both = |i| [told(i, "Succeeded", 9), told(i, "Started", 0), told(OPERATIONS - 1 - i, "Accepted", 1)];
    place.submit(&(0..OPERATIONS).flat_map(both).collect::<Vec<_>>());
    let before = s3.documents().len();
    let workers: Vec<Child> = (0..3).map(|_| s3.worker(place, &["--parallel", "2"]).spawn().unwrap()).collect();
    let told: Vec<Value> = workers.into_iter().map(|worker| tally(&finish(worker).expect_code(0))).collect();
    assert!(told.iter().all(|tally| tally["dead"] == json!(0)), "{told:#?}");
    let documents = s3.documents();
    assert_eq!(documents.len() - before, OPERATIONS as usize);
    let begun = documents.iter().filter(|report| report["change"]["phase"] == "in_flight").count();
    assert_eq!(begun, 0, "the message that is furthest has the report");
}
