//! A private Azurite: its own folder, loopback, free ports, gone with the test.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::{ClientOptions, ObjectStore};
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;

use crate::support::Folder;

/// The account of every Azurite, and its well-known key.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
/// Longest wait for it to answer.
const START: Duration = Duration::from_secs(180);

/// A running Azurite.
pub struct Azurite {
    pub folder: Folder,
    program: PathBuf,
    /// Of blobs, queues and tables.
    pub ports: [u16; 3],
    server: Mutex<Child>,
    pub runtime: Runtime,
}

impl Azurite {
    /// Starts the program and waits until it answers.
    pub fn start(program: PathBuf) -> Azurite {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = Folder::new();
        let held = [(); 3].map(|()| TcpListener::bind(("127.0.0.1", 0)).unwrap());
        let ports = held.map(|listener| listener.local_addr().unwrap().port());
        folder.file("sas", signature());
        let server = Mutex::new(serve(&program, &folder, ports));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let azurite = Azurite { folder, program, ports, server, runtime };
        azurite.wait();
        let made = azurite.request("PUT", "fleet", "restype=container&");
        assert!(made.starts_with("HTTP/1.1 201"), "{made}");
        azurite
    }

    /// What a program needs to find it.
    pub fn point(&self, command: &mut Command) {
        command
            .env("POOLPROOF_AZURE_SAS_FILE", self.folder.path("sas"))
            .env("AZURE_STORAGE_USE_EMULATOR", "true")
            .env("AZURE_STORAGE_ACCOUNT_KEY", KEY);
        point_to(command, [self.ports[0], self.ports[1]]);
    }

    /// The container, for the test itself.
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        let builder = MicrosoftAzureBuilder::new()
            .with_account(ACCOUNT)
            .with_container_name("fleet")
            .with_endpoint(format!("http://127.0.0.1:{}/{ACCOUNT}", self.ports[0]))
            .with_config(AzureConfigKey::SasKey, signature())
            .with_client_options(ClientOptions::new().with_allow_http(true));
        Arc::new(builder.build().unwrap())
    }

    /// The address of a queue.
    pub fn queue(name: &str) -> String {
        format!("azqueue://{ACCOUNT}/{name}")
    }

    /// Goes away in order, and comes back on what it has written.
    pub fn restart(&self, away: Duration) {
        self.stop();
        std::thread::sleep(away);
        *self.server.lock().unwrap() = serve(&self.program, &self.folder, self.ports);
        self.wait();
    }

    fn stop(&self) {
        let mut server = self.server.lock().unwrap();
        let _ = Command::new("kill").args(["-TERM", &server.id().to_string()]).status();
        let started = Instant::now();
        // It writes what it holds as it ends: killed before, it would forget the last seconds, as no storage account does.
        while started.elapsed() < START && matches!(server.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = server.kill();
        let _ = server.wait();
    }

    fn wait(&self) {
        let started = Instant::now();
        while self.ports.iter().any(|port| TcpStream::connect(("127.0.0.1", *port)).is_err()) {
            assert!(started.elapsed() < START, "no Azurite");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// A request without a body, as plain as it gets.
    pub fn request(&self, verb: &str, path: &str, query: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.ports[0])).unwrap();
        let target = format!("/{ACCOUNT}/{path}?{query}{}", signature());
        let head = "Host: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\nx-ms-version: 2021-12-02";
        write!(stream, "{verb} {target} HTTP/1.1\r\n{head}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(program: &PathBuf, folder: &Folder, ports: [u16; 3]) -> Child {
    let mut command = Command::new(program);
    command.args(["--silent", "--skipApiVersionCheck", "--disableTelemetry", "--location"]).arg(folder.path("data"));
    for (name, port) in ["blob", "queue", "table"].iter().zip(ports) {
        command.args([format!("--{name}Host"), "127.0.0.1".into(), format!("--{name}Port"), port.to_string()]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Says by which ports blobs and queues are to be had.
pub fn point_to(command: &mut Command, [blobs, queues]: [u16; 2]) {
    command
        .env("POOLPROOF_AZURE_QUEUE_ENDPOINT", format!("http://127.0.0.1:{queues}/{ACCOUNT}"))
        .env("AZURITE_BLOB_STORAGE_URL", format!("http://127.0.0.1:{blobs}"));
}

/// A signature for everything in the account, for two days (account SAS, version 2021-12-02).
pub fn signature() -> String {
    let (permissions, services, types, version) = ("rwdlacup", "bq", "sco", "2021-12-02");
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48);
    let end = end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let signed = format!("{ACCOUNT}\n{permissions}\n{services}\n{types}\n\n{end}\n\n\n{version}\n\n");
    let signature = BASE64_STANDARD.encode(hmac(&BASE64_STANDARD.decode(KEY).unwrap(), signed.as_bytes()));
    let signature = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("sv={version}&ss={services}&srt={types}&sp={permissions}&se={}&sig={signature}", end.replace(':', "%3A"))
}

/// HMAC-SHA256 (RFC 2104) with a key no longer than a block.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let padded = |pad: u8| -> Vec<u8> { (0..64).map(|i| key.get(i).copied().unwrap_or(0) ^ pad).collect() };
    let inner = Sha256::digest([padded(0x36), text.to_vec()].concat());
    Sha256::digest([padded(0x5c), inner.to_vec()].concat()).to_vec()
}
