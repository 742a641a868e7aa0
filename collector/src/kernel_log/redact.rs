//! A log for a bug report: what scrubjay reads of it, and how much there was beside it.

use super::{Facts, Record};
use crate::host::{LEFT_OUT, LogPart, split_log};

/// The records that say something to scrubjay. The others may name users, disks and addresses;
/// they are only counted, save the first and the last, which keep their number and time so that
/// the log still reaches as far.
pub(crate) fn telling(log: &[u8]) -> Vec<u8> {
    let mut out: Vec<Vec<u8>> = Vec::new();
    // Records not yet written, and the head of the last of them.
    let mut quiet: (u64, Option<Vec<u8>>) = (0, None);
    let leave_out = |out: &mut Vec<Vec<u8>>, count: u64| {
        if count > 0 {
            out.push(format!("{LEFT_OUT}{count}").into_bytes());
        }
    };
    split_log(log, &mut |part| match part {
        LogPart::Record(bytes) => {
            let record = Record::from_kmsg(bytes);
            let is_read = |record: &Record| {
                record.is_of_the_kernel() && record.text.lines().any(Facts::is_telling)
            };
            if record.as_ref().is_some_and(is_read) {
                leave_out(&mut out, quiet.0);
                quiet = (0, None);
                out.push(first_line(bytes));
            } else if out.is_empty() && quiet.0 == 0 {
                out.push(head(record.as_ref(), bytes));
            } else {
                quiet = (quiet.0.saturating_add(1), Some(head(record.as_ref(), bytes)));
            }
        }
        LogPart::LeftOut(count) => quiet.0 = quiet.0.saturating_add(count),
        LogPart::Overwritten | LogPart::Limit => {}
    });
    if let (count, Some(last)) = quiet {
        leave_out(&mut out, count.saturating_sub(1));
        out.push(last);
    }
    let mut text = out.join(&b'\n');
    text.push(b'\n');
    text
}

/// Priority, number, time and flags, without the text. What is no record says only that.
fn head(record: Option<&Record>, bytes: &[u8]) -> Vec<u8> {
    let line = first_line(bytes);
    let head = line.split_inclusive(|byte| *byte == b';').next().unwrap_or_default();
    if record.is_some() { head.to_vec() } else { b"no record".to_vec() }
}

fn first_line(bytes: &[u8]) -> Vec<u8> {
    bytes.split(|byte| *byte == b'\n').next().unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel_log::Digest;

    fn redacted(log: &str) -> String {
        String::from_utf8(telling(log.as_bytes())).unwrap()
    }

    const LOG: &str = "\
6,4,1,-;usb 1-1: SerialNumber: 0815
6,5,2,-;usb 1-1: more
6,6,3,-;usb 1-1: more
4,7,4,-;livepatch: forcing remaining tasks to the patched state
 DEVICE=secret
12,8,5,-;livepatch: written by a program
6,11,6,-;audit: secret
6,12,7,-;audit: secret
";

    #[test]
    fn only_what_scrubjay_reads_is_left_of_a_log() {
        assert_eq!(
            redacted(LOG),
            "6,4,1,-;\n# left out: 2\n\
             4,7,4,-;livepatch: forcing remaining tasks to the patched state\n\
             # left out: 2\n6,12,7,-;\n"
        );
    }

    #[test]
    fn a_redacted_log_is_read_as_the_whole_one_is() {
        let digest = |log: &str| {
            let mut digest = Digest::new();
            split_log(log.as_bytes(), &mut |part| digest.take(part));
            digest.finish()
        };
        assert_eq!(digest(&redacted(LOG)), digest(LOG));
        assert_eq!(digest(LOG).0.lost, 2);
        assert_eq!(redacted(&redacted(LOG)), redacted(LOG));
    }

    #[test]
    fn a_line_that_follows_nothing_follows_nothing_where_what_was_between_is_left_out() {
        let digest = |log: &str| {
            let mut digest = Digest::new();
            split_log(log.as_bytes(), &mut |part| digest.take(part));
            digest.finish().0.told
        };
        for between in ["6,2,2,-;audit: secret\n", "secret\n"] {
            let log = format!(
                "6,0,0,-;usb\n\
                 0,1,1,-;[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 0\n\
                 {between}\
                 0,3,3,-;[Hardware Error]:  what nobody knows\n"
            );
            let told = digest(&log);
            assert_eq!((told.firmware, told.not_understood), (1, 1), "{between}");
            assert_eq!(digest(&redacted(&log)), told, "{between}");
        }
    }

    #[test]
    fn what_is_no_record_is_not_repeated() {
        assert_eq!(redacted("secret"), "no record\n");
        assert_eq!(redacted("6,1,2,-;a\nsecret\n"), "6,1,2,-;\nno record\n");
        assert_eq!(redacted(""), "\n");
    }
}
