//! `pages list` and `pages boot-args`: the registry of bad pages, and what to give the boot loader
//! so that the next kernel keeps off them.

use super::Style;
use super::page::{Cell, FAINT, Page};
use super::words::{count, missing, moment, size};
use scrubjay_model::{
    BadPage, BootArguments, NonValue, PageList, PageState, PoisonedPages, Reading, RefusedPage,
};

/// Pages found by a scan that are listed before they are only counted.
const FOUND_LISTED: usize = 20;

/// The registry, then what a scan adds to it.
pub fn pages(list: &PageList, style: &Style) -> String {
    let PageList { registered, untold, page_size_bytes: _, scan } = list;
    let mut page = Page::new(*style);
    match registered.as_ref().into_result() {
        Ok(pages) => registry(&mut page, pages),
        Err(why) => page.sentence(0, &format!("No registry of bad pages: {}.", missing(&why))),
    }
    if let Some(why) = untold {
        page.blank();
        let remedy = match why {
            NonValue::Unreadable(..) => " Reading it takes CAP_DAC_READ_SEARCH.",
            NonValue::Absent(_) | NonValue::Malformed(..) => "",
        };
        let why = missing(why);
        let said = "The kernel does not tell whether pages are out of use";
        page.warning(0, &format!("{said}: {why}.{remedy}"));
    }
    if let Some(scan) = scan {
        page.blank();
        found(&mut page, scan, &list.unregistered());
    }
    page.into_text()
}

fn registry(page: &mut Page, pages: &[BadPage]) {
    let states = PageState::ALL.map(|state| {
        let n = pages.iter().filter(|page| page.state == state).count();
        format!("{n} {}", state_in_words(state))
    });
    if pages.is_empty() {
        page.sentence(0, "No bad page is registered.");
        return;
    }
    let total = count(pages.len(), "bad page", "bad pages");
    page.sentence(0, &format!("{total} registered: {}.", states.join(", ")));
    page.blank();
    let heads = ["address", "size", "now", "since", "last seen", "reboots", "DIMM", "why"];
    let mut rows: Vec<Vec<Cell>> =
        vec![heads.map(|head| Cell::left(head).painted(FAINT)).into_iter().collect()];
    for bad in pages {
        let BadPage {
            pfn: _,
            physical_address,
            page_size_bytes,
            reason,
            dimm,
            first_seen_wall_ms,
            last_seen_wall_ms,
            boots_survived,
            boot: _,
            state,
        } = bad;
        rows.push(vec![
            Cell::left(format!("{physical_address:#x}")),
            Cell::left(size(*page_size_bytes)),
            Cell::left(state_in_words(*state)),
            Cell::left(moment(*first_seen_wall_ms)),
            Cell::left(moment(*last_seen_wall_ms)),
            Cell::right(boots_survived.to_string()),
            Cell::left(dimm.as_deref().unwrap_or("not known")),
            Cell::left(reason.to_string()),
        ]);
    }
    page.table(0, &rows);
}

pub(super) fn state_in_words(state: PageState) -> &'static str {
    match state {
        PageState::OfflineNow => "out of use",
        PageState::NotOfflineNow => "in use",
        PageState::Unknown => "not known",
    }
}

fn found(page: &mut Page, scan: &Reading<PoisonedPages>, unregistered: &[u64]) {
    let scan = match scan.as_ref().into_result() {
        Ok(scan) => scan,
        Err(why) => {
            page.warning(0, &format!("Pages were not scanned: {}.", missing(&why)));
            page.sentence(
                2,
                "A scan needs the memory map, which the kernel shows to CAP_SYS_ADMIN only, and \
                 /proc/kpageflags.",
            );
            return;
        }
    };
    let PoisonedPages { pfns, scanned_pages, is_complete } = scan;
    page.sentence(
        0,
        &format!(
            "{} scanned: {} marked as bad, {} of them not registered.",
            count(*scanned_pages, "page", "pages"),
            pfns.len(),
            unregistered.len()
        ),
    );
    if !is_complete {
        page.warning(0, "The scan is not complete: there may be more.");
    }
    for address in unregistered.iter().take(FOUND_LISTED) {
        page.verbatim(2, &format!("{address:#x}"));
    }
    if let Some(more) = unregistered.len().checked_sub(FOUND_LISTED).filter(|more| *more > 0) {
        page.sentence(2, &format!("and {more} more; --json lists all"));
    }
}

