//! Pages: nothing from outside, every picture with its words and numbers, no bare zeros.

use std::collections::BTreeSet;

use crate::example::{self, NOTHING, STUCK, SURGED, TIGHT};
use crate::grids;

fn texts() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for example in [SURGED, TIGHT, STUCK, NOTHING] {
        files.extend(reports::bundle(&grids::judged(example, 120)));
    }
    files.extend(grids::replayed(60));
    files.extend(reports::what_if_page(&grids::grid(20)));
    let text = |f: reports::File| (f.path, String::from_utf8(f.bytes).unwrap());
    files.into_iter().map(text).collect()
}

/// Values of an attribute, in order.
fn attributes<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let mark = format!(" {name}=\"");
    text.split(&mark).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn pages_need_nothing_from_outside() {
    for (path, text) in texts() {
        for name in ["src", "href"] {
            let outside = attributes(&text, name).into_iter().find(|v| v.contains(':') || v.starts_with("//"));
            assert_eq!(outside, None, "{path}");
        }
        assert!(!text.contains("@import") && !text.contains("url("), "{path}");
    }
}

#[test]
fn every_picture_has_words_and_numbers() {
    let mut pictures = 0;
    for (path, text) in texts() {
        for svg in text.split("<svg ").skip(1) {
            let head = svg.split('>').next().unwrap();
            assert!(head.contains("role=\"img\""), "{path}: {head}");
            let named = head.contains("aria-label=\"") || (svg.contains("<title id=") && svg.contains("<desc id="));
            assert!(named, "{path}: {head}");
            pictures += 1;
        }
        let ids = attributes(&text, "id");
        let distinct: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), distinct.len(), "{path}: an id stands twice");
        let figures = text.matches("<figure").count();
        assert_eq!(text.matches("<figcaption>").count(), figures, "{path}");
        assert_eq!(text.matches("<summary>The numbers</summary>").count(), figures, "{path}");
    }
    assert!(pictures > 40, "{pictures}");
}

#[test]
fn charts_have_all_kinds() {
    let files = reports::bundle(&grids::judged(TIGHT, 60));
    let charts: Vec<&str> = files.iter().map(|f| f.path.as_str()).filter(|p| p.starts_with("charts/")).collect();
    assert_eq!(
        charts,
        ["charts/ready.svg", "charts/free.svg", "charts/minutes.svg", "charts/dns.svg", "charts/nodes.svg"]
    );
}

#[test]
fn probabilities_are_never_a_bare_zero() {
    for (path, text) in texts().into_iter().filter(|(path, _)| path.ends_with(".md") || path.ends_with(".html")) {
        // Axes begin at zero; everything else that is estimated has a limit.
        let text: String =
            text.split("<svg ").map(|part| part.split_once("</svg>").map_or(part, |(_, rest)| rest)).collect();
        for (i, _) in text.match_indices("0 %") {
            let before = text[..i].chars().next_back().unwrap_or(' ');
            let limit = text[..i].ends_with('(');
            assert!(
                before.is_ascii_digit() || before == '.' || limit,
                "{path}: …{}",
                &text[i.saturating_sub(60)..i + 3]
            );
        }
    }
}

/// Without sampled series there are fewer charts, not none.
#[test]
fn no_series_no_bands() {
    let mut scenario = TIGHT.scenario();
    scenario.settings.series_steps = 0;
    let pairs = example::pairs(&scenario, 40, 1);
    let files = reports::bundle(&reports::judge(&example::inputs(&scenario, &pairs)));
    let charts: Vec<&str> = files.iter().map(|f| f.path.as_str()).filter(|p| p.starts_with("charts/")).collect();
    assert_eq!(charts, ["charts/minutes.svg", "charts/nodes.svg"]);
}
