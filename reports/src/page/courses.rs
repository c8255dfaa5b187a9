//! The shortest courses to an outage, in words.

use crate::course::{Course, Of, Step};
use crate::report::Report;
use crate::words;

/// What kind of trial it is out of.
pub fn title(course: &Course) -> String {
    match course.of {
        Of::Typical => format!("A typical bad future (trial {})", course.trial),
        Of::Worst => format!("The worst future (trial {})", course.trial),
    }
}

/// The first course of a report as lines for a terminal.
pub fn lines(report: &Report) -> Vec<String> {
    let Some(course) = report.courses.first() else { return Vec::new() };
    let step = |step: &Step| {
        let mark = if step.needed { '●' } else { ' ' };
        format!("{:>8} {mark} {}", words::clock(step.t), step.text)
    };
    let head = format!("How it comes to an outage. {}: {}", title(course), sentence(course));
    std::iter::once(head).chain(course.steps.iter().map(step)).collect()
}

/// What the steps are, in a sentence or two.
pub fn sentence(course: &Course) -> String {
    let needed = course.steps.iter().filter(|step| step.needed).count() as f64;
    let out = format!("Cut down to what it takes, {} is out for {}", course.workload, words::minutes(course.minutes));
    let aside = match course.left_aside {
        0 => String::new(),
        1 => " One other thing that happened in it was taken away, and it comes to that all the same.".to_owned(),
        n => format!(
            " {} other things that happened in it were taken away, and it comes to that all the same.",
            words::count(n)
        ),
    };
    let needs = match (course.proven, needed > 1.5, needed > 0.5) {
        (false, ..) => "It was not cut down to the end: some of the events with a mark may not be needed.".to_owned(),
        (true, true, _) => {
            format!("Each of the {needed} events with a mark is needed: without any one of them there is no outage.")
        }
        (true, false, true) => "The event with a mark is enough for it, and without it there is no outage.".to_owned(),
        (true, false, false) => "It needs none of what could have gone otherwise: it comes anyway.".to_owned(),
    };
    format!("{out}.{aside} {needs}")
}
