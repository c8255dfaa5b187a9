//! Plans as scripts: `az aks` and `kubectl` commands that are one change, each begun when the one before has ended.
//!
//! The first line says so, and may carry settings: `# poolproof plan {"trials": 512}`. Nothing is guessed: comments, empty
//! lines, `set -e` and waits (`sleep`, `kubectl rollout status`, `kubectl wait`) aside, a line that is not understood is a
//! complaint.

use serde_json::Value;

use super::super::draft::Draft;
use super::super::json::join;
use super::super::walk::Walk;
use super::arguments::Arguments;
use super::operations;
use crate::change::{ChangeSettings, ClusterRef, Operation, Source, Step};
use crate::complaint::Complaint;

/// How the first line of a plan begins.
pub const HEADER: &str = "# poolproof plan";

/// Most steps of one plan.
const MOST_STEPS: usize = 64;

/// True for the text of a plan.
pub fn is_script(text: &str) -> bool {
    text.trim_start().starts_with(HEADER)
}

/// Reads a plan: one change. A single command is that command's change.
pub fn read(text: &str, path: &str, walk: &mut Walk) {
    let joined = text.trim().replace("\\\r\n", " ").replace("\\\n", " ");
    let mut lines = joined.lines();
    let before = walk.complaints().len();
    let settings = settings(lines.next().unwrap_or_default(), path, walk);
    let mut script = Script::default();
    for (i, line) in lines.enumerate() {
        script.line(line.trim(), &join(path, &format!("line {}", i + 2)), walk);
    }
    if walk.complaints().len() > before {
        return;
    }
    if script.steps.len() > MOST_STEPS {
        let found = format!("{} steps", script.steps.len());
        return walk.complain(Complaint::at(path, found, format!("at most {MOST_STEPS} steps")));
    }
    let source = Source { format: super::FORMAT.to_owned(), ..Source::default() };
    let (pool, operation) = match script.steps.as_slice() {
        [] => return walk.none("the plan has no steps"),
        [Step { wait_seconds: 0, pool, operation }] => (pool.clone(), operation.clone()),
        _ => (None, Operation::Plan { steps: script.steps }),
    };
    let cluster = script.cluster.unwrap_or_default();
    walk.change(Draft { settings, ..Draft::proposed(source, cluster, pool, operation) }.by_content());
}

/// What the first line carries.
fn settings(line: &str, path: &str, walk: &mut Walk) -> ChangeSettings {
    let rest = line.trim().strip_prefix(HEADER).unwrap_or_default().trim();
    if rest.is_empty() {
        return ChangeSettings::default();
    }
    serde_json::from_str(rest).unwrap_or_else(|error| {
        let expected = format!("settings as in the schema ({error})");
        walk.complain(Complaint::at(join(path, "line 1"), rest, expected));
        ChangeSettings::default()
    })
}

#[derive(Default)]
struct Script {
    cluster: Option<ClusterRef>,
    steps: Vec<Step>,
    wait: u32,
}

impl Script {
    fn line(&mut self, line: &str, path: &str, walk: &mut Walk) {
        if line.is_empty() || line.starts_with('#') || line.starts_with("set -") {
            return;
        }
        let Some(words) = shlex::split(line) else {
            return walk.complain(Complaint::at(path, line, "a command whose quotes are closed"));
        };
        let strs: Vec<&str> = words.iter().map(String::as_str).collect();
        match strs.as_slice() {
            ["sleep", seconds] => match seconds.parse::<u32>() {
                Ok(n) => self.wait = self.wait.saturating_add(n),
                Err(_) => walk.complain(Complaint::at(path, seconds, "whole seconds")),
            },
            ["az", ..] => self.az(&words[1..], path, walk),
            ["kubectl", "rollout", "status", ..] | ["kubectl", "wait", ..] => {}
            ["kubectl", rest @ ..] => match kubectl(rest) {
                Ok((pool, operation)) => self.step(pool, operation),
                Err(expected) => walk.complain(Complaint::at(path, line, expected)),
            },
            _ => walk.complain(Complaint::at(path, line, "an az aks or kubectl command, sleep, or a comment")),
        }
    }

    fn az(&mut self, words: &[String], path: &str, walk: &mut Walk) {
        let mut arguments = Arguments::parse(words, path, walk.complaints());
        match operations::read(&mut arguments) {
            Ok(found) => {
                match &self.cluster {
                    None => self.cluster = Some(found.cluster),
                    Some(known) if known.name != found.cluster.name => {
                        let expected = format!("commands on one cluster, {}", known.name);
                        return walk.complain(Complaint::at(path, found.cluster.name, expected));
                    }
                    Some(_) => {}
                }
                for operation in found.operations {
                    self.step(found.pool.clone(), operation);
                }
            }
            Err(Some(reason)) => walk.complain(Complaint::at(path, reason, "a command that changes a pool")),
            Err(None) => {}
        }
    }

