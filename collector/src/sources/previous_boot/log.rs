//! The end of a kernel log as pstore keeps it: a line `Panic#1 Part1`, then the log's lines, each
//! with its level and time in brackets.

use scrubjay_model::{Blames, CrashLog, DumpReason};

/// Longest line kept, in characters: what a person can take in, and what fits an alert.
const LINE_LIMIT: usize = 160;

/// pstore's own line is the first; systemd puts the file's name before it.
const HEADER_LINES: usize = 3;

const PANIC: &str = "Kernel panic - not syncing";

/// How lines begin that say why a task died, on the architectures Linux servers have.
const DEATHS: [&str; 9] = [
    "BUG: ",
    "Oops: ",
    "Oops - ",
    "kernel BUG at ",
    "general protection fault",
    "Internal error: ",
    "Unable to handle kernel ",
    "watchdog: BUG: ",
    "double fault: ",
];

/// What only an uncorrected memory error prints. `Memory failure:` lines are of `memory_failure()`;
/// pages given up after corrected errors print `soft offline` instead.
///
/// A page that was recovered brought nothing down, whether an error or an admin gave it up.
const MEMORY: [&str; 3] =
    ["Uncorrected hardware memory error", ": recovery action for ", "section_type: memory error"];

/// What a fatal machine check or a fatal error reported by firmware prints, beside the panic line.
/// Corrected ones are logged as `Machine Check: 0 Bank …`; records of the boot before, which are
/// printed at the beginning of every log, have no number in braces.
const MACHINE_CHECK: [&str; 2] =
    ["Machine Check Exception:", "}[Hardware Error]: event severity: fatal"];

/// What panic lines say that go with them.
const PANICS_OF_HARDWARE: [&str; 3] =
    ["machine check", "fatal hardware error", "broadcast exception handler"];

/// What the log says about the crash.
pub(crate) fn parse(bytes: &[u8]) -> CrashLog {
    let text = String::from_utf8_lossy(bytes);
    let header = text.lines().take(HEADER_LINES).find_map(header);
    let messages = || text.lines().map(message);
    let panic = messages().find(|line| line.contains(PANIC));
    let death = || messages().find(|line| DEATHS.iter().any(|death| line.starts_with(death)));
    let line = panic.or_else(death).map(|line| line.chars().take(LINE_LIMIT).collect());
    CrashLog {
        reason: header.map(|(reason, _)| reason),
        part: header.map(|(_, part)| part),
        line,
        blames: blames(panic, &text),
    }
}

