//! What targets begin with.

use std::path::{Path, PathBuf};

/// Largest file that is a seed, in bytes: larger ones say the same more often.
const LARGEST: u64 = 60_000;

/// The files whose path below the fixtures holds one of these words: the composed ones of the repository, and the whole
/// collection where it lies beside it (`POOLPROOF_FIXTURES_DIR` names another place).
pub fn fixtures(words: &[&str]) -> Vec<Vec<u8>> {
    let beside = || below("../../shared/azure/fixtures");
    let more = std::env::var_os("POOLPROOF_FIXTURES_DIR").map_or_else(beside, PathBuf::from);
    [below("../tests/data/fixtures"), more].iter().flat_map(|root| matching(root, words)).collect()
}

/// The files of a folder of this crate whose path holds one of these words.
pub fn files(folder: &str, words: &[&str]) -> Vec<Vec<u8>> {
    matching(&below(folder), words)
}

/// The lines of a text, each a seed; comments and empty lines aside.
pub fn lines(text: &str) -> Vec<Vec<u8>> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| line.as_bytes().to_vec()).collect()
}

fn below(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn matching(root: &Path, words: &[&str]) -> Vec<Vec<u8>> {
    let (mut folders, mut found) = (vec![root.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if words.iter().any(|word| name.contains(word)) && entry.metadata().is_ok_and(|m| m.len() <= LARGEST)
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found.iter().filter_map(|path| std::fs::read(path).ok()).collect()
}

/// Proposals of every operation, with settings of every kind.
pub const PROPOSALS: &str = r##"
{"schema":"poolproof.change/1","cluster":"aks-prod","pool":"np1","operation":{"kind":"scale","count":1},"settings":{"seed":7,"trials":100,"slo":0.999,"sloPeriodDays":30,"horizonHours":6,"off":["burst"]}}
{"schema":"poolproof.change/1","cluster":"c","pool":"np1","operation":{"kind":"deletePool"},"settings":{"thresholds":{"reviewAt":"moderate","stopOutage":0.1},"bursts":[{"atMinutes":40,"factor":3,"holdMinutes":20}]}}
{"schema":"poolproof.change/1","cluster":"c","pool":"np9","operation":{"kind":"addPool","desired":{"count":3,"vmSize":"Standard_D4s_v5","mode":"User","nodeTaints":["a=b:NoSchedule"],"availabilityZones":["1","2"]}}}
{"schema":"poolproof.change/1","cluster":{"id":"/subscriptions/S/resourceGroups/RG/providers/Microsoft.ContainerService/managedClusters/AKS"},"pool":"np1","operation":{"kind":"upgrade","version":"1.34.1","settings":{"maxSurge":"33%","drainTimeoutInMinutes":30,"nodeSoakDurationInMinutes":5,"undrainableNodeBehavior":"Cordon"}},"snapshotRef":"prod"}
{"schema":"poolproof.change/1","cluster":"c","pool":"np1","operation":{"kind":"upgrade","nodeImageOnly":true,"force":true},"settings":{"parameters":"mean","assume":{"nodeFailuresPerYear":2},"thorough":true}}
{"schema":"poolproof.change/1","cluster":"c","pool":"np1","operation":{"kind":"setMode","mode":"User"}}
{"schema":"poolproof.change/1","cluster":"c","pool":"np1","operation":{"kind":"setTaints","taints":["CriticalAddonsOnly=true:NoSchedule"]}}
{"schema":"poolproof.change/1","cluster":"c","pool":"np1","operation":{"kind":"setLabels","labels":{"a":"b"}}}
{"schema":"poolproof.change/1","cluster":"c","pool":"np1","operation":{"kind":"setAutoscaler","enabled":true,"min":1,"max":5}}
{"schema":"poolproof.change/1","cluster":"c","pool":"np1","operation":{"kind":"stopPool"},"time":"2026-06-01T08:00:00Z","caller":"ci"}
{"schema":"poolproof.change/1","cluster":"c","pool":"np1","operation":{"kind":"deleteMachines","machines":["aks-np1-1-vmss000000"]}}
{"schema":"poolproof.change/1","cluster":"c","operation":{"kind":"rotateCertificates"},"correlationId":"a"}
{"schema":"poolproof.change/1","cluster":"c","pool":"np1","operation":{"kind":"resizePool","desired":{"vmSize":"Standard_D8s_v5"},"method":"rotate"},"settings":{"dnsQps":800,"drainOnDelete":true,"maintenance":"default"}}
{"schema":"poolproof.change/1","cluster":"c","pool":"np1","operation":{"kind":"cordon","nodes":["aks-np1-1-vmss000000"]}}
{"schema":"poolproof.change/1","cluster":"c","pool":"np1","operation":{"kind":"drain","nodes":["aks-np1-1-vmss000000"]}}
{"schema":"poolproof.change/1","cluster":"tiny","pool":"apps","operation":{"kind":"putPool","desired":{"count":4,"upgradeSettings":{"maxSurge":"10%"}}},"snapshot":{"schema":"poolproof.snapshot/1","cluster":{"name":"tiny"},"agentPools":[{"name":"apps","count":3,"vmSize":"Standard_D4s_v5","mode":"System"}],"items":[]}}
{"specversion":"1.0","id":"e1","source":"/ci","time":"2026-06-01T08:00:00Z","type":"dev.poolproof.change.proposed.v1","data":{"cluster":"c","pool":"np1","operation":{"kind":"scale","count":2}}}
"##;

/// Statements of outcomes.
pub const OUTCOMES: &str = r##"
{"schema":"poolproof.outcome/1","correlationId":"c-1","outageMinutes":3.5,"mitigated":false,"note":"DNS lost 2 of 3 replicas"}
{"schema":"poolproof.outcome/1","change":"0123456789abcdef","succeeded":false,"code":"Stuck","startedAt":"2026-03-02T06:00:00Z","endedAt":"2026-03-02T07:00:00Z","outage":true,"interruptions":2,"nodeDays":100,"time":"2026-03-02T08:00:00Z"}
{"specversion":"1.0","id":"o1","source":"/ops","type":"dev.poolproof.outcome.v1","data":{"schema":"poolproof.outcome/1","correlationId":"c-2","outageMinutes":0}}
"##;

/// Command lines of `az aks`.
pub const COMMANDS: &str = r##"
az aks nodepool scale -g rg --cluster-name c -n np1 --node-count 5
az aks nodepool upgrade -g rg --cluster-name c -n np1 --kubernetes-version 1.34.1 --max-surge 33% --drain-timeout 45 --node-soak-duration 5 --no-wait
az aks nodepool upgrade --resource-group=rg --cluster-name=c --name=np1 --node-image-only --yes
az aks nodepool add -g rg --cluster-name c -n np2 --node-count 3 --node-vm-size Standard_D4s_v5 --mode System --node-taints CriticalAddonsOnly=true:NoSchedule --zones 1 2 3 --labels a=b c=d
az aks nodepool update -g rg --cluster-name c -n np1 --enable-cluster-autoscaler --min-count 0 --max-count 5
az aks nodepool update -g rg --cluster-name c -n np1 --mode user --labels '' --disable-cluster-autoscaler --node-taints ""
az aks nodepool delete -g rg --cluster-name c -n np1 --ignore-pdb
az aks nodepool delete-machines -g rg --cluster-name c -n np1 --machine-names aks-np1-1-vmss000000 aks-np1-1-vmss000001
az aks nodepool stop --nodepool-name np1 --cluster-name c -g rg; az aks nodepool start --nodepool-name np1 --cluster-name c -g rg
az aks upgrade -g rg -n c --kubernetes-version 1.34.1 --control-plane-only && az aks rotate-certs -g rg -n c
"##;

/// Plans of several steps.
pub const SCRIPTS: [&str; 3] = [
    "# poolproof plan {\"trials\": 512, \"seed\": 3}\nset -e\naz aks nodepool add -g rg --cluster-name c -n np2 --node-count 3 --node-vm-size Standard_D4s_v5 --mode User\nkubectl cordon -l agentpool=np1\nkubectl drain -l agentpool=np1 --ignore-daemonsets --delete-emptydir-data --timeout=30m\naz aks nodepool delete -g rg --cluster-name c -n np1\n",
    "# poolproof plan\n# a comment\naz aks nodepool update -g rg --cluster-name c -n np1 \\\n  --max-surge 1 --drain-timeout 30\nsleep 600\nkubectl -n kube-system scale deployment/coredns --replicas=3\nkubectl rollout status -n kube-system deployment/coredns --timeout=10m\naz aks nodepool upgrade -g rg --cluster-name c -n np1 --node-image-only\n",
    "# poolproof plan\nkubectl patch pdb -n shop api --type merge -p '{\"spec\":{\"maxUnavailable\":1,\"minAvailable\":null}}'\naz aks nodepool scale -g rg --cluster-name c -n np1 --node-count 2\n",
];
