//! What the tests of the binary share: starting it, folders that go with the test, small inputs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

/// The real binary, without settings from outside.
pub fn poolproof() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poolproof"));
    for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("POOLPROOF_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// The same, after making sure of the exit code.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Ended {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }
}

/// Runs to the end.
pub fn run(command: &mut Command) -> Ended {
    ended(command.output().unwrap())
}

/// Runs to the end with this standard input.
pub fn run_with_input(command: &mut Command, input: &[u8]) -> Ended {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // The reader may stop early: a closed pipe is its right.
        scope.spawn(move || drop(stdin.write_all(input)));
        ended(child.wait_with_output().unwrap())
    })
}

fn ended(output: std::process::Output) -> Ended {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A folder in the target directory that goes with the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file and returns its path.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Writes a JSON file and returns its path.
    pub fn json(&self, name: &str, content: &Value) -> PathBuf {
        self.file(name, content.to_string())
    }

    /// The queue of this folder as the command line names it.
    pub fn queue(&self) -> String {
        format!("sqlite:{}", self.path("queue.db").display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left for a look where the test failed.
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// A small cluster: a system pool and a user pool, three nodes each, with nodes and pods left to assumptions.
pub fn snapshot(name: &str) -> Value {
    let pool = |name: &str, mode: &str| {
        json!({
            "name": name, "mode": mode, "count": 3, "vmSize": "Standard_D4s_v5", "osType": "Linux", "osSku": "Ubuntu", "maxPods": 110,
            "orchestratorVersion": "1.33.2", "currentOrchestratorVersion": "1.33.2", "enableAutoScaling": false, "powerState": {"code": "Running"},
            "provisioningState": "Succeeded", "type": "VirtualMachineScaleSets", "upgradeSettings": {"maxSurge": "10%"}
        })
    };
    json!({
        "schema": "poolproof.snapshot/1",
        "cluster": {"name": name},
        "agentPools": [pool("sys", "System"), pool("apps", "User")],
        "items": [],
        "takenAt": "2026-03-02T06:00:00Z"
    })
}

/// A proposal to change the user pool of a cluster; few trials, for the tests are about other things.
pub fn proposal(cluster: &str, operation: &Value) -> Value {
    json!({"schema": "poolproof.change/1", "cluster": cluster, "pool": "apps", "operation": operation, "settings": {"trials": 8}})
}

/// A proposal to scale the user pool.
pub fn scale(cluster: &str, count: u32) -> Value {
    proposal(cluster, &json!({"kind": "scale", "count": count}))
}

/// An event that is no pool operation.
pub fn irrelevant(id: u32) -> Value {
    json!([{
        "id": format!("event-{id}"),
        "topic": "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/tiny",
        "subject": "tiny",
        "eventType": "Microsoft.ContainerService.NewKubernetesVersionAvailable",
        "eventTime": "2026-03-02T06:00:00Z",
        "data": {"latestSupportedKubernetesVersion": "1.34.1", "latestStableKubernetesVersion": "1.33.2"},
        "dataVersion": "1",
        "metadataVersion": "1"
    }])
}

/// What the activity log tells of one call that scales the user pool of the cluster `tiny` to four nodes.
pub fn record(correlation: &str, status: &str, minute: u32) -> Value {
    let id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/tiny/agentPools/apps";
    json!({
        "operationName": "Microsoft.ContainerService/managedClusters/agentPools/write",
        "resourceId": id,
        "correlationId": correlation,
        "eventDataId": format!("{correlation}-{status}-{minute}"),
        "eventTimestamp": format!("2026-03-02T06:{minute:02}:00Z"),
        "status": status,
        "caller": "ops@example.org",
        "properties": {"requestbody": json!({"properties": {"count": 4}}).to_string()}
    })
}
