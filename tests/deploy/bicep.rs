//! The Bicep files, without Bicep's compiler: brackets, names that are declared and used, options the binary knows.

use std::collections::BTreeSet;
use std::path::Path;

use super::{assert_known_variable, files, folder, printed, text, understood};

/// The file without its comments.
fn code(path: &Path) -> String {
    text(path).lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

/// What stands in quotes on a line.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('\'').skip(1).step_by(2)
}

#[test]
fn brackets_close_and_names_are_declared_once_and_used() {
    for path in files("azure", ".bicep") {
        let code = code(&path);
        let mut open = Vec::new();
        for (number, line) in code.lines().enumerate() {
            assert_eq!(line.matches('\'').count() % 2, 0, "{} {number}: {line}", path.display());
            let outside = line.split('\'').step_by(2).flat_map(str::chars);
            for c in outside {
                match c {
                    '{' | '[' | '(' => open.push(c),
                    '}' => assert_eq!(open.pop(), Some('{'), "{} {number}: {line}", path.display()),
                    ']' => assert_eq!(open.pop(), Some('['), "{} {number}: {line}", path.display()),
                    ')' => assert_eq!(open.pop(), Some('('), "{} {number}: {line}", path.display()),
                    _ => {}
                }
            }
        }
        assert!(open.is_empty(), "{}: {open:?}", path.display());
        let mut declared = BTreeSet::new();
        for line in code.lines() {
            let mut words = line.split_whitespace();
            let (Some("param" | "var" | "resource"), Some(name)) = (words.next(), words.next()) else { continue };
            assert!(declared.insert(name), "{}: {name} twice", path.display());
            let word = |c: char| c.is_alphanumeric() || c == '_';
            let used = code.split(|c| !word(c)).filter(|other| *other == name).count();
            let sent = line.starts_with("resource ") && (!line.contains(" existing ") || used > 1);
            assert!(used > 1 || sent, "{}: {name} is not used", path.display());
        }
        assert!(declared.len() > 10, "{declared:?}");
    }
}

#[test]
fn resources_have_a_dated_version_and_secrets_are_marked() {
    for path in files("azure", ".bicep") {
        let code = code(&path);
        for line in code.lines().filter(|line| line.starts_with("resource ")) {
            let kind = quoted(line).next().unwrap();
            let (name, version) = kind.split_once('@').unwrap_or_else(|| panic!("{line}"));
            assert!(name.starts_with("Microsoft.") && name.contains('/'), "{line}");
            let dated = version.len() == 10 && version.chars().all(|c| c.is_ascii_digit() || c == '-');
            assert!(dated, "{line}: a version that is not for preview");
        }
        let lines: Vec<&str> = code.lines().collect();
        for (i, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("param ")) {
            let secret = ["secret", "signature", "password", "key"].iter().any(|w| line.to_lowercase().contains(w));
            assert!(!secret || lines[i - 1] == "@secure()", "{}: {line}", path.display());
            assert!(!line.contains("output"), "{line}");
        }
    }
}

#[test]
fn the_binary_knows_every_option() {
    let path = folder().join("azure/container-apps.bicep");
    let code = code(&path);
    let mut variables: Vec<(String, String)> = Vec::new();
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    for (i, line) in lines.iter().enumerate() {
        let Some(name) = line.strip_prefix("name: '").and_then(|rest| rest.strip_suffix('\'')) else { continue };
        if !name.starts_with("POOLPROOF_") {
            continue;
        }
        assert_known_variable(name, &path);
        let value = lines[i + 1].strip_prefix("value: '").and_then(|rest| rest.strip_suffix('\''));
        let filled = ["${storageAccountName}", "${queueName}", "${containerName}"];
        let value = value.map(|v| filled.iter().fold(v.to_owned(), |v, name| v.replace(name, "filled")));
        variables.push((name.to_owned(), understood(&value.unwrap_or_else(|| "a secret".into()))));
    }
    assert!(variables.len() >= 7, "{variables:?}");
    let blocks: Vec<Vec<String>> = code
        .split("args: [")
        .skip(1)
        .map(|rest| rest.split(']').next().unwrap().lines().flat_map(quoted).map(str::to_owned).collect())
        .collect();
    assert_eq!(blocks.len(), 2, "{blocks:?}");
    for arguments in blocks {
        let ended = printed(&arguments, &variables, "{}").expect_code(0);
        for line in ["threads: 2  # environment", "grace: 20  # environment"] {
            assert!(ended.stdout.contains(line), "{line}: {}", ended.stdout);
        }
    }
    // What the worker listens at is what its ingress and probes ask.
    let ports: BTreeSet<&str> =
        lines.iter().filter_map(|l| l.strip_prefix("targetPort: ").or(l.strip_prefix("port: "))).collect();
    assert_eq!(ports, BTreeSet::from(["8080"]));
    assert!(code.contains("'0.0.0.0:8080'"));
}

#[test]
fn events_that_are_subscribed_to_are_understood() {
    let code = code(&folder().join("azure/event-grid.bicep"));
    let kinds: Vec<&str> = code.lines().flat_map(quoted).filter(|kind| is_event(kind)).collect();
    assert!(kinds.len() >= 8, "{kinds:?}");
    let cluster = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/tiny";
    for kind in kinds {
        let rolling = kind.contains("ContainerService");
        let data = if rolling {
            serde_json::json!({"nodePoolName": "apps"})
        } else {
            let action = if kind.contains("Action") { "upgradeNodeImageVersion/action" } else { "write" };
            let action = if kind.contains("Delete") { "delete" } else { action };
            serde_json::json!({
                "correlationId": "c1", "resourceProvider": "Microsoft.ContainerService",
                "resourceUri": format!("{cluster}/agentPools/apps"), "status": "Succeeded",
                "operationName": format!("Microsoft.ContainerService/managedClusters/agentPools/{action}"),
            })
        };
        let event = serde_json::json!({
            "specversion": "1.0", "id": "1", "type": kind, "source": cluster, "time": "2026-03-02T06:00:00Z",
            "subject": if rolling { "tiny".to_owned() } else { format!("{cluster}/agentPools/apps") }, "data": data,
        });
        let mut command = crate::support::poolproof();
        let ended = crate::support::run_with_input(command.args(["decode", "-"]), event.to_string().as_bytes());
        // A message is either changes, or says why it has none; never unreadable.
        assert!(ended.code == Some(0), "{kind}: {ended:#?}");
    }
}

fn is_event(text: &str) -> bool {
    let name = text.rsplit('.').next().unwrap_or_default();
    name.starts_with("NodePoolRolling")
        || (text.starts_with("Microsoft.Resources.Resource") && !text.ends_with("ResourceGroups"))
}
