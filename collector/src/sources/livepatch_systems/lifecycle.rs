//! Until when SUSE makes live patches: rows `NAME,VERSION,LAST DAY` of `*.lifecycle` files.

use crate::reader::{Reader, malformed};
use scrubjay_model::{LifecycleRow, NonValue, Origin, Reading, day_of_text};

/// Where SLES 12 and SLES 15 have them.
const PLACES: [&str; 2] = ["var/lib/lifecycle/data", "usr/share/lifecycle/data"];

/// Most files read of a directory, and most mistakes told of a file.
const MOST_FILES: usize = 64;
const MOST_MISTAKES: usize = 8;

/// Rows about live patches of the running kernel. Absent where there is no such file.
pub(super) fn read(reader: &Reader<'_>, release: Option<&str>) -> Reading<Vec<LifecycleRow>> {
    let mut rows = Vec::new();
    let mut is_there = false;
    let mut fault = None;
    for place in PLACES {
        let names = match reader.files(place).into_result() {
            Ok(names) => names,
            Err(NonValue::Absent(_)) => continue,
            Err(other) => {
                fault.get_or_insert(other);
                continue;
            }
        };
        let files = names.iter().filter(|name| name.ends_with(".lifecycle"));
        for name in files.take(MOST_FILES) {
            let path = format!("{place}/{name}");
            match reader.text_document(&path, "text in UTF-8", |t| Some(t.to_owned())).into_result()
            {
                Ok(text) => {
                    is_there = true;
                    let (found, mistakes) = parse(&path, &text, release);
                    rows.extend(found);
                    for (line, row) in mistakes.iter().take(MOST_MISTAKES) {
                        let at = format!("{path}:{line}");
                        let expected = "a row NAME,VERSION,YYYY-MM-DD";
                        let mistake = malformed(&at, expected, row.as_bytes());
                        let _: Reading<()> = reader.noted(Err(mistake));
                    }
                }
                Err(NonValue::Absent(_)) => {}
                Err(other) => {
                    fault.get_or_insert(other);
                }
            }
        }
    }
    match fault {
        // The row that counts may be in what could not be read.
        Some(fault) if rows.is_empty() => fault.into(),
        Some(_) | None if is_there => Reading::Value(rows),
        Some(_) | None => Reading::Absent(Origin::new(PLACES[1])),
    }
}

/// A line that is none of the documented ones, with its number.
type Mistake = (usize, String);

fn parse(path: &str, text: &str, release: Option<&str>) -> (Vec<LifecycleRow>, Vec<Mistake>) {
    let kernel = release.map(|release| release.replace('.', "_"));
    let (mut rows, mut mistakes) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let row = match fields.as_slice() {
            [package, version, day] => day_of_text(day).map(|day| (*package, *version, day)),
            _ => None,
        };
        let Some((package, version, last_day)) = row else {
            mistakes.push((number, line.to_owned()));
            continue;
        };
        let of = ["kgraft-patch-", "kernel-livepatch-"];
        let of = of.iter().find_map(|prefix| package.strip_prefix(prefix));
        if of.is_some() && of == kernel.as_deref() {
            rows.push(LifecycleRow {
                name: format!("{path}:{number}"),
                package: package.to_owned(),
                version: version.to_owned(),
                last_day,
            });
        }
    }
    (rows, mistakes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_of_the_running_kernel_are_kept_and_mistakes_told() {
        let text = "# x\nkgraft-patch-3_12_32-33-default,*,2016-01-16\nother,*,2016-01-16\n\
                    kgraft-patch-3_12_32-34-default,*,2016-02-16\nbroken,2016\nx,*,2016-02-30\n";
        let (rows, mistakes) = parse("f", text, Some("3.12.32-33-default"));
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].name.as_str(), rows[0].last_day), ("f:2", 16_816));
        assert_eq!(mistakes.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [5, 6]);
        assert!(parse("f", text, None).0.is_empty(), "without a release none is the right one");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(kgraft-patch-[a-z0-9_]{0,4}|,|\\*|[0-9]{4}-[0-9]{2}|\n|.){0,20}") {
            let _ = parse("f", &text, Some("a"));
        }
    }
}