/// The words, how to use them, and what is to be said against it. `command_line` is the length of
/// the running kernel's command line, in bytes.
pub fn boot_arguments(
    arguments: &BootArguments,
    command_line: Option<usize>,
    style: &Style,
) -> String {
    let mut page = Page::new(*style);
    let BootArguments { ranges, refused, unchecked } = arguments;
    let bytes = ranges.iter().filter_map(|range| range.size_bytes());
    let bytes = bytes.fold(0_u64, u64::saturating_add);
    if let (Some(grub), Some(badram)) = (arguments.grub_cmdline(), arguments.badram_line()) {
        let total = count(ranges.len(), "range", "ranges");
        page.sentence(0, &format!("{total} of bad memory, {} in all.", size(bytes)));
        page.blank();
        page.heading("Words for the kernel's command line (x86):");
        for word in arguments.memmap_words() {
            page.verbatim(2, &word);
        }
        page.blank();
        page.heading("The same for /etc/default/grub, to be added to what is there:");
        page.verbatim(2, &grub);
        page.sentence(
            2,
            "The single quotes keep the shell, and the backslashes keep GRUB, from taking the $ \
             for a variable. Other boot loaders want the words as they are above.",
        );
        page.blank();
        page.heading("Or, instead, for GRUB to take them from the memory map:");
        page.verbatim(2, &badram);
        page.blank();
        page.sentence(
            0,
            "Nothing was written. After update-grub and a reboot, /proc/iomem, read as root, no \
             longer shows these ranges as System RAM. Words stay in force when the module is \
             replaced: take them out then.",
        );
    } else {
        page.sentence(0, "There is no page to keep the kernel off.");
    }
    for warning in arguments.warnings(command_line) {
        page.warning(0, &format!("{warning}."));
    }
    if let Some(why) = unchecked {
        page.warning(
            0,
            &format!(
                "Not compared with the memory map: {}. The kernel shows it to CAP_SYS_ADMIN only: \
                 run this as root.",
                missing(why)
            ),
        );
    }
    if !refused.is_empty() {
        page.blank();
        page.heading("Left out:");
        for RefusedPage { pfn: _, physical_address, why } in refused {
            page.sentence(2, &format!("{physical_address:#x}: {}", why.as_str()));
        }
    }
    page.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::NOW_MS;
    use scrubjay_model::{
        AddressRange, BootId, MemoryMap, Origin, PageOutcome, PageReason, ReadFault,
        boot_arguments as put_together,
    };

    const PLAIN: Style = Style { colour: false, all: false };

    fn bad(pfn: u64, reason: PageReason, state: PageState) -> BadPage {
        BadPage {
            pfn,
            physical_address: pfn * 4096,
            page_size_bytes: 4096,
            reason,
            dimm: (pfn == 0x3_0000).then(|| "CPU1_DIMM_A1".to_owned()),
            first_seen_wall_ms: NOW_MS - 86_400_000,
            last_seen_wall_ms: NOW_MS,
            boots_survived: 2,
            boot: BootId::unknown(),
            state,
        }
    }

    fn some() -> Vec<BadPage> {
        let failure = PageReason::MemoryFailure {
            page_type: "dirty LRU page".to_owned(),
            result: PageOutcome::Failed,
        };
        vec![
            bad(0xa0, failure, PageState::Unknown),
            bad(0x3_0000, PageReason::SoftOffline, PageState::OfflineNow),
            bad(0x3_0001, PageReason::CorrectedThreshold, PageState::NotOfflineNow),
        ]
    }

    fn list(registered: Reading<Vec<BadPage>>) -> PageList {
        PageList { registered, untold: None, page_size_bytes: Some(4096), scan: None }
    }

    fn denied<T>(path: &str) -> Reading<T> {
        Reading::Unreadable(Origin::new(path), ReadFault::Denied)
    }

    #[test]
    fn the_registry_says_what_is_out_of_use_now() {
        insta::assert_snapshot!(pages(&list(Reading::Value(some())), &PLAIN), @r"
        3 bad pages registered: 1 out of use, 1 in use, 1 not known.

        address     size   now         since                 last seen             reboots  DIMM          why
        0xa0000     4 KiB  not known   2026-11-23T06:02:00Z  2026-11-24T06:02:00Z        2  not known     memory failure: dirty LRU page: failed
        0x30000000  4 KiB  out of use  2026-11-23T06:02:00Z  2026-11-24T06:02:00Z        2  CPU1_DIMM_A1  soft offline
        0x30001000  4 KiB  in use      2026-11-23T06:02:00Z  2026-11-24T06:02:00Z        2  not known     too many corrected errors
        ");
    }

    #[test]
    fn what_the_kernel_does_not_tell_is_said() {
        let mut list = list(Reading::Value(Vec::new()));
        list.untold = denied::<()>("proc/kpageflags").non_value();
        list.scan = Some(denied("proc/iomem"));
        insta::assert_snapshot!(pages(&list, &PLAIN), @r"
        No bad page is registered.

        ! The kernel does not tell whether pages are out of use: unreadable: permission
          denied (proc/kpageflags). Reading it takes CAP_DAC_READ_SEARCH.

        ! Pages were not scanned: unreadable: permission denied (proc/iomem).
          A scan needs the memory map, which the kernel shows to CAP_SYS_ADMIN only, and
          /proc/kpageflags.
        ");
    }

    #[test]
    fn a_scan_lists_what_the_registry_does_not_hold() {
        let mut list = list(Reading::Value(some()));
        list.scan = Some(Reading::Value(PoisonedPages {
            pfns: vec![0x3_0000, 0x4_0000],
            scanned_pages: 262_144,
            is_complete: false,
        }));
        let text = pages(&list, &PLAIN);
        let text = text.split_once("\n\n262144").map(|(_, rest)| rest);
        insta::assert_snapshot!(text.unwrap(), @r"
         pages scanned: 2 marked as bad, 1 of them not registered.
        ! The scan is not complete: there may be more.
          0x40000000
        ");
    }

    #[test]
    fn without_a_history_there_is_no_registry_rather_than_no_bad_page() {
        let absent = Reading::Absent(Origin::new("/var/lib/scrubjay"));
        let text = pages(&list(absent), &PLAIN);
        assert_eq!(text, "No registry of bad pages: not offered (/var/lib/scrubjay).\n");
    }

    fn shown_map() -> Reading<MemoryMap> {
        let ranges = AddressRange::new(0x10_0000, 0x7fff_ffff);
        Reading::Value(MemoryMap::new(4096, Reading::Value(128 << 20), ranges))
    }

    #[test]
    fn words_come_with_how_to_use_them() {
        let arguments = put_together(&some(), &shown_map(), &[]);
        insta::assert_snapshot!(boot_arguments(&arguments, Some(80), &PLAIN), @r#"
        1 range of bad memory, 8 KiB in all.

        Words for the kernel's command line (x86):
          memmap=8K$0x30000000

        The same for /etc/default/grub, to be added to what is there:
          GRUB_CMDLINE_LINUX='memmap=8K\$0x30000000'
          The single quotes keep the shell, and the backslashes keep GRUB, from taking
          the $ for a variable. Other boot loaders want the words as they are above.

        Or, instead, for GRUB to take them from the memory map:
          GRUB_BADRAM="0x30000000,0xffffffffffffe000"

        Nothing was written. After update-grub and a reboot, /proc/iomem, read as root,
        no longer shows these ranges as System RAM. Words stay in force when the module
        is replaced: take them out then.

        Left out:
          0xa0000: not System RAM on this host: a wrong address, or memory that is gone
        "#);
    }

    #[test]
    fn many_ranges_and_a_hidden_map_are_warned_of() {
        let many: Vec<BadPage> = (1..=90)
            .map(|n| bad(0x10_0000 + n * 2, PageReason::SoftOffline, PageState::Unknown))
            .collect();
        let arguments = put_together(&many, &denied("proc/iomem"), &[]);
        let text = boot_arguments(&arguments, None, &PLAIN);
        let warnings = text.split_once("take them out then.\n").map(|(_, rest)| rest);
        insta::assert_snapshot!(warnings.unwrap(), @r"
        ! 90 ranges take 1980 of the 2047 characters of an x86 kernel's command line
          (COMMAND_LINE_SIZE 2048), and a fault larger than a page takes more as it
          grows: have the module replaced.
        ! with more than 4 memmap= ranges the kernel no longer randomises its physical
          address (KASLR).
        ! Not compared with the memory map: unreadable: permission denied (proc/iomem).
          The kernel shows it to CAP_SYS_ADMIN only: run this as root.
        ");
    }

    #[test]
    fn nothing_registered_gives_no_words() {
        let arguments = put_together(&[], &shown_map(), &[]);
        let text = boot_arguments(&arguments, Some(80), &PLAIN);
        assert_eq!(text, "There is no page to keep the kernel off.\n");
    }

    #[test]
    fn the_json_holds_the_words_as_they_are_written() {
        let arguments = put_together(&some(), &shown_map(), &[]);
        let text = crate::json::boot_arguments(&arguments, Some(80)).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["memmap"][0], "memmap=8K$0x30000000");
        assert_eq!(json["grub_cmdline"], "GRUB_CMDLINE_LINUX='memmap=8K\\$0x30000000'");
        assert_eq!(json["refused"][0]["why"], "outside_system_ram");
        assert_eq!(json["ranges"][0], "0x30000000-0x30001fff");
        let text = crate::json::pages(&list(Reading::Value(some()))).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["registered"]["value"][1]["state"], "offline_now");
        assert_eq!(json["registered"]["value"][0]["reason"]["kind"], "memory_failure");
        assert_eq!(json["unregistered"], serde_json::json!([]));
    }
}
