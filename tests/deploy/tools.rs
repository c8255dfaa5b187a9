//! Schemas by tools of others, where `POOLPROOF_MANIFEST_TOOLS` names the folder they are installed in:
//!
//! ```sh
//! npm install --prefix tools @kubernetes-models/keda
//! python3 -m venv tools && tools/bin/pip install kubernetes-validate tree-sitter tree-sitter-bicep
//! POOLPROOF_MANIFEST_TOOLS=tools cargo test -p poolproof --test tests deploy -- --nocapture
//! ```
//!
//! Kinds of Kubernetes are held to the API of 1.34, those of KEDA to their own definitions, Bicep to its grammar. Its types are
//! not checked: that takes Bicep's compiler.

use std::path::PathBuf;
use std::process::Command;

use super::files;
use super::kubernetes::objects;
use crate::support::{Folder, run};

fn tools() -> Option<PathBuf> {
    let found = std::env::var_os("POOLPROOF_MANIFEST_TOOLS").map(PathBuf::from);
    if found.is_none() {
        println!("skipped: no POOLPROOF_MANIFEST_TOOLS (see tests/deploy/tools.rs)");
    }
    // Tests run in the folder of the package; people name a folder from where they are.
    found.map(|path| if path.is_absolute() { path } else { PathBuf::from("..").join(path) }.canonicalize().unwrap())
}

#[test]
fn kinds_of_kubernetes_fit_their_schema() {
    let Some(tools) = tools() else { return };
    let place = Folder::new();
    let native: Vec<_> = objects().into_iter().filter(|o| !is_kedas(o)).collect();
    assert!(native.len() >= 8);
    let check = |name: &str, content: &serde_json::Value| {
        let file = place.json(name, content);
        run(Command::new(tools.join("bin/kubernetes-validate")).args(["--strict", "-k", "1.34.0"]).arg(file))
    };
    for object in &native {
        let ended = check("object.json", &object.value);
        assert_eq!(ended.code, Some(0), "{} {}: {ended:#?}", object.kind(), object.name());
    }
    // The tool finds what is wrong.
    let mut broken = native.into_iter().find(|o| o.kind() == "Deployment").unwrap().value;
    broken["spec"]["replicaz"] = 3.into();
    assert_ne!(check("broken.json", &broken).code, Some(0));
}

#[test]
fn kinds_of_keda_fit_their_schema() {
    let Some(tools) = tools() else { return };
    let place = Folder::new();
    let script = "
const keda = require('@kubernetes-models/keda/keda.sh/v1alpha1');
const objects = JSON.parse(require('fs').readFileSync(process.argv[1]));
for (const object of objects) {
  new keda[object.kind](object).validate();
}
";
    let check = |objects: Vec<serde_json::Value>| {
        let file = place.json("objects.json", &objects.into());
        run(Command::new("node").args(["-e", script]).arg(file).env("NODE_PATH", tools.join("node_modules")))
    };
    let kedas: Vec<_> = objects().into_iter().filter(is_kedas).map(|o| o.value).collect();
    assert_eq!(kedas.len(), 6);
    check(kedas.clone()).expect_code(0);
    let mut broken = kedas.into_iter().find(|o| o["kind"] == "ScaledObject").unwrap();
    broken["spec"]["triggers"][0]["metadata"]["value"] = 5.into();
    assert_ne!(check(vec![broken]).code, Some(0));
}

#[test]
fn bicep_fits_its_grammar() {
    let Some(tools) = tools() else { return };
    let script = "
import sys, tree_sitter, tree_sitter_bicep
parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))
sys.exit(any(parser.parse(open(f, 'rb').read()).root_node.has_error for f in sys.argv[1:]))
";
    let python = || {
        let mut command = Command::new(tools.join("bin/python"));
        command.args(["-c", script]);
        command
    };
    run(python().args(files("azure", ".bicep"))).expect_code(0);
    let place = Folder::new();
    run(python().arg(place.file("broken.bicep", "param a string = {\nvar b = [1\n"))).expect_code(1);
}

fn is_kedas(object: &super::kubernetes::Object) -> bool {
    object.value["apiVersion"].as_str().unwrap().starts_with("keda.sh/")
}
