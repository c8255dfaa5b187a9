use super::*;
use crate::decode;

fn prepared(change: &Change, snapshot: &Snapshot) -> (Loaded, Plans) {
    let loaded = load(change, snapshot, &ChangeSettings::default()).unwrap();
    let settings = ChangeSettings { trials: Some(200), ..change.settings.clone() };
    let found = plans(change, snapshot, &loaded, &settings, MOST).unwrap();
    (loaded, found)
}

/// Looks at what is printed for the case studies: `cargo nextest run -p scenarios plans_of_the_case_studies --no-capture`.
#[test]
fn plans_of_the_case_studies_are_many_and_sound() {
    for case in crate::cases::cases() {
        for (side, design) in case.designs() {
            let snapshot = Snapshot::from_json(design.snapshot.as_bytes()).unwrap();
            for message in design.changes {
                for change in decode(message.text.as_bytes()).unwrap().changes {
                    let (_, found) = prepared(&change, &snapshot);
                    eprintln!("== {} {side}: {} {:?}", case.name, change.summary, found.why_none);
                    for plan in &found.plans {
                        eprintln!("  {}", plan.summary);
                        eprint!("{}", plan.az.lines().skip(1).map(|l| format!("      {l}\n")).collect::<String>());
                        if let Some(t) = &plan.terraform {
                            eprint!("{}", t.lines().map(|l| format!("      | {l}\n")).collect::<String>());
                        }
                    }
                    for aside in &found.set_aside {
                        eprintln!("  NOT {}: {}", aside.summary, aside.reason);
                    }
                    assert!(found.why_none.is_some() || !found.plans.is_empty(), "{}", change.summary);
                }
            }
        }
    }
}
