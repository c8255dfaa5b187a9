//! A private RabbitMQ: its own folder, loopback, free ports, gone with the test.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::support::Folder;

/// Where Debian puts the scripts that run as whoever calls them.
const SCRIPTS: &str = "/usr/lib/rabbitmq/bin";
/// Longest wait for the broker (20 to 34 s on two busy cores).
const START: Duration = Duration::from_secs(120);

/// Longest wait for a single answer, generous for a broker on a busy machine.
const ANSWER: Duration = Duration::from_secs(30);

/// A running broker.
pub struct Broker {
    folder: Folder,
    ports: [u16; 4],
    epmd: Child,
    server: Child,
    pub runtime: Runtime,
}

impl Broker {
    /// Starts a broker and waits until it answers.
    pub fn start() -> Broker {
        assert!(
            std::path::Path::new(SCRIPTS).is_dir(),
            "these tests need RabbitMQ: apt-get install --no-install-recommends rabbitmq-server"
        );
        let folder = Folder::new();
        let ports = free_ports();
        let mut config = format!(
            "listeners.tcp.1 = 127.0.0.1:{}\nvm_memory_high_watermark.absolute = 512MB\ndisk_free_limit.absolute = 50MB\n",
            ports[0]
        );
        certificates(&folder);
        let place = folder.0.display();
        config += &format!(
            "listeners.ssl.1 = 127.0.0.1:{}\nssl_options.cacertfile = {place}/ca.pem\nssl_options.certfile = {place}/cert.pem\n\
             ssl_options.keyfile = {place}/key.pem\nssl_options.verify = verify_none\nssl_options.fail_if_no_peer_cert = false\n",
            ports[3]
        );
        folder.file("rabbitmq.conf", config);
        folder.file("plugins", "[].");
        // Its own port mapper, which would outlive the broker otherwise.
        let epmd = Command::new("epmd")
            .args(["-address", "127.0.0.1", "-port", &ports[1].to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = serve(&folder, ports);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let broker = Broker { folder, ports, epmd, server, runtime };
        broker.wait();
        broker
    }

    /// The address, with everything there named so.
    pub fn url(&self, name: &str) -> String {
        self.url_as("guest:guest", name)
    }

    /// The address for somebody else.
    pub fn url_as(&self, user: &str, name: &str) -> String {
        self.url_by(self.ports[0], user, name)
    }

    /// The address of somebody who comes by another port.
    pub fn url_by(&self, port: u16, user: &str, name: &str) -> String {
        format!("amqp://{user}@127.0.0.1:{port}/%2f?name={name}")
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.ports[0]
    }

    /// The address with TLS, and the certificate of the authority behind it.
    pub fn url_with_tls(&self, name: &str) -> (String, PathBuf) {
        (format!("amqps://guest:guest@localhost:{}/%2f?name={name}", self.ports[3]), self.folder.path("ca.pem"))
    }

    /// The certificate of an authority that does not vouch for the broker.
    pub fn stranger(&self) -> PathBuf {
        self.folder.path("other.pem")
    }

    /// A connection of the test's own.
    pub fn connect(&self) -> lapin::Result<Connection> {
        let url = format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.ports[0]);
        let connecting = async { timeout(ANSWER, Connection::connect(&url, ConnectionProperties::default())).await };
        let late = || Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into());
        self.runtime.block_on(connecting).unwrap_or_else(|_| late())
    }

    /// Counts, each time it is called, the messages of a queue that nobody has taken yet. On one connection, and never without
    /// end: a broker under load may be late with an answer.
    pub fn counter(&self, queue: String) -> impl FnMut() -> u32 {
        let mut channel = None;
        move || {
            for _ in 0..10 {
                if channel.is_none() {
                    let connected = self.connect().and_then(|connection| {
                        let opened = self.runtime.block_on(connection.create_channel());
                        opened.map(|channel| (connection, channel))
                    });
                    channel = connected.ok();
                }
                let Some((_, open)) = &channel else { continue };
                let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
                let found = open.queue_declare(queue.as_str().into(), options, FieldTable::default());
                match self.runtime.block_on(async { timeout(ANSWER, found).await }) {
                    Ok(Ok(found)) => return found.message_count(),
                    _ => channel = None,
                }
            }
            panic!("the broker does not say what lies in {queue}");
        }
    }