/// Only the lines that [`parse`] goes by, for a capture that names nothing else.
pub(crate) fn telling(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::new();
    for (number, line) in text.lines().enumerate() {
        let plain = message(line);
        let goes_by = plain.contains(PANIC)
            || DEATHS.iter().any(|death| plain.starts_with(death))
            // Wherever they are: in a damaged log they may be where a stamp belongs, and count all the same.
            || MEMORY.iter().chain(&MACHINE_CHECK).any(|words| line.contains(words));
        if goes_by || (number < HEADER_LINES && header(line).is_some()) {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// `Panic#1 Part2`. The reason is a word: a line of the log that ends like this is none, wherever it is, as
/// what is kept of a log begins with other lines.
fn header(line: &str) -> Option<(DumpReason, u32)> {
    let (reason, rest) = line.split_once('#')?;
    if reason.is_empty() || !reason.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let (count, part) = rest.split_once(" Part")?;
    let _: u32 = count.parse().ok()?;
    let reason = match reason {
        "Panic" => DumpReason::Panic,
        "Oops" => DumpReason::Oops,
        "Emergency" => DumpReason::Emergency,
        // One word for all of them from Linux 5.8 on.
        "Shutdown" | "Restart" | "Halt" | "Poweroff" => DumpReason::Shutdown,
        _ => DumpReason::Other,
    };
    Some((reason, part.trim().parse().ok()?))
}

/// A line without its level (`<4>`), time and task (`[   12.345678]`, `[  T123]`), and without the
/// carriage returns that a serial console may have left at its end.
fn message(line: &str) -> &str {
    let mut rest = line.trim_end_matches('\r');
    if let Some((level, after)) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'))
        && level.bytes().all(|byte| byte.is_ascii_digit())
    {
        rest = after;
    }
    while let Some((stamp, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let stamp = stamp.trim_start().trim_start_matches(['T', 'C']);
        if !stamp.starts_with(|first: char| first.is_ascii_digit()) {
            break;
        }
        rest = after.trim_start();
    }
    rest
}

fn blames(panic: Option<&str>, text: &str) -> Option<Blames> {
    let said = panic.and_then(|line| line.split_once(PANIC)).map(|(_, why)| why);
    let why = said.unwrap_or_default().trim_start_matches([':', ' ']);
    // edac_mc_panic_on_ue: `UE memory read error on …`.
    let counted = why.starts_with("UE ");
    let lower = why.to_ascii_lowercase();
    let by_panic = PANICS_OF_HARDWARE.iter().any(|words| lower.contains(words));
    let has = |needles: &[&str]| needles.iter().any(|words| text.contains(words));
    // A section about memory may also be of a corrected error; beside a fatal one it names it.
    let [uncorrected, recovery, section] = MEMORY;
    let lost = || {
        let lines = text.lines().map(|line| line.trim_end_matches('\r'));
        let mut of_pages = lines.filter(|line| line.contains(recovery));
        of_pages.any(|line| !line.ends_with(": Recovered"))
    };
    let fatal = by_panic || has(&MACHINE_CHECK);
    if counted || has(&[uncorrected]) || lost() || (fatal && has(&[section])) {
        Some(Blames::Memory)
    } else {
        fatal.then_some(Blames::MachineCheck)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FATAL: &str = "\
Panic#2 Part1
<0>[ 7032.901965] {24}[Hardware Error]: event severity: fatal
<0>[ 7032.907166] {24}[Hardware Error]:  Error 0, type: fatal
<0>[ 7032.907200] {24}[Hardware Error]:   section_type: memory error
<0>[ 7032.983663] Kernel panic - not syncing: Fatal hardware error!
<4>[ 7032.990000][    T1] CPU: 3 PID: 0 Comm: swapper/3
";

    #[test]
    fn what_is_kept_of_a_damaged_log_blames_the_same() {
        let log = "Panic#1 Part1\n<4>[9999999.1 Machine Check Exception: 5 Bank 7: be[Hardware Error]: CPU 17\n";
        assert_eq!(parse(log.as_bytes()).blames, Some(Blames::MachineCheck));
        assert_eq!(parse(telling(log.as_bytes()).as_bytes()), parse(log.as_bytes()));
    }

    #[test]
    fn a_panic_line_that_ends_like_the_first_line_is_not_taken_for_it() {
        let log = "6,402,15806885,-;mce: [Hardware\nio dirty LRU page: Failed\nevents logged\n\
            <0>[   10.0] Kernel panic - not syncing: Fatal mach ErPanic#1 Part1\n";
        let read = parse(log.as_bytes());
        assert_eq!((read.reason, read.part), (None, None));
        assert_eq!(
            read.line.as_deref(),
            Some("Kernel panic - not syncing: Fatal mach ErPanic#1 Part1")
        );
        assert_eq!(parse(telling(log.as_bytes()).as_bytes()), read);
    }

    fn with(panic: &str) -> CrashLog {
        parse(
            format!("Panic#1 Part1\n<0>[   13.7] Kernel panic - not syncing: {panic}\n").as_bytes(),
        )
    }

    #[test]
    fn the_panic_line_is_found_and_named() {
        let log = parse(FATAL.as_bytes());
        assert_eq!((log.reason, log.part), (Some(DumpReason::Panic), Some(1)));
        assert_eq!(log.line.unwrap(), "Kernel panic - not syncing: Fatal hardware error!");
        assert_eq!(log.blames, Some(Blames::Memory));
        let elsewhere = FATAL.replace("memory error", "PCIe error");
        assert_eq!(parse(elsewhere.as_bytes()).blames, Some(Blames::MachineCheck));
    }

    #[test]
    fn machine_checks_and_counted_errors_are_blamed() {
        for panic in [
            "Fatal machine check",
            "Fatal local machine check",
            "Machine check from unknown source",
            "Timeout: Not all CPUs entered broadcast exception handler",
        ] {
            assert_eq!(with(panic).blames, Some(Blames::MachineCheck), "{panic}");
        }
        let counted = "UE memory read error on CPU_SrcID#0_MC#0_Chan#1_DIMM#0 (channel:1)";
        assert_eq!(with(counted).blames, Some(Blames::Memory));
        for other in ["VFS: Unable to mount root fs", "Fatal exception", "softlockup: hung tasks"] {
            assert_eq!(with(other).blames, None, "{other}");
        }
    }

    #[test]
    fn a_log_of_corrected_errors_blames_nothing() {
        let log = "Panic#1 Part1\n<6>[    9.1] mce: [Hardware Error]: Machine check events logged\n\
                   <6>[    9.1] [Hardware Error]: Machine Check: 0 Bank 7: 8c00004000010090\n\
                   <6>[    9.2] {1}[Hardware Error]: event severity: corrected\n\
                   <6>[    9.2] {1}[Hardware Error]:   section_type: memory error\n\
                   <6>[    9.3] soft offline: 0x39000: page already poisoned\n\
                   <0>[   10.0] Kernel panic - not syncing: sysrq triggered crash\n";
        assert_eq!(parse(log.as_bytes()).blames, None);
    }

    #[test]
    fn a_page_that_was_recovered_is_not_blamed_for_a_later_crash() {
        let log = |outcome| {
            let page = "Memory failure: 0x31000: recovery action for free buddy page";
            let line = format!(
                "Panic#1 Part1\n<3>[    9.1] {page}: {outcome}\r\n\
                 <0>[   10.0] Kernel panic - not syncing: sysrq triggered crash\n"
            );
            parse(line.as_bytes()).blames
        };
        assert_eq!(log("Recovered"), None);
        for outcome in ["Failed", "Ignored", "Delayed"] {
            assert_eq!(log(outcome), Some(Blames::Memory), "{outcome}");
        }
    }

    #[test]
    fn the_records_of_the_boot_before_are_not_blamed_for_this_crash() {
        let log = "Panic#1 Part1\n<6>[    1.2] BERT: Error records from previous boot:\n\
                   <6>[    1.2] [Hardware Error]: event severity: fatal\n\
                   <6>[    1.2] [Hardware Error]:   section_type: memory error\n\
                   <0>[   10.0] Kernel panic - not syncing: sysrq triggered crash\n";
        assert_eq!(parse(log.as_bytes()).blames, None);
    }

    #[test]
    fn an_oops_is_told_by_its_line() {
        let log = parse(
            b"Oops#1 Part1\n<1>[  5.0] BUG: kernel NULL pointer dereference, address: 0000\n\
              <4>[  5.1] Oops: 0002 [#1] PREEMPT SMP\n",
        );
        assert_eq!(log.reason, Some(DumpReason::Oops));
        assert_eq!(log.line.unwrap(), "BUG: kernel NULL pointer dereference, address: 0000");
    }

    #[test]
    fn what_systemd_puts_together_begins_with_the_name_of_a_file() {
        let log = parse(b"dmesg-efi-179542962802001:\nPanic#1 Part2\n<5>[    0.0] Linux version\n");
        assert_eq!((log.part, log.line, log.blames), (Some(2), None, None));
    }

    #[test]
    fn carriage_returns_at_the_end_of_a_line_are_no_part_of_it() {
        for log in ["Kernel panic - not syncing\r", "Kernel panic - not syncing\r\r\n"] {
            assert_eq!(parse(log.as_bytes()).line.as_deref(), Some("Kernel panic - not syncing"));
        }
    }

    #[test]
    fn a_log_without_its_head_has_no_reason() {
        assert_eq!(parse(b"<4>[    1.0] hello\n").reason, None);
        assert_eq!(parse(b"").line, None);
        assert_eq!(parse(b"Panic#x Part1\n").reason, None);
        assert_eq!(parse(b"Surprise#1 Part1\n").reason, Some(DumpReason::Other));
    }

    #[test]
    fn a_capture_keeps_what_is_gone_by_and_no_more() {
        let kept = telling(FATAL.as_bytes());
        assert!(!kept.contains("swapper"), "{kept}");
        assert_eq!(parse(kept.as_bytes()), parse(FATAL.as_bytes()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_log_and_what_is_kept_of_it_says_the_same(
            bytes in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..200),
                "(Panic#1 Part1\n)?(<[0-9]>)?(\\[ ?[T0-9.]{0,6}\\] ?){0,2}(BUG: |UE |Machine Check Exception:|Kernel panic - not syncing){0,2}.{0,20}\n?"
                    .prop_map(String::into_bytes),
            ]
        ) {
            let log = parse(&bytes);
            prop_assert!(log.line.as_ref().is_none_or(|line| line.chars().count() <= LINE_LIMIT));
            prop_assert_eq!(parse(telling(&bytes).as_bytes()), log);
        }
    }
}
