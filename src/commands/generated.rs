//! `scrubjay completions` and `scrubjay man`: what packages ship, made of the command line as it is.

use super::print_as_is;
use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::exit::Exit;
use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::path::Path;

/// What the pages belong to.
const MANUAL: &str = "scrubjay";

/// An empty argument, which the crate would leave out: what follows would become the date.
const NO_DATE: &str = "\"\"";

/// Every key with its default and what it means.
const SHIPPED: &str = include_str!("../../dist/etc/scrubjay/scrubjay.toml");

pub(crate) fn completions(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    print_as_is(&String::from_utf8(script).context("the script is no text")?)?;
    Ok(Exit::Ok)
}

pub(crate) fn man(args: &ManArgs) -> anyhow::Result<Exit> {
    let mut command = Cli::command();
    command.build();
    match &args.out {
        Some(directory) => {
            std::fs::create_dir_all(directory)
                .with_context(|| format!("create {}", directory.display()))?;
            write_pages(&command, None, directory)?;
            let file = directory.join("scrubjay.toml.5");
            write(&file, &configuration_page(SHIPPED)?)?;
        }
        None => print_as_is(&page(&command, None)?)?,
    }
    Ok(Exit::Ok)
}

/// The page of a command, and those of the commands below it.
fn write_pages(command: &Command, above: Option<&str>, directory: &Path) -> anyhow::Result<()> {
    let file = directory.join(format!("{}.1", title(command)));
    write(&file, &page(command, above)?)?;
    for below in command.get_subcommands().filter(|below| is_told(below)) {
        write_pages(below, Some(title(command)), directory)?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "pages, into the directory that was asked for")]
fn write(file: &Path, page: &str) -> anyhow::Result<()> {
    std::fs::write(file, page).with_context(|| format!("write {}", file.display()))
}

/// Whether a command has a page. The help that clap adds tells what the pages tell.
fn is_told(command: &Command) -> bool {
    !command.is_hide_set() && command.get_name() != "help"
}

/// How a page is called: "scrubjay-history-boots".
fn title(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

fn page(command: &Command, above: Option<&str>) -> anyhow::Result<String> {
    let version = command.get_version().unwrap_or_default();
    let man = Man::new(command.clone()).date(NO_DATE).manual(MANUAL);
    let man = man.source(format!("{MANUAL} {version}"));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.get_subcommands().any(is_told) {
        man.render_subcommands_section(&mut page)?;
    }
    let others = [above.map(|above| format!("{above}(1)")), Some("scrubjay.toml(5)".to_owned())];
    let others: Vec<String> = others.into_iter().flatten().collect();
    let mut end = Roff::new();
    end.control("SH", ["SEE ALSO"]);
    end.text([roman(others.join(", "))]);
    end.to_writer(&mut page)?;
    let page = String::from_utf8(page).context("the page is no text")?;
    // An empty line between two line breaks is how the crate makes a gap; man has a word for it.
    Ok(page.replace("\n.br\n\n.br\n", "\n.sp\n"))
}

/// A line of the configuration that is shipped.
enum Line<'a> {
    Section(&'a str),
    Said(&'a str),
    Setting(&'a str),
    Empty,
}

/// Settings that are left out are shown too.
fn line(text: &str) -> Line<'_> {
    let said = text.strip_prefix('#').map(str::trim_start);
    let code = said.unwrap_or(text);
    let (key, is_setting) =
        code.split_once(" = ").map_or((code, code.starts_with("[[")), |(key, _)| (key, true));
    let is_key = key.chars().all(|c| c.is_ascii_lowercase() || "_[].".contains(c));
    match said {
        _ if text.is_empty() => Line::Empty,
        _ if is_setting && is_key => Line::Setting(code),
        Some(said) => Line::Said(said),
        None => Line::Section(text),
    }
}

/// scrubjay.toml(5), of the file that is shipped: each setting below what is said of it there.
fn configuration_page(shipped: &str) -> anyhow::Result<String> {
    let mut page = Roff::new();
    page.control("TH", ["scrubjay.toml", "5", NO_DATE, MANUAL, MANUAL]);
    page.control("SH", ["NAME"]);
    page.text([roman("scrubjay.toml - configuration of scrubjay(1)")]);
    page.control("SH", ["DESCRIPTION"]);
    let mut in_settings = false;
    for text in shipped.lines() {
        let line = line(text);
        let is_setting = matches!(line, Line::Setting(_));
        // A paragraph for what is said, lines as they are for what is set.
        match (in_settings, is_setting) {
            (false, true) => {
                page.control("RS", ["4"]);
                page.control("nf", []);
            }
            (true, false) => {
                page.control("fi", []);
                page.control("RE", []);
                if matches!(line, Line::Said(_)) {
                    page.control("PP", []);
                }
            }
            (true, true) | (false, false) => {}
        }
        in_settings = is_setting;
        match line {
            Line::Section(name) => page.control("SH", [name]),
            Line::Said(said) => page.text([roman(said)]),
            Line::Setting(setting) => page.text([bold(setting)]),
            Line::Empty => &mut page,
        };
    }
    if in_settings {
        page.control("fi", []);
        page.control("RE", []);
    }
    page.control("SH", ["SEE ALSO"]);
    page.text([roman("scrubjay(1), scrubjay-config(1)")]);
    let mut written = Vec::new();
    page.to_writer(&mut written)?;
    String::from_utf8(written).context("the page is no text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_on_the_configuration_has_every_section_and_every_setting() {
        let page = configuration_page(SHIPPED).unwrap();
        for text in SHIPPED.lines().filter(|text| !text.is_empty() && !text.starts_with('#')) {
            let shown = text.replace('\\', "\\\\").replace('-', "\\-");
            assert!(page.contains(&shown), "{text}");
        }
        assert_eq!(page.matches(".nf").count(), page.matches(".fi").count());
    }

    #[test]
    fn what_is_left_out_by_default_is_shown_as_a_setting_and_a_sentence_is_not() {
        let page = configuration_page("[agent]\n# Where it is = here.\n# state_dir = \"/x\"\n");
        let page = page.unwrap();
        assert!(page.contains("\nWhere it is = here.\n"), "{page}");
        assert!(page.contains(".nf\n\\fBstate_dir = \"/x\"\\fR\n.fi\n"), "{page}");
    }
}
