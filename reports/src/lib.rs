//! From outcomes to a report: judge, then draw and write.
//!
//! [`judge`] turns paired outcomes into a [`Report`] (the published schema, `poolproof.report/1`); [`bundle`] renders it
//! into the files of a report folder. Neither knows where the input came from nor where the files go.

pub mod attribution;
pub mod backtest;
pub mod chart;
pub mod comparison;
pub mod course;
pub mod estimate;
pub mod explain;
mod figures;
pub mod forecast;
pub mod functions;
pub mod in_flight;
pub mod input;
mod judge;
pub mod learning;
mod page;
pub mod plainly;
pub mod rare;
pub mod replay;
pub mod report;
pub mod score;
pub mod search;
pub mod stood;
pub mod stopping;
mod table;
mod text;
mod timeline;
pub mod uncertainty;
pub mod weighted;
pub mod what_if;
mod words;

pub use chart::{Chart, HeatMap, heat_map};
pub use input::Inputs;
pub use judge::{Judged, judge, judge_while, judge_with, weights};
pub use page::alternatives::{row as plan_row, sentences as plan_sentences};
pub use page::{Row as IndexRow, bundle, causes, courses, index, index_of};
pub use replay::{Replay, replay_page};
pub use report::Report;
pub use table::summary_table;
pub use what_if::{WhatIf, what_if_page, what_if_table};

/// One file of a report folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path within the folder, such as `charts/ready.svg`.
    pub path: String,
    /// Content.
    pub bytes: Vec<u8>,
}

impl File {
    /// A text file.
    pub(crate) fn text(path: impl Into<String>, content: String) -> File {
        File { path: path.into(), bytes: content.into_bytes() }
    }
}
