//! Names and labels as somebody would write them who means harm: through the real binary into everything it writes. They stay
//! text in HTML (looked at in a real browser where there is one), SVG, Markdown, terminals and logs; they name no file outside
//! the folder of reports; and secrets are nowhere. Nothing that is written is CSV.

mod browser;
mod secrets;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Ended, Folder, poolproof, run, scale, snapshot};
use crate::worker::Place;

/// What a script would set the title of the page to: the word does not stand in any of the names.
const CANARY: &str = "X1295X";
/// The script.
const SCRIPT: &str = "document.title=String.fromCharCode(88,49,50,57,53,88)";

/// Names that mean harm.
fn hostile() -> Vec<String> {
    let script = SCRIPT;
    vec![
        format!("<script>{script}</script>"),
        format!("<img src=x onerror={script}>"),
        format!("\"><svg/onload={script}>"),
        format!("' onmouseover='{script}' autofocus onfocus='{script}"),
        format!("</title><script>{script}</script>"),
        format!("</style><script>{script}</script>"),
        format!("</text></svg><script>{script}</script>"),
        format!("--><script>{script}</script><!--"),
        format!("]]><script>{script}</script>"),
        format!("javascript:{script}//"),
        format!("[click](javascript:{script}) ![x](http://127.0.0.1:9/x.png)"),
        "{{7*7}} ${7*7} {%raw%}".into(),
        "&lt;script&gt; &#60;b&#62;".into(),
        "../../../../tmp/poolproof-escaped".into(),
        "/etc/passwd".into(),
        "..\\..\\boot.ini".into(),
        "CON".into(),
        "name\r\nX-Injected: yes\r\n\r\n<b>body</b>".into(),
        "line\n2026-03-02T06:00:00Z  INFO forged line".into(),
        "\u{1b}[2J\u{1b}[31mred\u{1b}[0m".into(),
        "\u{1b}]0;title\u{7}\u{1b}]8;;http://127.0.0.1:9/\u{1b}\\link\u{1b}]8;;\u{1b}\\".into(),
        "\u{9b}31m\u{9d}0;c1\u{9c}".into(),
        "a\u{8}\u{8}\u{8}b\u{7f}".into(),
        "safe\u{202e}gpj.exe\u{202c}".into(),
        "iso\u{2066}late\u{2069} mark\u{200f}s zero\u{200b}width \u{feff}bom".into(),
        "=HYPERLINK(\"http://127.0.0.1:9/\",\"x\")".into(),
        "+1+cmd|' /C calc'!A0".into(),
        "@everyone #1 | cell | `code` *bold* ~~gone~~".into(),
        "null\u{0}byte".into(),
        "%0d%0a%00%2e%2e%2f".into(),
        "'; DROP TABLE message; --".into(),
        "x".repeat(100_000),
        "Ａ𝔸é\u{301}".into(),
        "e\u{301}".repeat(2000),
    ]
}

/// Whether a character steers a terminal, turns the direction of writing, or hides.
fn steers(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200B}'..='\u{200F}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}')
}

#[track_caller]
fn assert_inert(what: &str, text: &str) {
    if let Some(at) = text.find(steers) {
        let c = text[at..].chars().next().unwrap();
        let around: String = text.chars().skip(text[..at].chars().count().saturating_sub(40)).take(90).collect();
        panic!("{what}: {c:?} in {around:?}");
    }
}

fn labels(name: &str) -> Value {
    json!({"app": name, name: name})
}

/// A cluster in which everything that has a name has this one.
fn cluster(name: &str) -> Value {
    let mut whole = snapshot(name);
    let mut items = Vec::new();
    for node in 0..2 {
        items.push(json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": format!("{name}{node}"), "labels": {"kubernetes.azure.com/agentpool": "apps", "agentpool": "apps", "x": name}},
            "spec": {"taints": [{"key": name, "value": name, "effect": "PreferNoSchedule"}]},
            "status": {"allocatable": {"cpu": "4", "memory": "16Gi", "pods": "110"}, "capacity": {"cpu": "4", "memory": "16Gi", "pods": "110"},
                       "conditions": [{"type": "Ready", "status": "True", "message": name, "reason": name}]}
        }));
    }
    for (namespace, workload) in [("kube-system", name), (name, "coredns"), (name, name)] {
        items.push(json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": workload, "namespace": namespace, "labels": labels(name),
                         "annotations": {"poolproof.dev/minimum": "2", name: name}},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}},
                     "template": {"metadata": {"labels": labels(name)},
                                  "spec": {"priorityClassName": "system-cluster-critical", "nodeSelector": {"x": name},
                                           "containers": [{"name": name, "image": name, "resources": {"requests": {"cpu": "3"}}}]}}}
        }));
        items.push(json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"maxUnavailable": 0, "selector": {"matchLabels": {"app": name}}},
            "status": {"disruptionsAllowed": 0, "currentHealthy": 2, "desiredHealthy": 2, "expectedPods": 2}
        }));
    }
    whole["items"] = items.into();
    whole
}