    /// Kills the broker as a power cut would, and starts it again on what lies on the disk.
    pub fn crash_and_restart(&mut self) {
        self.kill();
        self.server = serve(&self.folder, self.ports);
        self.wait();
    }

    /// Ends the broker as an operator would, and starts it again.
    pub fn stop_and_restart(&mut self) {
        let pid = fs::read_to_string(self.folder.path("pid")).unwrap();
        assert!(Command::new("kill").args(["-TERM", pid.trim()]).status().unwrap().success());
        let begun = Instant::now();
        while self.server.try_wait().unwrap().is_none() && begun.elapsed() < START {
            std::thread::sleep(Duration::from_millis(50));
        }
        self.crash_and_restart();
    }

    /// Says something to the broker's control program.
    pub fn control(&self, words: &[&str]) {
        let mut command = Command::new(format!("{SCRIPTS}/rabbitmqctl"));
        environment(&mut command, &self.folder, self.ports);
        let output = command.args(["-n", NODE]).args(words).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn wait(&self) {
        let started = Instant::now();
        while let Err(error) = self.connect() {
            assert!(started.elapsed() < START, "no broker: {error}");
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    fn kill(&mut self) {
        if let Ok(pid) = fs::read_to_string(self.folder.path("pid")) {
            let _ = Command::new("kill").args(["-9", pid.trim()]).stderr(Stdio::null()).status();
        }
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
        let _ = self.epmd.kill();
        let _ = self.epmd.wait();
    }
}

/// Name of the node.
const NODE: &str = "poolproof@localhost";

fn serve(folder: &Folder, ports: [u16; 4]) -> Child {
    let _ = fs::remove_file(folder.path("pid"));
    let mut command = Command::new(format!("{SCRIPTS}/rabbitmq-server"));
    environment(&mut command, folder, ports);
    let log = || Stdio::from(fs::File::create(folder.path("server.log")).unwrap());
    command.stdin(Stdio::null()).stdout(log()).stderr(log()).spawn().unwrap()
}

fn environment(command: &mut Command, folder: &Folder, ports: [u16; 4]) {
    let arguments = "-kernel inet_dist_use_interface {127,0,0,1}";
    command
        .env("HOME", &folder.0)
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("ERL_EPMD_PORT", ports[1].to_string())
        .env("RABBITMQ_DIST_PORT", ports[2].to_string())
        .env("RABBITMQ_NODENAME", NODE)
        .env("RABBITMQ_CONFIG_FILE", folder.path("rabbitmq"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.path("plugins"))
        .env("RABBITMQ_MNESIA_BASE", folder.path("db"))
        .env("RABBITMQ_LOG_BASE", folder.path("log"))
        .env("RABBITMQ_PID_FILE", folder.path("pid"))
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", arguments);
}

fn free_ports() -> [u16; 4] {
    // Held together, so that they differ.
    let held = [(); 4].map(|()| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

/// An authority of our own, its certificate for the broker, and an authority that has nothing to do with it.
fn certificates(folder: &Folder) {
    folder.file("names", "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n");
    let new = ["req", "-newkey", "rsa:2048", "-nodes", "-subj"];
    let authority = ["/CN=authority", "-x509", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem"];
    let other = ["/CN=other", "-x509", "-days", "2", "-keyout", "other.key", "-out", "other.pem"];
    let request = ["/CN=localhost", "-keyout", "key.pem", "-out", "request.pem"];
    let sign =
        ["x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
    for words in [
        [&new[..], &authority].concat(),
        [&new[..], &other].concat(),
        [&new[..], &request].concat(),
        [&sign[..], &["-extfile", "names", "-out", "cert.pem"]].concat(),
    ] {
        let output = Command::new("openssl").args(words).current_dir(&folder.0).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}
