//! A progress bar on standard error; on anything but a terminal there is none.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over trials.
pub fn bar(what: &str, trials: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(trials), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len} trials, {eta} left") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(super::output::on_one_line(what));
    bar
}
