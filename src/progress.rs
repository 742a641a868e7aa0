//! How far long work is, on stderr, for whoever watches a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// A bar for so many steps, which shows nothing unless stderr is a terminal.
pub(crate) fn bar(steps: u64, what: &'static str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr_with_hz(4));
    let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} {eta}");
    // The template is of this file; were it wrong, the style of the library would do.
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.with_message(what)
}
