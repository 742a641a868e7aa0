//! The mark on whatever a command prints of a host that was made and not found.
//!
//! A command is about one host. Once it has opened a simulated one, or the history of one, everything it
//! prints says so: a line above a page, a key in JSON. Tables for spreadsheets, which have no place for
//! that, are spoken of on stderr. So no command can forget it, whatever it prints.

use scrubjay_model::Simulated;
use std::borrow::Cow;
use std::io::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// What this process looks at, if that was made.
static MADE: OnceLock<Simulated> = OnceLock::new();

/// Whether the line was written above a page: one that is written bit by bit has it once.
static TOLD: AtomicBool = AtomicBool::new(false);

/// Of what kind the host is that was opened: made, or real.
static HOST: OnceLock<Option<Simulated>> = OnceLock::new();

/// Takes note of the host that was opened.
pub(crate) fn note_host(made: Option<&Simulated>) {
    let _ = HOST.set(made.cloned());
    note(made);
}

/// Of what kind the host is that was opened, if one was.
pub(crate) fn host() -> Option<&'static Option<Simulated>> {
    HOST.get()
}

/// Takes note of what was opened.
pub(crate) fn note(made: Option<&Simulated>) {
    if let Some(made) = made {
        let _ = MADE.set(made.clone());
    }
}

/// What made the host or the history that was opened.
pub(crate) fn made() -> Option<&'static Simulated> {
    MADE.get()
}

/// A page as it is to be printed.
pub(crate) fn marked(page: &str) -> Cow<'_, str> {
    let Some(made) = made() else { return Cow::Borrowed(page) };
    match form(page) {
        Form::Object => Cow::Owned(with_key(page, made)),
        Form::Table => {
            on_stderr();
            Cow::Borrowed(page)
        }
        Form::Page if TOLD.swap(true, Ordering::Relaxed) => Cow::Borrowed(page),
        Form::Page => Cow::Owned(format!("{}\n\n{page}", made.line())),
    }
}

/// Says it beside what is printed as it is.
pub(crate) fn on_stderr() {
    if let Some(made) = made()
        && !TOLD.swap(true, Ordering::Relaxed)
    {
        let _ = writeln!(anstream::stderr(), "{}", made.line());
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Form {
    /// A JSON object.
    Object,
    /// Comma-separated values: names without blanks in the first line.
    Table,
    /// For people.
    Page,
}

fn form(page: &str) -> Form {
    let first = page.lines().next().unwrap_or_default();
    if page.starts_with('{') {
        Form::Object
    } else if first.contains(',') && !first.contains(' ') {
        Form::Table
    } else {
        Form::Page
    }
}

fn with_key(object: &str, made: &Simulated) -> String {
    let rest = object.get(1..).unwrap_or_default();
    let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
    let told = serde_json::Value::from(made.as_str());
    format!("{{\"simulated\":{told}{comma}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_put_into_an_object_and_the_rest_stays() {
        let made = Simulated::of("cosmic", 1);
        assert_eq!(with_key("{}\n", &made), "{\"simulated\":\"cosmic, seed 1\"}\n");
        let marked = with_key("{\"a\":{\"b\":1}}\n", &made);
        assert_eq!(marked, "{\"simulated\":\"cosmic, seed 1\",\"a\":{\"b\":1}}\n");
    }

    #[test]
    fn forms_are_told_apart_by_how_they_begin() {
        assert_eq!(form("{\"a\":1}"), Form::Object);
        assert_eq!(form("booted,ended,kernel\n1,2,3\n"), Form::Table);
        for page in ["scrubjay: OK — all, that was asked", "", "one\n", "no bad page, ever"] {
            assert_eq!(form(page), Form::Page, "{page}");
        }
    }
}
