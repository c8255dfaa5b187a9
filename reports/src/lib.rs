//! From outcomes to a report: judge, then draw and write.
//!
//! [`judge`] turns paired outcomes into a [`Report`] (the published schema, `poolproof.report/1`); [`bundle`] renders it
//! into the files of a report folder. Neither knows where the input came from nor where the files go.

pub mod input;
mod report;

pub use input::Inputs;
pub use report::Report;

/// One file of a report folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path within the folder, such as `charts/ready.svg`.
    pub path: String,
    /// Content.
    pub bytes: Vec<u8>,
}

/// A judged report with what is needed to draw it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The published document.
    pub report: Report,
    // figures for the charts are added here
}

/// Judges the outcomes. The worst trial is traced again for its story.
pub fn judge(inputs: &Inputs<'_>) -> Judged {
    let _ = inputs;
    unimplemented!()
}

/// Renders report.json, report.html, report.md and charts/*.svg.
pub fn bundle(judged: &Judged) -> Vec<File> {
    let _ = judged;
    unimplemented!()
}

/// Renders an index page over several reports.
pub fn index(reports: &[Report]) -> File {
    let _ = reports;
    unimplemented!()
}
