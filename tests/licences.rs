//! Licences of everything that this build is made of, against the list in `deny.toml`. `cargo deny check` says the same for all
//! features and other targets, where it is installed.

use std::process::Command;

use serde_json::Value;

use crate::support::run;

/// Licences that `deny.toml` allows.
fn allowed() -> Vec<String> {
    let file = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../deny.toml")).unwrap();
    let list = file.split("allow = [").nth(1).unwrap().split(']').next().unwrap().to_owned();
    let found: Vec<String> = list.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(found.iter().any(|name| name == "MIT") && found.len() > 4, "{found:?}");
    found
}

/// Whether one may choose licences so that all are allowed. Of the grammar of SPDX what crates use: AND binds closer than OR,
/// brackets, and the old slash for OR.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = expression.split_whitespace().collect();
    let mut rest = words.as_slice();
    let answer = any(&mut rest, allowed);
    answer && rest.is_empty()
}

fn any(words: &mut &[&str], allowed: &[String]) -> bool {
    let mut answer = all(words, allowed);
    while words.first() == Some(&"OR") {
        *words = &words[1..];
        // Both are read, whatever the first says.
        answer = all(words, allowed) || answer;
    }
    answer
}

fn all(words: &mut &[&str], allowed: &[String]) -> bool {
    let mut answer = one(words, allowed);
    while words.first() == Some(&"AND") {
        *words = &words[1..];
        answer = one(words, allowed) && answer;
    }
    answer
}

fn one(words: &mut &[&str], allowed: &[String]) -> bool {
    let Some((first, rest)) = words.split_first() else { return false };
    *words = rest;
    if *first == "(" {
        let answer = any(words, allowed);
        let closed = words.first() == Some(&")");
        *words = words.get(1..).unwrap_or_default();
        return answer && closed;
    }
    let mut name = (*first).to_owned();
    if words.first() == Some(&"WITH") && words.len() > 1 {
        name = format!("{name} WITH {}", words[1]);
        *words = &words[2..];
    }
    allowed.contains(&name)
}

#[test]
fn expressions_are_read_as_spdx_says() {
    let allowed = ["MIT", "Zlib", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
    for (expression, answer) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("MIT OR GPL-3.0-only", true),
        ("GPL-3.0-only OR MIT", true),
        ("MIT AND GPL-3.0-only", false),
        ("GPL-3.0-only AND MIT OR MIT", true),
        ("(GPL-3.0-only OR MIT) AND Zlib", true),
        ("(GPL-3.0-only OR MIT) AND Apache-2.0", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("MIT/Apache-2.0", true),
        ("", false),
        ("(MIT", false),
        ("MIT MIT", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), answer, "{expression}");
    }
}

#[test]
fn every_licence_is_one_of_those_allowed() {
    let host = run(Command::new("rustc").arg("-vV")).expect_code(0);
    let host = host.stdout.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned();
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &host]);
    let features: Vec<&str> =
        [("amqp", cfg!(feature = "amqp")), ("cloud", cfg!(feature = "cloud")), ("otel", cfg!(feature = "otel"))]
            .into_iter()
            .filter_map(|(name, there)| there.then_some(name))
            .collect();
    command.args([
        "--features",
        &features.join(","),
        "--manifest-path",
        concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
    ]);
    let metadata: Value = serde_json::from_str(&run(&mut command).expect_code(0).stdout).unwrap();
    let allowed = allowed();
    let used: Vec<&str> =
        metadata["resolve"]["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    assert!(used.len() > 100, "{}", used.len());
    for package in metadata["packages"].as_array().unwrap().iter().filter(|p| used.contains(&p["id"].as_str().unwrap()))
    {
        let (name, licence) = (&package["name"], package["license"].as_str().unwrap_or_default());
        assert!(is_allowed(licence, &allowed), "{name}: {licence:?} is not in deny.toml");
        // Ours have no source; everything else comes from the one registry.
        let source = package["source"].as_str().unwrap_or("");
        assert!(
            source.is_empty() || source == "registry+https://github.com/rust-lang/crates.io-index",
            "{name}: {source}"
        );
        assert!(!["aws-lc-sys", "aws-lc-rs", "openssl-sys", "native-tls"].contains(&name.as_str().unwrap()), "{name}");
    }
}
