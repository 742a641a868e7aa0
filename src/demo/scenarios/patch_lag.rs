//! Kernels that are installed and not booted: two clocks run, and a limit is passed.

use crate::demo::draws::Draws;
use crate::demo::machine::{KERNEL, Release};
use crate::demo::story::{Beat, Deed, PAST_DAYS, Story, time};

const DAYS: u32 = 58;

const SECOND: Release = Release { version: "6.12.63", made: "2026-04-04" };
const THIRD: Release = Release { version: "6.12.69", made: "2026-04-27" };

/// Some vulnerabilities, by made-up numbers.
fn cves(draws: &mut Draws, first: u32, count: u32) -> Vec<String> {
    (0..count).map(|nth| format!("CVE-2026-{}", first + nth * 7 + draws.below(7))).collect()
}

pub(super) fn story(seed: u64) -> Story {
    let mut draws = Draws::new(seed ^ 0x9a7c);
    let (second, third) = (cves(&mut draws, 90_101, 11), cves(&mut draws, 90_301, 7));
    let exploited = second.get(4).cloned().unwrap_or_default();
    let list = format!(
        "cveID,vendorProject,product,vulnerabilityName,dateAdded,shortDescription,requiredAction,dueDate\n\
         {exploited},Linux,Kernel,Linux Kernel Use-After-Free,2026-05-12,made up for scrubjay demo,Apply \
         updates,2026-06-02\n"
    );
    // A table of our own: what a scanner would export.
    let mut ranked = "cve,severity\n".to_owned();
    for (nth, cve) in second.iter().chain(&third).enumerate() {
        let severity = match nth {
            2 => "critical",
            1 | 6 | 13 => "high",
            _ => "medium",
        };
        ranked.push_str(&format!("{cve},{severity}\n"));
    }
    let beats = vec![
        Beat::untold(time(PAST_DAYS - 22, 3), vec![Deed::Reboot(KERNEL)]),
        Beat::told(
            time(PAST_DAYS + 6, 6),
            "unattended-upgrades installs a newer kernel, two days after its release. It lies on \
             disk; the old one goes on running. A scanner calls one of its fixes critical.",
            vec![
                Deed::Install { release: SECOND, released: time(2, 0), cves: second },
                Deed::text("run/reboot-required", "*** System restart required ***\n"),
                Deed::text("run/reboot-required.pkgs", format!("linux-image-{}\n", SECOND.uname())),
                Deed::text("etc/scrubjay/lists/kernel.csv", ranked),
            ],
        ),
        Beat::told(
            time(PAST_DAYS + 29, 6),
            "another kernel is installed. The clock of the first one goes on.",
            vec![
                Deed::Install { release: THIRD, released: time(1, 0), cves: third },
                Deed::text(
                    "run/reboot-required.pkgs",
                    format!("linux-image-{}\nlinux-image-{}\n", SECOND.uname(), THIRD.uname()),
                ),
            ],
        ),
        Beat::told(
            time(PAST_DAYS + 34, 7),
            "30 days have passed since the release of the first one, and one of its fixes is critical.",
            Vec::new(),
        ),
        Beat::told(
            time(PAST_DAYS + 43, 8),
            format!("a list of vulnerabilities that are exploited comes, and names {exploited}."),
            vec![Deed::text("etc/scrubjay/lists/kev.csv", list)],
        ),
    ];
    Story {
        about: "Kernels are installed as they come, and nobody reboots. What is fixed on disk and not \
                in memory is owed: a clock runs since the release of each fix, another since it was \
                installed, and a limit of 30 days is passed.",
        past: time(PAST_DAYS, 0),
        lasts: time(DAYS, 0),
        step: time(0, 12),
        beats,
        moral: "Installed is not running. The kernel that is booted next brings all fixes at once; until \
                then the report says day by day which limit was missed, and by how much."
            .to_owned(),
        look_at: vec![
            ("explain reboot".to_owned(), "every reason for a reboot, with its numbers"),
            ("history patches".to_owned(), "what was owed, from when on"),
            ("reboot-required; echo $?".to_owned(), "0: to be rebooted"),
        ],
    }
}
