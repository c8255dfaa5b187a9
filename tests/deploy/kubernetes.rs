//! The manifests of Kubernetes and KEDA: hardened as the Pod Security Standards' restricted level asks, with options the binary
//! knows, and with names and labels that find each other.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{BROKER, assert_known_variable, files, folder, printed, text};

/// An object and the file it stands in.
pub struct Object {
    pub file: PathBuf,
    pub value: Value,
}

impl Object {
    pub fn at(&self, pointer: &str) -> &Value {
        self.value
            .pointer(pointer)
            .unwrap_or_else(|| panic!("{}: no {pointer} in {}", self.file.display(), self.name()))
    }

    pub fn kind(&self) -> &str {
        self.value["kind"].as_str().unwrap()
    }

    pub fn name(&self) -> &str {
        self.value["metadata"]["name"].as_str().unwrap()
    }

    /// The template of its pods, where it has any.
    fn pods(&self) -> Option<&Value> {
        self.value.pointer("/spec/template").or_else(|| self.value.pointer("/spec/jobTargetRef/template"))
    }
}

/// All objects of all manifests.
pub fn objects() -> Vec<Object> {
    let read = |file: PathBuf| {
        let parts = text(&file).split("\n---\n").map(str::to_owned).collect::<Vec<_>>();
        parts.into_iter().map(move |part| {
            let value = scenarios::document(part.as_bytes()).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
            Object { file: file.clone(), value }
        })
    };
    files("kubernetes", ".yaml").into_iter().flat_map(read).collect()
}

fn with_pods() -> Vec<Object> {
    let found: Vec<_> = objects().into_iter().filter(|object| object.pods().is_some()).collect();
    assert_eq!(found.len(), 2, "a Deployment and a ScaledJob");
    found
}

#[test]
fn pods_are_restricted() {
    for object in with_pods() {
        let pod = &object.pods().unwrap()["spec"];
        let name = object.name();
        let security = &pod["securityContext"];
        assert_eq!(security["runAsNonRoot"], true, "{name}");
        assert!(security["runAsUser"].as_u64() > Some(0) && security["runAsGroup"].as_u64() > Some(0), "{name}");
        assert_eq!(security["seccompProfile"], json!({"type": "RuntimeDefault"}), "{name}");
        assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
        for field in ["hostNetwork", "hostPID", "hostIPC"] {
            assert!(pod.get(field).is_none(), "{name}: {field}");
        }
        for container in pod["containers"].as_array().unwrap() {
            let security = &container["securityContext"];
            assert_eq!(security["allowPrivilegeEscalation"], false, "{name}");
            assert_eq!(security["readOnlyRootFilesystem"], true, "{name}");
            assert_eq!(security["capabilities"], json!({"drop": ["ALL"]}), "{name}");
            assert!(security.get("privileged").is_none(), "{name}");
            for part in ["requests", "limits"] {
                for resource in ["cpu", "memory", "ephemeral-storage"] {
                    assert!(container["resources"][part][resource].is_string(), "{name}: {part} {resource}");
                }
            }
            assert!(container.get("command").is_none(), "{name}: the image has no shell to rely on");
            let image = container["image"].as_str().unwrap();
            assert!(!image.ends_with(":latest") && image.contains(':'), "{image}");
        }
        for volume in pod["volumes"].as_array().unwrap() {
            assert!(volume.get("hostPath").is_none(), "{name}");
            assert!(volume.get("emptyDir").is_none_or(|v| v["sizeLimit"].is_string()), "{name}: {volume}");
        }
    }
    let dockerfile = text(&folder().join("../../Dockerfile"));
    let user = dockerfile.lines().find_map(|line| line.strip_prefix("USER ")).unwrap();
    for object in with_pods() {
        let security = &object.pods().unwrap()["spec"]["securityContext"];
        assert_eq!(user, format!("{}:{}", security["runAsUser"], security["runAsGroup"]));
    }
    let namespaces: Vec<_> = objects().into_iter().filter(|o| o.kind() == "Namespace").collect();
    assert_eq!(namespaces.len(), 1);
    let level = namespaces[0].at("/metadata/labels/pod-security.kubernetes.io~1enforce");
    assert_eq!(level, "restricted");
}