/// A change whose every text is this one.
fn change(name: &str) -> Value {
    json!({
        "schema": "poolproof.change/1", "cluster": name, "pool": "apps", "caller": name, "correlationId": name, "eventId": name,
        "operation": {"kind": "upgrade", "nodeImageOnly": true}, "settings": {"trials": 64}
    })
}

/// All files below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// A report for each name that is accepted; the complaint for each that is not.
fn scored(folder: &Folder) -> (Vec<PathBuf>, Vec<Ended>) {
    let (mut pages, mut refused) = (Vec::new(), Vec::new());
    for (i, name) in hostile().into_iter().enumerate() {
        let cluster = folder.json(&format!("in/{i}-cluster.json"), &cluster(&name));
        let change = folder.json(&format!("in/{i}-change.json"), &change(&name));
        let out = folder.path(&format!("out/{i}"));
        let mut command = poolproof();
        command.args(["score", "--threads", "1", "--format", "markdown", "--cluster"]).arg(&cluster).arg(&change);
        let ended = run(command.arg("--out").arg(&out));
        assert_inert(&format!("markdown of {i}"), &ended.stdout);
        assert_inert(&format!("notes of {i}"), &ended.stderr);
        match ended.code {
            Some(0) => pages.extend(below(&out)),
            Some(2) => refused.push(ended),
            other => panic!("{name:.80}: {other:?} {}", ended.stderr),
        }
        let mut command = poolproof();
        let text = run(command.args(["score", "--threads", "1", "--cluster"]).arg(&cluster).arg(&change));
        assert_inert(&format!("text of {i}"), &text.stdout);
    }
    (pages, refused)
}

#[test]
fn reports_about_hostile_names_are_inert() {
    let folder = Folder::new();
    let (files, refused) = scored(&folder);
    assert!(files.len() > 50, "{} files, {} refused: {refused:#?}", files.len(), refused.len());
    for path in &files {
        let name = path.to_string_lossy().into_owned();
        let text = fs::read_to_string(path).unwrap();
        if name.ends_with(".json") {
            // For programs: names are in it as they are, but for what JSON itself forbids.
            assert!(serde_json::from_str::<Value>(&text).is_ok() && !text.contains('\u{1b}'), "{name}");
            continue;
        }
        assert_inert(&name, &text);
        if name.ends_with(".html") || name.ends_with(".svg") {
            let lower = text.to_lowercase();
            for markup in ["<script", "<img src=x", "<svg/onload", "<b>body", "<!--<", "]]>"] {
                assert!(!lower.contains(markup), "{name}: {markup}");
            }
        }
        if name.ends_with(".md") {
            // A link or picture of theirs would begin with an unescaped bracket.
            for markup in ["[click](", "![x](", "<script", "<img"] {
                assert!(!text.contains(markup), "{name}: {markup}");
            }
        }
    }
    // Nothing was written but below the folder.
    assert!(!Path::new("/tmp/poolproof-escaped").exists());
    browser::check(&files);
}

