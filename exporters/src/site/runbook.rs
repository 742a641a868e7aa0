//! What a finding means: its page of the documentation, and where it is found now. So that it is at
//! hand where there is no network.

use super::findings::{Found, cards, grouped};
use super::parts::section;
use super::stick::sticks;
use super::{Known, Page};
use maud::{Markup, html};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct Runbook<'a> {
    code: &'a str,
    /// As it stands in the documentation: Markdown.
    page_text: &'a str,
    findings: Vec<Found<'a>>,
}

/// All codes that have a page.
pub(super) fn codes(runbook: &str) -> impl Iterator<Item = &str> {
    runbook.split("\n## ").skip(1).filter_map(|page| page.lines().next())
}

pub(super) fn page<'a>(known: &Known<'a>, code: &str) -> Option<Runbook<'a>> {
    let pages = known.runbook.split("\n## ").skip(1).filter_map(|page| page.split_once('\n'));
    let (code, page_text) = pages.into_iter().find(|(heading, _)| *heading == code)?;
    let all = sticks(known.view, &[]);
    let assessment = &known.view.assessment;
    let findings = [&assessment.findings, &assessment.coverage.findings];
    let findings = findings.into_iter().flat_map(|list| grouped(known, &all, list));
    Some(Runbook { code, page_text, findings: findings.filter(|one| one.code == code).collect() })
}

impl Page for Runbook<'_> {
    fn title(&self) -> String {
        self.code.to_owned()
    }

    fn body(&self, known: &Known<'_>) -> Markup {
        html! {
            h1 { code { (self.code) } }
            (section("now", "Here and now", html! {
                @if self.findings.is_empty() { p.nothing { "It is not found on this host at present." } }
                @else { (cards(&self.findings)) }
            }))
            (section("means", "What it means", html! {
                div.prose { (markdown(self.page_text, known.runbook)) }
            }))
        }
    }
}

/// The part of Markdown that those pages are written in: paragraphs, lists, code and links. Links lead
/// to other pages of findings; what lies elsewhere is named.
fn markdown(page: &str, runbook: &str) -> Markup {
    let mut blocks: Vec<Markup> = Vec::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() {
            continue;
        }
        if line.starts_with("```") {
            let mut code = Vec::new();
            for line in lines.by_ref().take_while(|line| !line.starts_with("```")) {
                code.push(line);
            }
            blocks.push(html! { pre tabindex="0" { code { (code.join("\n")) } } });
        } else if line.starts_with("- ") {
            let mut items = vec![line.trim_start_matches("- ").to_owned()];
            while let Some(next) =
                lines.next_if(|next| next.starts_with("- ") || next.starts_with("  "))
            {
                match (next.strip_prefix("- "), items.last_mut()) {
                    (Some(item), _) => items.push(item.to_owned()),
                    (None, Some(last)) => {
                        last.push(' ');
                        last.push_str(next.trim());
                    }
                    (None, None) => {}
                }
            }
            blocks.push(html! { ul { @for item in &items { li { (inline(item, runbook)) } } } });
        } else {
            let mut text = line.to_owned();
            let ends = |line: &&str| {
                line.trim().is_empty() || line.starts_with("- ") || line.starts_with("```")
            };
            while let Some(next) = lines.next_if(|next| !ends(next)) {
                text.push(' ');
                text.push_str(next);
            }
            blocks.push(html! { p { (inline(&text, runbook)) } });
        }
    }
    html! { @for block in &blocks { (block) } }
}

/// Code, emphasis and links of a paragraph.
fn inline(text: &str, runbook: &str) -> Markup {
    let Some(at) = text.find(['`', '*', '[']) else { return html! { (text) } };
    let (before, rest) = text.split_at(at);
    let inner = |open: &str, close: &str| {
        let rest = rest.strip_prefix(open)?;
        rest.split_once(close).filter(|(inner, _)| !inner.is_empty())
    };
    let (made, after) = if let Some((code, after)) = inner("`", "`") {
        (html! { code { (code) } }, after)
    } else if let Some((strong, after)) = inner("**", "**") {
        (html! { strong { (inline(strong, runbook)) } }, after)
    } else if let Some((stressed, after)) =
        inner("*", "*").filter(|(stressed, _)| !stressed.starts_with(' '))
    {
        (html! { em { (inline(stressed, runbook)) } }, after)
    } else if let Some((words, (target, after))) =
        inner("[", "](").and_then(|(words, rest)| Some((words, rest.split_once(')')?)))
    {
        (link(words, target, runbook), after)
    } else {
        let mut chars = rest.chars();
        let first = chars.next();
        (html! { @if let Some(first) = first { (first) } }, chars.as_str())
    };
    html! { (before) (made) (inline(after, runbook)) }
}

fn link(words: &str, target: &str, runbook: &str) -> Markup {
    let code = target.strip_prefix('#').filter(|code| codes(runbook).any(|known| known == *code));
    match code {
        Some(code) => {
            html! { a href=(super::Place::Finding(code.to_owned()).path()) { (inline(words, runbook)) } }
        }
        None => html! { (inline(words, runbook)) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOK: &str = "# Findings\n\n## one\n\nIt is `a < b`, **very** *much*, see [the other](#two) and [that](x.md).\n\n\
        ```sh\nrm <x>\n```\n\n- first\n  goes on\n- second *star\n\n## two\n\nText.\n";

    #[test]
    fn the_pages_of_findings_become_pages_of_the_agent() {
        let page = BOOK.split("\n## ").nth(1).unwrap().split_once('\n').unwrap().1;
        let made = markdown(page, BOOK).into_string();
        assert_eq!(
            made,
            "<p>It is <code>a &lt; b</code>, <strong>very</strong> <em>much</em>, see <a href=\"/findings/two\">the other</a> and that.</p>\
             <pre tabindex=\"0\"><code>rm &lt;x&gt;</code></pre>\
             <ul><li>first goes on</li><li>second *star</li></ul>"
        );
        assert_eq!(codes(BOOK).collect::<Vec<_>>(), ["one", "two"]);
    }
}
