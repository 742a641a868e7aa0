//! What else there is about a host: a debt of patches, a live patch near its end, blindness.

use crate::trees;
use scrubjay_collector::{Node, Tree};
use scrubjay_model::text_of_day;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const DAY_S: i64 = 86_400;

/// What a host is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Persona {
    /// Nothing in particular; a part of these has errors, as in any fleet.
    Sound,
    /// A stick with a permanent fault.
    Erring,
    /// A stick with an error that could not be corrected.
    Failed,
    /// A newer kernel is installed and not booted.
    PatchDebt,
    /// The same, and what it fixes is exploited.
    Exploited,
    /// Live patches whose support ends in some weeks.
    SupportEnding,
    /// Live patches whose support has ended.
    SupportEnded,
    /// A live patch whose transition does not end.
    Stalled,
    /// No EDAC driver: errors are not seen.
    NoDriver,
    /// Firmware keeps errors to itself.
    FirmwareFirst,
    /// A virtual machine.
    Guest,
    /// The distribution asks for a reboot.
    Marker,
    /// The agent answers, and its passes hang.
    Hung,
}

impl Persona {
    /// All of them; the sound one first.
    pub const ALL: [Self; 13] = [
        Self::Sound,
        Self::Erring,
        Self::Failed,
        Self::PatchDebt,
        Self::Exploited,
        Self::SupportEnding,
        Self::SupportEnded,
        Self::Stalled,
        Self::NoDriver,
        Self::FirmwareFirst,
        Self::Guest,
        Self::Marker,
        Self::Hung,
    ];

    /// Its name in the file of truths.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Erring => "erring",
            Self::Failed => "failed",
            Self::PatchDebt => "patch-debt",
            Self::Exploited => "exploited",
            Self::SupportEnding => "support-ending",
            Self::SupportEnded => "support-ended",
            Self::Stalled => "stalled",
            Self::NoDriver => "no-driver",
            Self::FirmwareFirst => "firmware-first",
            Self::Guest => "guest",
            Self::Marker => "marker",
            Self::Hung => "hung",
        }
    }

    /// The tree in `fixtures/hosts` it is made from.
    pub(super) fn base(self) -> &'static str {
        match self {
            Self::Sound
            | Self::Erring
            | Self::Failed
            | Self::PatchDebt
            | Self::Exploited
            | Self::Marker
            | Self::Hung => "healthy-server",
            Self::SupportEnding | Self::SupportEnded | Self::Stalled => "livepatch-stalled",
            Self::NoDriver => "edac-core-no-driver",
            Self::FirmwareFirst => "ghes-only",
            Self::Guest => "bare-guest",
        }
    }

    /// Whether the kernel shows memory of the simulation.
    pub(super) fn shows_memory(self) -> bool {
        match self {
            Self::Sound
            | Self::Erring
            | Self::Failed
            | Self::PatchDebt
            | Self::Exploited
            | Self::Marker
            | Self::Hung
            | Self::SupportEnding
            | Self::SupportEnded
            | Self::Stalled => true,
            Self::NoDriver | Self::FirmwareFirst | Self::Guest => false,
        }
    }

    /// The tree without memory and without clocks, at a moment of a simulation that began and will
    /// end then, in seconds since the Unix epoch.
    pub(super) fn tree(self, now: i64, begin: i64, end: i64) -> Tree {
        let mut tree = BASES[&self].clone();
        // Two fifths into it; what is older than the history is not news.
        let since = begin + (end - begin) * 2 / 5;
        match self {
            Self::PatchDebt if now >= since => newer_kernel(&mut tree, since),
            Self::Exploited if now >= since => {
                newer_kernel(&mut tree, since);
                let list = format!("cveID,vendorProject\nCVE-2026-{FIRST_CVE},Linux\n");
                file(&mut tree, "etc/scrubjay/lists/kev.csv", &list);
            }
            Self::SupportEnding => patched(&mut tree, end + 24 * DAY_S),
            Self::SupportEnded => patched(&mut tree, end - 2 * DAY_S),
            Self::Marker if now >= since => {
                let text = "*** System restart required ***\n";
                file(&mut tree, "run/reboot-required", text);
            }
            Self::Sound
            | Self::Erring
            | Self::Failed
            | Self::PatchDebt
            | Self::Exploited
            | Self::Stalled
            | Self::NoDriver
            | Self::FirmwareFirst
            | Self::Guest
            | Self::Marker
            | Self::Hung => {}
        }
        tree
    }
}

/// The fixtures, without the memory where that is simulated: read once, used for each pass.
static BASES: LazyLock<BTreeMap<Persona, Tree>> = LazyLock::new(|| {
    Persona::ALL.map(|persona| (persona, base(persona.base(), persona.shows_memory()))).into()
});

