//! Pages in a real browser, where there is one: a script of a name's would set the title.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{CANARY, SCRIPT, is_page};
use crate::support::Folder;

/// Pages that are opened: each takes seconds.
const MOST: usize = 12;

fn browser() -> Option<PathBuf> {
    let named = std::env::var_os("POOLPROOF_BROWSER").map(PathBuf::from);
    named.or_else(|| {
        ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
            .map(PathBuf::from)
            .into_iter()
            .find(|path| path.exists())
    })
}

/// What the browser makes of a page, after its scripts have run.
fn opened(browser: &Path, page: &Path) -> String {
    let profile = Folder::new();
    let mut command = Command::new("timeout");
    command.arg("90").arg(browser).args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
    ]);
    command.args([
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--virtual-time-budget=2000",
    ]);
    command
        .arg(format!("--user-data-dir={}", profile.0.display()))
        .arg("--dump-dom")
        .arg(format!("file://{}", page.display()));
    let output = command.output().unwrap();
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(dom.contains("</html>"), "{}: {}", page.display(), String::from_utf8_lossy(&output.stderr));
    dom
}

/// Opens pages and charts, put into one page each by twelve, and looks whether a script has run.
pub fn check(files: &[PathBuf]) {
    let Some(browser) = browser() else {
        println!("skipped: no browser (POOLPROOF_BROWSER names one)");
        return;
    };
    // The canary sings where a script runs at all.
    let folder = Folder::new();
    let control = folder
        .file("control.html", format!("<html><title>quiet</title><body><img src=x onerror={SCRIPT}></body></html>"));
    assert!(opened(&browser, &control).contains(CANARY), "the control page ran no script");
    let pages: Vec<&PathBuf> = files.iter().filter(|path| is_page(path)).collect();
    let step = pages.len().div_ceil(MOST).max(1);
    for page in pages.iter().step_by(step) {
        let dom = opened(&browser, page);
        assert!(!dom.contains(CANARY), "{}: a script ran", page.display());
        let lower = dom.to_lowercase();
        for attribute in ["onerror=\"", "onload=\"", "onmouseover=\"", "onfocus=\"", "href=\"javascript:"] {
            assert!(!lower.contains(attribute), "{}: {attribute}", page.display());
        }
    }
    // Charts as documents of their own may run scripts too: all of them within one page.
    let charts: Vec<&PathBuf> =
        files.iter().filter(|path| path.extension().is_some_and(|ending| ending == "svg")).collect();
    if charts.is_empty() {
        return;
    }
    let inline: String = charts
        .iter()
        .step_by(charts.len().div_ceil(60).max(1))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let page =
        folder.file("charts.html", format!("<!doctype html><html><title>charts</title><body>{inline}</body></html>"));
    let dom = opened(&browser, &page);
    assert!(!dom.contains(CANARY) && dom.contains("<title>charts</title>"), "a chart ran a script");
}
