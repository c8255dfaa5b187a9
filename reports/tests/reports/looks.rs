//! Writes the example's reports where `POOLPROOF_LOOK` says, for looking at them.

use crate::example::{self, Example};

#[test]
fn write_examples_for_looking() {
    let Ok(folder) = std::env::var("POOLPROOF_LOOK") else {
        println!("skipped: POOLPROOF_LOOK names no folder");
        return;
    };
    let mut reports = Vec::new();
    let write = |file: &reports::File, under: &str| {
        let path = std::path::Path::new(&folder).join(under).join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.bytes).unwrap();
    };
    let examples: [(&str, Example); 4] = [
        ("surged", example::SURGED),
        ("tight", example::TIGHT),
        ("stuck", example::STUCK),
        ("nothing", example::NOTHING),
    ];
    for (name, example) in examples {
        let scenario = example.scenario();
        let pairs = example::pairs(&scenario, 1000, 0);
        let mut inputs = example::inputs(&scenario, &pairs);
        inputs.id = name.to_string();
        let judged = reports::judge(&inputs);
        for file in reports::bundle(&judged) {
            write(&file, name);
        }
        reports.push(judged.report);
    }
    write(&reports::index(&reports), "");
    let grid = crate::grids::grid(500);
    for file in reports::what_if_page(&grid) {
        write(&file, "whatif");
    }
    println!("{}", reports::what_if_table(&grid));
    for file in crate::grids::replayed(500) {
        write(&file, "replay");
    }
    println!("{}", reports::summary_table(&reports.iter().collect::<Vec<_>>()));
}