#[test]
fn the_worker_keeps_hostile_names_in_their_place() {
    let place = Place::new();
    let mut messages: Vec<Value> = Vec::new();
    for name in hostile() {
        let mut carried = change(&name);
        carried["settings"]["trials"] = 8.into();
        carried["snapshot"] = cluster(&name);
        messages.push(carried);
        let mut named = scale("tiny", 5);
        named["snapshotRef"] = name.clone().into();
        messages.push(named);
        messages.push(scale(&name, 5));
        messages.push(json!([{"id": name, "topic": name, "subject": name, "eventType": name, "eventTime": name, "data": {name.clone(): name}, "dataVersion": "1"}]));
        messages.push(json!({"schema": name, "operationName": name, "resourceId": name}));
    }
    place.submit(&messages);
    for format in ["text", "json"] {
        let mut command = poolproof();
        command.args([
            "worker",
            "--until-empty",
            "--log",
            "debug",
            "--threads",
            "1",
            "--trials",
            "8",
            "--log-format",
            format,
        ]);
        command.arg("--snapshots").arg(format!("dir:{}", place.0.path("snapshots").display()));
        command.arg("--publish").arg(format!("dir:{}", place.0.path("reports").display()));
        let ended = run(command.args(["--queue", &place.0.queue()])).expect_code(0);
        if format == "json" {
            ended.stderr.lines().for_each(|line| assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}"));
        }
        assert_inert(&format!("{format} log"), &ended.stderr);
        assert!(!ended.stderr.lines().any(|line| line.starts_with("2026-03-02T06:00:00Z")), "a line was forged");
        // Once more for the other form.
        run(poolproof().args(["queue", "requeue", "--all", "--queue", &place.0.queue()]));
    }
    let inside: Vec<PathBuf> =
        below(&place.0.0).iter().map(|p| p.strip_prefix(&place.0.0).unwrap().to_owned()).collect();
    for path in &inside {
        let text = path.to_str().expect("a path of plain text");
        let fine = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        assert!(text.chars().all(fine) && text.len() < 200, "{text:?}");
    }
    for words in
        [&["queue", "list", "--dead"][..], &["queue", "show"], &["queue", "list", "--dead", "--format", "json"]]
    {
        let ended = run(poolproof().args(words).args(["--queue", &place.0.queue()]));
        assert_inert(&words.join(" "), &ended.stdout);
        assert_inert(&words.join(" "), &ended.stderr);
    }
    let pages: Vec<PathBuf> = below(&place.0.path("reports")).into_iter().filter(|p| is_page(p)).collect();
    assert!(!pages.is_empty());
    browser::check(&pages);
}

fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "html")
}

#[test]
fn other_verbs_do_not_repeat_what_steers_a_terminal() {
    let folder = Folder::new();
    for (i, name) in hostile().into_iter().enumerate() {
        let message = folder.json(&format!("{i}.json"), &change(&name));
        let cluster = folder.json(&format!("{i}-cluster.json"), &cluster(&name));
        let broken = folder.file(&format!("{i}-broken.json"), name.as_bytes());
        let spec = folder.json(
            &format!("{i}-spec.json"),
            &json!({"change": change(&name), name.clone(): name, "axes": [{name.clone(): [name]}]}),
        );
        let mut commands: Vec<Vec<&std::ffi::OsStr>> = Vec::new();
        for file in [&message, &broken, &cluster] {
            commands.push(vec!["decode".as_ref(), file.as_os_str()]);
        }
        commands.push(vec!["place".as_ref(), cluster.as_os_str()]);
        commands.push(vec!["place".as_ref(), broken.as_os_str()]);
        commands.push(vec!["replay".as_ref(), broken.as_os_str()]);
        commands.push(vec!["whatif".as_ref(), spec.as_os_str(), "--cluster".as_ref(), cluster.as_os_str()]);
        commands.push(vec!["whatif".as_ref(), broken.as_os_str()]);
        commands.push(vec!["backtest".as_ref(), broken.as_os_str()]);
        commands.push(vec!["backtest".as_ref(), message.as_os_str()]);
        commands.push(vec!["explain".as_ref(), folder.0.as_os_str()]);
        commands.push(vec!["score".as_ref(), broken.as_os_str(), "--cluster".as_ref(), broken.as_os_str()]);
        for words in commands {
            let ended = run(poolproof().args(&words));
            let what = format!("{words:?} of {name:.40?}");
            assert!(matches!(ended.code, Some(0..=3)), "{what}: {ended:#?}");
            assert_inert(&what, &ended.stdout);
            assert_inert(&what, &ended.stderr);
        }
        // As an argument: nothing with a zero byte can be one.
        if !name.contains('\0') {
            let long: String = name.chars().take(1000).collect();
            for words in [
                ["score", "-", "--cluster", &long],
                ["schema", &long, "--log", "warn"],
                ["submit", "-", "--queue", &long],
            ] {
                let ended = run(poolproof().args(words));
                assert_inert(&format!("{words:?}"), &ended.stderr);
            }
        }
    }
}