    fn step(&mut self, pool: Option<String>, operation: Operation) {
        self.steps.push(Step { wait_seconds: std::mem::take(&mut self.wait), pool, operation });
    }
}

/// A `kubectl` command taken apart: words and options.
struct Kubectl<'a> {
    words: Vec<&'a str>,
    options: Vec<(&'a str, &'a str)>,
}

/// Options of the commands read here that stand without a value.
const FLAGS: [&str; 5] = ["--ignore-daemonsets", "--delete-emptydir-data", "--force", "--disable-eviction", "--all"];

impl<'a> Kubectl<'a> {
    fn parse(words: &[&'a str]) -> Kubectl<'a> {
        let (mut found, mut words) = (Kubectl { words: Vec::new(), options: Vec::new() }, words.iter());
        while let Some(word) = words.next() {
            match word.split_once('=') {
                _ if !word.starts_with('-') => found.words.push(word),
                Some((name, value)) => found.options.push((name, value)),
                None if FLAGS.contains(word) => found.options.push((word, "")),
                None => found.options.push((word, words.next().copied().unwrap_or_default())),
            }
        }
        found
    }

    fn option(&self, names: &[&str]) -> Option<&'a str> {
        self.options.iter().find(|(name, _)| names.contains(name)).map(|(_, value)| *value)
    }

    fn namespace(&self) -> String {
        self.option(&["-n", "--namespace"]).unwrap_or("default").to_owned()
    }

    fn patch(&self) -> Option<Value> {
        serde_json::from_str(self.option(&["-p", "--patch"])?).ok()
    }
}

/// What a `kubectl` command does, or what was expected of it.
fn kubectl(words: &[&str]) -> Result<(Option<String>, Operation), &'static str> {
    let command = Kubectl::parse(words);
    // All nodes of a pool, by the label AKS puts on them.
    let labels = ["agentpool=", "kubernetes.azure.com/agentpool="];
    let selector = command.option(&["-l", "--selector"]);
    let pool = selector.and_then(|s| labels.iter().find_map(|l| s.strip_prefix(l))).map(str::to_lowercase);
    match (command.words.as_slice(), pool) {
        (["drain"], Some(pool)) => Ok((Some(pool), Operation::Drain { nodes: Vec::new() })),
        (["cordon"], Some(pool)) => Ok((Some(pool), Operation::Cordon { nodes: Vec::new() })),
        _ => of_objects(&command).map(|operation| (None, operation)),
    }
}

