//! How far long work has come, on stderr, for who watches it.
//!
//! Nothing is drawn where nobody does: stderr is no terminal, or a dumb one, or `--quiet` was given.
//! There are no colours to take away under `NO_COLOR`, and what was drawn is gone when the work is
//! done: what came of it is on stdout.

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;

/// Options of commands that take long.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ProgressArgs {
    /// Show no progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Of how many, when that is known.
const OF_MANY: &str = "{msg} [{bar:30}] {pos}/{len} {prefix}, {eta} left";
/// And when it is not.
const SO_FAR: &str = "{msg} {spinner} {pos} {prefix}, {elapsed}";

/// How far one piece of work has come.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Of work such as "reading wtmp", counted in a unit such as "records".
    pub(crate) fn new(args: ProgressArgs, what: String, unit: &'static str) -> Self {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let is_watched = !args.quiet && !is_dumb && std::io::stderr().is_terminal();
        let target = if is_watched {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        Self::on(target, what, unit)
    }

    fn on(target: ProgressDrawTarget, what: String, unit: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, target);
        Self { bar: bar.with_style(style(SO_FAR)).with_message(what).with_prefix(unit) }
    }

    /// That so much is done, of as much as there can be, if that is known.
    pub(crate) fn show(&self, done: u64, of: Option<u64>) {
        if let Some(of) = of {
            if self.bar.length().is_none() {
                self.bar.set_style(style(OF_MANY).progress_chars("=> "));
            }
            // More than there should be is no reason to draw beyond the end.
            self.bar.set_length(of.max(done));
        }
        self.bar.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// One that cannot be read, which a test rules out, is none to stop for.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::TermLike;
    use std::io;
    use std::sync::{Arc, Mutex};

    /// A terminal of 80 columns that keeps what is written to it.
    #[derive(Debug, Clone, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl Screen {
        fn put(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }

        fn shown(&self) -> String {
            std::mem::take(&mut self.0.lock().unwrap())
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            80
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.put(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.put(text)
        }
        fn clear_line(&self) -> io::Result<()> {
            self.put("\n<cleared>")
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn on_screen() -> (Screen, Progress) {
        let screen = Screen::default();
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        (screen.clone(), Progress::on(target, "reading rasdaemon".to_owned(), "records"))
    }

    #[test]
    fn a_bar_shows_how_much_of_how_much_is_done_and_is_gone_afterwards() {
        let (screen, progress) = on_screen();
        progress.show(512, Some(2_048));
        let shown = screen.shown();
        let bar = "reading rasdaemon [=======>                      ] 512/2048 records, ";
        assert!(shown.contains(bar), "{shown}");
        // Rows that were written meanwhile.
        progress.show(3_000, Some(2_048));
        progress.bar.force_draw();
        assert!(screen.shown().contains("3000/3000 records"));
        drop(progress);
        let last = screen.shown();
        let (_, after) = last.rsplit_once("<cleared>").unwrap();
        assert_eq!(after, "", "{last}");
    }

    #[test]
    fn where_nobody_knows_how_much_there_is_it_is_counted() {
        let (screen, progress) = on_screen();
        progress.show(70, None);
        let shown = screen.shown();
        assert!(shown.contains("reading rasdaemon") && shown.contains(" 70 records, "), "{shown}");
        assert!(!shown.contains("70/"), "{shown}");
    }

    #[test]
    fn the_quiet_see_nothing() {
        let progress = Progress::new(ProgressArgs { quiet: true }, String::new(), "records");
        assert!(progress.bar.is_hidden());
    }
}
