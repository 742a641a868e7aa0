//! Markers of the distribution. A marker is evidence, not an answer: it says that some package
//! asked, not that it was right.

use super::catalogue::Rules;
use crate::finding::{FindingExt, listed};
use scrubjay_model::{Finding, Outcome, RebootMarkers, Snapshot};

/// `alone`: nothing but a marker asks for a reboot.
pub(crate) fn findings(snapshot: &Snapshot, rules: &Rules, alone: bool) -> Option<Finding> {
    let markers = Snapshot::found(&snapshot.reboot_markers)?;
    let (because, remedy, file) = match (markers.needed.value(), markers.required.outcome()) {
        (Some(kind), _) => needed(kind),
        (None, Outcome::Ok) => required(markers),
        (None, Outcome::Absent | Outcome::Unreadable | Outcome::Malformed) => return None,
    };
    let only = if alone { "; nothing else seen does" } else { "" };
    let finding = rules.reboot_marker.finding(format!("{because}{only}"), remedy);
    Some(finding.seen_in(file))
}

/// Most packages named in a sentence.
const NAMED: usize = 5;

/// What is asked for, what to do, and the file that asks.
type Marker = (String, &'static str, &'static str);

fn required(markers: &RebootMarkers) -> Marker {
    let packages = match markers.packages.value() {
        Some(names) if !names.is_empty() => format!("for {}", listed(names, NAMED)),
        Some(_) | None => "without naming a package".to_owned(),
    };
    (
        format!("the distribution asks for a reboot, {packages}"),
        "reboot at the next window, unless you know that the marker is left over or that live \
         patches already cover it",
        "run/reboot-required",
    )
}

/// The kinds of zypp-boot-plugin.
fn needed(kind: &str) -> Marker {
    let (because, remedy) = match kind {
        "reboot" => ("the distribution asks for a reboot".to_owned(), WHOLE),
        "kexec" => {
            ("the distribution asks for a new kernel, for which kexec is enough".to_owned(), WHOLE)
        }
        "soft-reboot" => (
            "the distribution asks for a restart of user space (soft-reboot)".to_owned(),
            "run systemctl soft-reboot at the next window; the kernel need not be restarted",
        ),
        other => (
            format!(
                "the distribution asks for a reboot of a kind not known to scrubjay: \"{other}\""
            ),
            WHOLE,
        ),
    };
    (because, remedy, "run/reboot-needed")
}

const WHOLE: &str = "reboot at the next window, unless you know that the marker is left over";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{but, codes, denied, first, kernels, lose, of, only, text};
    use scrubjay_model::{Reading, RebootHelps, Verdict};

    fn debian(marker: &str, packages: Option<&[&str]>) -> Finding {
        only(&but(|s| {
            let markers = of(&mut s.reboot_markers);
            markers.required = text(marker);
            if let Some(packages) = packages {
                markers.packages =
                    Reading::Value(packages.iter().map(|name| (*name).to_owned()).collect());
            }
        }))
    }

    /// Of a marker that nothing else bears out.
    fn told(packages: &str) -> String {
        format!("the distribution asks for a reboot, {packages}; nothing else seen does")
    }

    fn suse(kind: &str) -> Finding {
        only(&but(|s| of(&mut s.reboot_markers).needed = text(kind)))
    }

    #[test]
    fn debians_empty_marker_is_a_marker() {
        let found = debian("", None);
        assert_eq!((found.code, found.verdict), ("reboot-marker", Verdict::Plan));
        assert_eq!(found.because, told("without naming a package"));
        assert_eq!(found.reboot_helps, RebootHelps::Yes);
        assert_eq!(found.origin.unwrap().as_str(), "run/reboot-required");
    }

    #[test]
    fn ubuntus_marker_names_its_packages() {
        let found = debian("*** System restart required ***", Some(&["libc6", "linux-base"]));
        assert_eq!(found.because, told("for libc6 and linux-base"));
    }

    #[test]
    fn an_empty_list_of_packages_names_none() {
        assert_eq!(debian("", Some(&[])).because, told("without naming a package"));
    }

    #[test]
    fn a_long_list_of_packages_is_cut() {
        let names: Vec<String> = (0..40).map(|n| format!("package{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let because = debian("", Some(&names)).because;
        assert!(because.contains("package3, package4 and 35 more;"), "{because}");
    }

    #[test]
    fn suses_kinds_are_told_apart() {
        for (kind, words) in [
            ("reboot", "asks for a reboot"),
            ("kexec", "kexec is enough"),
            ("soft-reboot", "restart of user space"),
            ("", "not known to scrubjay: \"\""),
            ("tomorrow", "not known to scrubjay: \"tomorrow\""),
        ] {
            let found = suse(kind);
            assert!(found.because.contains(words), "{}", found.because);
            assert_eq!(found.origin.unwrap().as_str(), "run/reboot-needed");
        }
        assert!(suse("soft-reboot").remedy.contains("the kernel need not be restarted"));
    }

    #[test]
    fn a_marker_that_another_reason_bears_out_does_not_stand_alone() {
        let mut snapshot = kernels::behind();
        of(&mut snapshot.reboot_markers).required = text("");
        let found = first(&snapshot, "reboot-marker");
        assert_eq!(found.because, "the distribution asks for a reboot, without naming a package");
        // What is only watched asks for nothing.
        let mut snapshot = kernels::covered();
        of(&mut snapshot.reboot_markers).required = text("");
        assert_eq!(first(&snapshot, "reboot-marker").because, told("without naming a package"));
    }

    #[test]
    fn packages_without_a_marker_ask_for_nothing() {
        let snapshot = but(|s| {
            of(&mut s.reboot_markers).packages = Reading::Value(vec!["libc6".to_owned()]);
        });
        assert!(codes(&snapshot).is_empty());
    }

    #[test]
    fn a_marker_that_cannot_be_read_is_neither_a_marker_nor_none() {
        let mut snapshot = but(|_| ());
        lose(
            &mut snapshot.reboot_markers,
            |markers| &mut markers.required,
            denied("run/reboot-required"),
        );
        assert_eq!(codes(&snapshot), ["source-unreadable"]);
    }
}