fn of_objects(command: &Kubectl<'_>) -> Result<Operation, &'static str> {
    const KNOWN: &str =
        "kubectl drain, cordon, scale, rollout restart, or patch of a pdb or of configmap coredns-autoscaler";
    let nodes = |nodes: &[&str]| nodes.iter().map(|n| n.trim_start_matches("node/").to_owned()).collect::<Vec<_>>();
    let of_deployments = |names: &[&str]| -> Option<Vec<String>> {
        const KINDS: [&str; 3] = ["deployment/", "deploy/", "deployment.apps/"];
        names.iter().map(|n| KINDS.iter().find_map(|kind| n.strip_prefix(kind)).map(str::to_owned)).collect()
    };
    match command.words.as_slice() {
        ["drain", names @ ..] if !names.is_empty() => Ok(Operation::Drain { nodes: nodes(names) }),
        ["cordon", names @ ..] if !names.is_empty() => Ok(Operation::Cordon { nodes: nodes(names) }),
        ["scale", names @ ..] => {
            let names = match names {
                ["deployment" | "deploy", name] => Some(vec![(*name).to_owned()]),
                other => of_deployments(other),
            };
            let replicas = command.option(&["--replicas"]).and_then(|n| n.parse().ok());
            match (names.as_deref(), replicas) {
                (Some([name]), Some(replicas)) => {
                    Ok(Operation::SetReplicas { namespace: command.namespace(), name: name.clone(), replicas })
                }
                _ => Err("kubectl scale deployment/NAME --replicas N"),
            }
        }
        ["rollout", "restart", names @ ..] => {
            let names = of_deployments(names).filter(|names| !names.is_empty());
            let namespace = command.namespace();
            names.map(|names| Operation::Restart { namespace, names }).ok_or("kubectl rollout restart deployment/NAME")
        }
        ["patch", "pdb" | "poddisruptionbudget", name] => {
            let spec = command.patch().and_then(|p| p.get("spec").cloned());
            let given = spec.as_ref().filter(|s| s.get("minAvailable").is_none_or(Value::is_null));
            let given = given.and_then(|s| s.get("maxUnavailable")).and_then(|v| match v {
                Value::Number(n) => Some(n.to_string()),
                Value::String(text) => Some(text.clone()),
                _ => None,
            });
            let (namespace, name) = (command.namespace(), (*name).to_owned());
            given
                .map(|max_unavailable| Operation::SetBudget { namespace, name, max_unavailable })
                .ok_or(r#"a patch such as {"spec":{"minAvailable":null,"maxUnavailable":1}}"#)
        }
        ["patch", "configmap" | "cm", "coredns-autoscaler"] => ladder(command).ok_or(
            r#"a patch such as {"data":{"ladder":"{\"coresToReplicas\":[[1,3]],\"nodesToReplicas\":[[1,3]]}"}}"#,
        ),
        _ => Err(KNOWN),
    }
}

/// The ladder of a patch (AKS docs, coredns-autoscale).
fn ladder(command: &Kubectl<'_>) -> Option<Operation> {
    let patch = command.patch()?;
    let ladder: Value = serde_json::from_str(patch.pointer("/data/ladder")?.as_str()?).ok()?;
    let steps = |name: &str| -> Option<Vec<(u32, u32)>> {
        let steps: Vec<(u32, u32)> = serde_json::from_value(ladder.get(name)?.clone()).ok()?;
        (!steps.is_empty() && steps.windows(2).all(|w| w[0].0 < w[1].0)).then_some(steps)
    };
    Some(Operation::SetDnsLadder { cores: steps("coresToReplicas")?, nodes: steps("nodesToReplicas")? })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::decode;

    fn check(text: &str, expected: &[&str]) {
        let found = match decode(text.as_bytes()) {
            Ok(decoded) => decoded.changes.iter().map(|c| format!("{c} {}", c.settings.trials.unwrap_or(0))).collect(),
            Err(complaints) => complaints.0.iter().map(ToString::to_string).collect::<Vec<_>>(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_plan_is_one_change() {
        check(
            "# poolproof plan {\"trials\": 7}\nset -e\n# more room first\naz aks nodepool scale -g g --cluster-name c -n p -c 5\n\
             sleep 60\naz aks nodepool upgrade -g g --cluster-name c -n p \\\n  --node-image-only --max-surge 2\n\
             kubectl drain aks-p-1 --ignore-daemonsets --delete-emptydir-data\n",
            &["proposed c/* plan [p/scale count=5; 60s+p/upgrade nodeImageOnly maxSurge=2; */drain aks-p-1] 7"],
        );
        check(
            "# poolproof plan\nsleep 5\nkubectl drain -l agentpool=p --ignore-daemonsets",
            &["proposed /* plan [5s+p/drain] 0"],
        );
        check(
            "# poolproof plan\naz aks nodepool scale -g g --cluster-name c -n p -c 5",
            &["proposed c/p scale count=5 0"],
        );
    }

    #[test]
    fn kubectl_does_a_few_things() {
        check(
            "# poolproof plan\naz aks nodepool scale -g g --cluster-name c -n p -c 5\n\
             kubectl patch pdb web -n shop --type merge -p '{\"spec\":{\"minAvailable\":null,\"maxUnavailable\":1}}'\n\
             kubectl -n shop scale deployment/web --replicas=3\n\
             kubectl rollout restart deployment/coredns deployment/metrics-server -n kube-system\n\
             kubectl rollout status deployment/coredns -n kube-system\n\
             kubectl patch configmap coredns-autoscaler -n kube-system --type merge \
             -p '{\"data\":{\"ladder\":\"{\\\"coresToReplicas\\\":[[1,4]],\\\"nodesToReplicas\\\":[[1,4]]}\"}}'",
            &["proposed c/* plan [p/scale count=5; */setBudget shop/web maxUnavailable=1; */setReplicas shop/web=3; \
               */restart kube-system/coredns,metrics-server; */setDnsLadder cores=[(1, 4)] nodes=[(1, 4)]] 0"],
        );
    }

    #[test]
    fn what_is_not_understood_is_complained_of() {
        for (line, expected) in [
            ("rm -rf /", "line 2: found rm -rf /, expected an az aks or kubectl command, sleep, or a comment"),
            (
                "kubectl delete pod x",
                "line 2: found kubectl delete pod x, expected kubectl drain, cordon, scale, rollout",
            ),
            ("sleep long", "line 2: found long, expected whole seconds"),
            ("az vm delete -n x", "line 2: found az vm delete is no command about AKS pools, expected a command that"),
            ("kubectl patch pdb web -p '{\"spec\":{\"minAvailable\":1}}'", "line 2: found kubectl patch pdb web"),
            ("echo 'x", "line 2: found echo 'x, expected a command whose quotes are closed"),
        ] {
            let found = decode(format!("# poolproof plan\n{line}").as_bytes()).unwrap_err();
            assert!(found.0[0].to_string().starts_with(expected), "{found:?}");
        }
        let found = decode(b"# poolproof plan {\"trails\": 7}\n").unwrap_err();
        assert!(found.0[0].to_string().contains("unknown field `trails`"), "{found:?}");
        let two = "# poolproof plan\naz aks nodepool scale --cluster-name c -n p -c 5\naz aks nodepool scale --cluster-name d -n p -c 5";
        assert!(decode(two.as_bytes()).unwrap_err().0[0].to_string().contains("commands on one cluster, c"));
    }
}