/// The environment of a container: what stands there, what comes from config maps, and something in place of secrets.
fn environment(container: &Value, all: &[Object]) -> Vec<(String, String)> {
    let mut found = BTreeMap::new();
    for source in container["envFrom"].as_array().into_iter().flatten() {
        let map = named(all, "ConfigMap", source["configMapRef"]["name"].as_str().unwrap());
        for (name, value) in map.at("/data").as_object().unwrap() {
            found.insert(name.clone(), value.as_str().unwrap().to_owned());
        }
    }
    for variable in container["env"].as_array().into_iter().flatten() {
        let name = variable["name"].as_str().unwrap().to_owned();
        let value = match variable.pointer("/valueFrom/secretKeyRef/key") {
            Some(key) if key == "url" => BROKER,
            Some(_) => "something secret",
            None => variable["value"].as_str().unwrap_or_else(|| panic!("{name} has no value")),
        };
        found.insert(name, value.to_owned());
    }
    found.into_iter().collect()
}

fn named<'a>(all: &'a [Object], kind: &str, name: &str) -> &'a Object {
    let found = all.iter().find(|object| object.kind() == kind && object.name() == name);
    found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

#[test]
fn the_binary_knows_every_option() {
    let all = objects();
    for object in with_pods() {
        let pod = &object.pods().unwrap()["spec"];
        let container = &pod["containers"][0];
        let environment = environment(container, &all);
        environment.iter().for_each(|(name, _)| assert_known_variable(name, &object.file));
        let mounted = environment.iter().find(|(name, _)| name == "POOLPROOF_CONFIG").unwrap().1.clone();
        let options = named(&all, "ConfigMap", pod["volumes"][0]["configMap"]["name"].as_str().unwrap());
        let folder = container["volumeMounts"][0]["mountPath"].as_str().unwrap();
        let (file, options) = options.at("/data").as_object().unwrap().iter().next().unwrap();
        assert_eq!(mounted, format!("{folder}/{file}"));
        let arguments: Vec<String> = serde_json::from_value(container["args"].clone()).unwrap();
        let ended = printed(&arguments, &environment, options.as_str().unwrap()).expect_code(0);
        for line in ["threads: 2  # file", "grace: 60  # file", "log-format: \"json\"  # environment"] {
            assert!(ended.stdout.lines().any(|l| l.trim() == line), "{line}: {}", ended.stdout);
        }
        assert!(ended.stdout.contains("amqps://***@") && !ended.stdout.contains("secret@"), "{}", ended.stdout);
        if object.kind() == "ScaledJob" {
            assert!(ended.stdout.contains("until-empty: true  # command line"), "{}", ended.stdout);
        }
        // After the grace: 5 s for requests in hand, and time to publish and to give back.
        let grace = options.as_str().unwrap().lines().find_map(|l| l.trim().strip_prefix("grace: ")).unwrap();
        let grace: u64 = grace.parse().unwrap();
        assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() >= grace + 25, "{}", object.name());
        // The simulation uses no more threads than it is given processors.
        let processors = container["resources"]["limits"]["cpu"].as_str().unwrap();
        assert!(ended.stdout.contains(&format!("threads: {processors} ")), "{}", ended.stdout);
    }
}

#[test]
fn probes_ask_for_what_is_served() {
    let operating = text(&folder().join("../OPERATING.md"));
    let all = objects();
    let worker = named(&all, "Deployment", "poolproof-worker");
    let container = worker.at("/spec/template/spec/containers/0");
    for (probe, path) in [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        assert_eq!(container[probe]["httpGet"], json!({"path": path, "port": "http"}), "{probe}");
        assert!(operating.contains(&format!("| `GET {path}` |")), "{path}");
    }
    let port = &container["ports"][0];
    let listens = container["args"].as_array().unwrap().iter().rev().find_map(Value::as_str).unwrap();
    assert_eq!((port["name"].as_str(), listens), (Some("http"), format!("0.0.0.0:{}", port["containerPort"]).as_str()));
    let annotations = worker.at("/spec/template/metadata/annotations");
    assert_eq!(annotations["prometheus.io/port"], port["containerPort"].to_string());
    assert_eq!(annotations["prometheus.io/path"], "/metrics");
    let service = named(&all, "Service", "poolproof-worker");
    assert_eq!(service.at("/spec/ports/0/targetPort"), "http");
    let policy = named(&all, "NetworkPolicy", "poolproof-worker");
    assert_eq!(policy.at("/spec/ingress/0/ports/0/port"), &port["containerPort"]);
}

