//! `scrubjay demo`: what is to be told, where its files lie, and what to try next.

use super::past;
use crate::cli::DemoArgs;
use crate::config::{Flags, Inputs, Settings};
use crate::demo::{self, Frame, Places, Telling, Wish};
use crate::exit::Exit;
use crate::watermark;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn run(args: &DemoArgs, flags: &Flags) -> anyhow::Result<Exit> {
    anyhow::ensure!(
        flags.config.is_none() && flags.root.is_none(),
        "a demo makes its own host and goes by the defaults, so that nobody is told of alerts of a host \
         that does not exist: leave --config and --root out"
    );
    let lasts = args.lasts.as_deref().map(past::milliseconds).transpose()?;
    let lasts = lasts.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
    let wish = Wish { scenario: args.scenario, seed: args.seed, lasts };
    let made = wish.made();
    let waits = !args.once && lasts.is_none();
    let places = match &flags.state_dir {
        Some(dir) => Places::named(Path::new(dir))?,
        None => Places::temporary(&made, waits)?,
    };
    let settings = settings_in(&places, &wish, flags)?;
    watermark::note(Some(&made));
    let places = Arc::new(places);
    let told = if waits {
        let (kept, with) = (Arc::clone(&places), settings.clone());
        let begin = move || Telling::begin(&wish, &kept, &with);
        demo::serve(
            &settings,
            args.speed,
            begin,
            Told { places: Arc::clone(&places), served: true },
        )
    } else {
        at_once(&wish, &places, &settings)
    };
    let mut out = anstream::stdout();
    writeln!(out, "\n{}", places.leave())?;
    told.map(|()| Exit::Ok)
}

/// What the agent goes by, with the history where the files of the demo are.
pub(crate) fn settings_in(places: &Places, wish: &Wish, flags: &Flags) -> anyhow::Result<Settings> {
    let mut settings = settings(wish, flags)?;
    settings.root = places.root();
    settings.state_dir.clone_from(&places.state);
    settings.state_dir_is_chosen = true;
    Ok(settings)
}

/// What the agent goes by: the defaults, with passes as far apart as the story wants them. Paths are left
/// out of what is hashed, so that the same story has the same ledger wherever it lies.
fn settings(wish: &Wish, flags: &Flags) -> anyhow::Result<Settings> {
    let text = format!(
        "[agent]\ninterval = \"{}s\"\n[history]\nimport = false\n[notify]\njournal = false\n",
        wish.step().as_secs()
    );
    let validated = |flags: &Flags| -> anyhow::Result<Settings> {
        Ok(Settings::validate(&Inputs::of_text("the demo", &text, flags)?)?)
    };
    let here = |name: &str| Some(name.to_owned());
    let plain = Flags { root: here("host"), state_dir: here("."), ..Flags::default() };
    let web = validated(&Flags { web: flags.web.clone(), ..plain.clone() })?.web;
    Ok(Settings { web, ..validated(&plain)? })
}

fn at_once(wish: &Wish, places: &Arc<Places>, settings: &Settings) -> anyhow::Result<()> {
    let mut out = anstream::stdout();
    let mut telling = Telling::begin(wish, places, settings)?;
    let frame = Told { places: Arc::clone(places), served: false };
    frame.before(&telling, &[], None, &mut out)?;
    for at in telling.moments() {
        telling.moment(at, &mut out)?;
    }
    telling.ending(&mut out)?;
    frame.after(&telling, &mut out)?;
    telling.end()
}

/// What stands around the story.
struct Told {
    places: Arc<Places>,
    /// Whether the host can be looked at until somebody ends it.
    served: bool,
}

impl Told {
    /// A command that looks at the host.
    fn command(&self, arguments: &str) -> String {
        let program = std::env::args().next().unwrap_or_else(|| "scrubjay".to_owned());
        let (root, state) = (self.places.root(), &self.places.state);
        let (first, rest) = arguments.split_once("; ").map_or((arguments, ""), |(a, b)| (a, b));
        let rest = if rest.is_empty() { String::new() } else { format!("; {rest}") };
        format!(
            "{} {first} --root {} --state-dir {}{rest}",
            quoted(&program),
            quoted(&root.display().to_string()),
            quoted(&state.display().to_string())
        )
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:,=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

impl Frame for Told {
    fn before(
        &self,
        telling: &Telling,
        urls: &[String],
        day: Option<Duration>,
        out: &mut dyn Write,
    ) -> anyhow::Result<()> {
        if let Some(made) = watermark::made() {
            writeln!(out, "{}\n", made.line())?;
        }
        telling.opening(out)?;
        writeln!(out)?;
        writeln!(out, "  files    {} ({})", self.places.state.display(), self.places.fate())?;
        for url in urls {
            let url = url.trim_end_matches('/');
            writeln!(out, "  page     {url}/")?;
            writeln!(out, "  metrics  curl {url}/metrics")?;
        }
        let days = telling.lasts().as_secs_f64() / 86_400.0;
        let pace = match day {
            Some(day) => format!("{days:.1} days, each in {:.1} s", day.as_secs_f64()),
            None => format!("{days:.1} days, told at once"),
        };
        writeln!(
            out,
            "  story    {pace}, after {} days of a past",
            telling.past().as_secs() / 86_400
        )?;
        if !urls.is_empty() {
            writeln!(out, "\nTry meanwhile, in another terminal:\n")?;
            writeln!(out, "  {}", self.command("status"))?;
        }
        Ok(out.flush()?)
    }

    fn after(&self, telling: &Telling, out: &mut dyn Write) -> anyhow::Result<()> {
        let end = if self.served { ", in another terminal; Ctrl-C ends the demo" } else { "" };
        writeln!(out, "\nTry now{end}:\n")?;
        let (from, to) = telling.days();
        let report = format!("report --from {from} --to {to}");
        let mut look_at = vec![("status".to_owned(), "the verdict, and all that was seen")];
        look_at.extend(telling.look_at().iter().cloned());
        look_at.push((report, "the same for somebody who was not there"));
        for (arguments, why) in look_at {
            writeln!(out, "  # {why}\n  {}", self.command(&arguments))?;
        }
        Ok(out.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_take_them_apart() {
        assert_eq!(quoted("/tmp/scrubjay-demo-1"), "/tmp/scrubjay-demo-1");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}