fn base(name: &str, without_memory: bool) -> Tree {
    let whole = Tree::parse(&trees::host(name)).expect("a fixture is a tree");
    let mut tree = Tree::new();
    for (path, node) in whole.nodes() {
        if !(without_memory && path.starts_with("sys/devices/system/edac/mc/")) {
            tree.insert(path, node.clone());
        }
    }
    tree
}

fn file(tree: &mut Tree, path: &str, text: &str) {
    tree.insert(path, Node::File(text.as_bytes().to_vec()));
}

fn text(tree: &Tree, path: &str) -> String {
    match tree.get(path) {
        Some(Node::File(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        Some(Node::Dir | Node::Fails(_)) | None => panic!("{path} is no file of the fixture"),
    }
}

const RUNNING: &str = "6.12.57";
const NEWER: &str = "6.12.63";
const FIRST_CVE: u32 = 30_001;
const CVES: u32 = 14;

/// A newer kernel was installed then, a day after it was released, and will be booted next.
fn newer_kernel(tree: &mut Tree, installed: i64) {
    let newer = |text: &str| text.replace(RUNNING, NEWER);
    let packages = text(tree, "var/lib/dpkg/status");
    let both = format!("{}\n\n{}", packages.trim_end(), newer(&packages));
    file(tree, "var/lib/dpkg/status", &both);
    let log = text(tree, "var/log/dpkg.log");
    let day = text_of_day(installed.div_euclid(DAY_S));
    let entry = format!(
        "{day} 06:25:01 status installed linux-image-{NEWER}+deb13-amd64:amd64 {NEWER}-1\n"
    );
    file(tree, "var/log/dpkg.log", &(log + &entry));
    let changelog =
        |version: &str| format!("usr/share/doc/linux-image-{version}+deb13-amd64/changelog.gz");
    let older = text(tree, &changelog(RUNNING));
    let fixes: String = (FIRST_CVE..FIRST_CVE + CVES)
        .map(|cve| format!("    - net: a fix (CVE-2026-{cve})\n"))
        .collect();
    let released = mail_date(installed.div_euclid(DAY_S) - 1);
    let text = format!(
        "linux-signed-amd64 ({NEWER}+1) trixie-security; urgency=high\n\n  * Sign kernel from linux \
         {NEWER}-1\n\n  * New upstream stable update:\n{fixes}\n -- A Maintainer \
         <a@example.org>  {released}\n\n{older}"
    );
    file(tree, &changelog(NEWER), &text);
    let menu = newer(&self::text(tree, "boot/grub/grub.cfg"));
    file(tree, "boot/grub/grub.cfg", &menu);
    let image = |version: &str| format!("boot/vmlinuz-{version}+deb13-amd64");
    let Some(Node::File(bytes)) = tree.get(&image(RUNNING)) else {
        panic!("the fixture has an image of its kernel")
    };
    let mut bytes = bytes.clone();
    let found = bytes.windows(RUNNING.len()).position(|part| part == RUNNING.as_bytes());
    let mut from = found.expect("the image says which kernel it is");
    while let Some(at) =
        bytes[from..].windows(RUNNING.len()).position(|part| part == RUNNING.as_bytes())
    {
        from += at;
        bytes[from..from + NEWER.len()].copy_from_slice(NEWER.as_bytes());
    }
    tree.insert(image(NEWER), Node::File(bytes));
    tree.insert(format!("lib/modules/{NEWER}+deb13-amd64"), Node::Dir);
}

/// A day as in mails: `Wed, 05 Nov 2025 11:17:40 +0000`.
fn mail_date(day: i64) -> String {
    const WEEK: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = text_of_day(day);
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, of_month] = parts.as_slice() else { panic!("{text}") };
    let month: usize = month.parse().expect("a month");
    let weekday = usize::try_from(day.rem_euclid(7)).expect("a day of the week");
    format!("{}, {of_month} {} {year} 11:17:40 +0000", WEEK[weekday], MONTHS[month - 1])
}

/// The live patch of the fixture is in force, and the vendor says until when it is supported.
fn patched(tree: &mut Tree, until: i64) {
    let settled: Vec<(String, &str)> = tree
        .nodes()
        .filter_map(|(path, _)| match path.rsplit('/').next() {
            Some("patch_state") => Some((path.to_owned(), "-1\n")),
            Some("transition") => Some((path.to_owned(), "0\n")),
            _ => None,
        })
        .collect();
    for (path, value) in settled {
        file(tree, &path, value);
    }
    let day = text_of_day(until.div_euclid(DAY_S));
    let row = format!("# name,version,end\nkernel-livepatch-6_4_0-150700_53_16-default,*,{day}\n");
    file(tree, "var/lib/lifecycle/data/sle-live-patching.lifecycle", &row);
    // Nobody asks for a reboot otherwise.
    let mut without = Tree::new();
    for (path, node) in tree.nodes().filter(|(path, _)| *path != "run/reboot-needed") {
        without.insert(path, node.clone());
    }
    *tree = without;
}