#[test]
fn objects_find_each_other() {
    let all = objects();
    let worker = named(&all, "Deployment", "poolproof-worker");
    let labels = worker.at("/spec/template/metadata/labels");
    let selects = |selector: &Value| selector.as_object().unwrap().iter().all(|(name, value)| labels[name] == *value);
    assert!(selects(worker.at("/spec/selector/matchLabels")));
    assert!(selects(named(&all, "Service", "poolproof-worker").at("/spec/selector")));
    assert!(selects(named(&all, "PodDisruptionBudget", "poolproof-worker").at("/spec/selector/matchLabels")));
    for object in all.iter().filter(|object| object.pods().is_some()) {
        let policy = named(&all, "NetworkPolicy", "poolproof-worker").at("/spec/podSelector/matchLabels");
        let labels = &object.pods().unwrap()["metadata"]["labels"];
        assert!(policy.as_object().unwrap().iter().all(|(name, value)| labels[name] == *value), "{}", object.name());
        // The account's token is given only to pods with this label.
        assert_eq!(labels["azure.workload.identity/use"], "true");
        let account = object.pods().unwrap()["spec"]["serviceAccountName"].as_str().unwrap();
        assert!(named(&all, "ServiceAccount", account).value["metadata"]["annotations"].is_object());
    }
    for object in all.iter().filter(|object| object.kind() != "Namespace") {
        assert_eq!(object.value["metadata"]["namespace"], "poolproof", "{} {}", object.kind(), object.name());
    }
    // A job and a Deployment would each take the other's messages for its own measure.
    let selector = worker.at("/spec/selector/matchLabels");
    let job = named(&all, "ScaledJob", "poolproof-worker");
    let labels = job.at("/spec/jobTargetRef/template/metadata/labels");
    assert!(selector.as_object().unwrap().iter().any(|(name, value)| labels[name] != *value));
    // A budget that never lets the only worker go would hold up the drain of its node.
    assert_eq!(named(&all, "PodDisruptionBudget", "poolproof-worker").value["spec"]["maxUnavailable"], 1);
}

#[test]
fn scalers_watch_queues_there_are() {
    let (all, readme) = (objects(), text(&folder().join("../../README.md")));
    let mut seen = Vec::new();
    for object in all.iter().filter(|object| object.kind().starts_with("Scaled")) {
        if object.kind() == "ScaledObject" {
            let target = object.at("/spec/scaleTargetRef");
            named(&all, target["kind"].as_str().unwrap(), target["name"].as_str().unwrap());
        }
        assert_eq!(object.value["spec"]["minReplicaCount"], 0, "from zero");
        for trigger in object.at("/spec/triggers").as_array().unwrap() {
            let metadata = trigger["metadata"].as_object().unwrap();
            // KEDA reads strings only: a number makes the whole object invalid.
            assert!(metadata.values().all(Value::is_string), "{metadata:?}");
            let login = trigger["authenticationRef"]["name"].as_str().unwrap();
            let login = named(&all, "TriggerAuthentication", login);
            assert_eq!(login.file, object.file, "a file can be applied by itself");
            let queue = metadata["queueName"].as_str().unwrap();
            match trigger["type"].as_str().unwrap() {
                "rabbitmq" => {
                    assert!(readme.contains(&format!("topic exchange `{queue}`, queue of the same name")), "{queue}");
                    // Only the management interface tells of messages in hand; a Deployment is scaled down by what is told.
                    let told = metadata["protocol"] == "http";
                    assert!(told || object.kind() == "ScaledJob", "{}", object.file.display());
                    assert_eq!(login.at("/spec/secretTargetRef/0/parameter"), "host");
                    let strategy = object.value.pointer("/spec/scalingStrategy/strategy");
                    assert!(told || strategy == Some(&json!("accurate")));
                }
                "azure-queue" => {
                    assert_eq!(metadata["queueLengthStrategy"], "all");
                    assert_eq!(login.at("/spec/podIdentity/provider"), "azure-workload");
                    let account = named(&all, "ConfigMap", "poolproof-places");
                    assert_eq!(account.at("/data/AZURE_STORAGE_ACCOUNT_NAME"), &metadata["accountName"]);
                }
                other => panic!("{other}"),
            }
            seen.push(format!("{} {}", object.kind(), trigger["type"].as_str().unwrap()));
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen, ["ScaledJob rabbitmq", "ScaledObject azure-queue", "ScaledObject rabbitmq"]);
}
