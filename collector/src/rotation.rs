//! What log rotation leaves of a file, in the order in which it was written.

use crate::reader::{Reader, malformed};
use scrubjay_model::NonValue;
use std::cmp::Reverse;

/// Longest file accepted. A login takes two records of 384 bytes, a machine check some 500.
const LIMIT: u64 = 64 << 20;

/// Of the names of a directory those of a file and of its older parts, the oldest first. Compressed
/// ones are not among them.
pub(crate) fn rotated(mut names: Vec<String>, base: &str) -> Vec<String> {
    names.retain(|name| age(name, base).is_some());
    names.sort_by(|a, b| age(a, base).cmp(&age(b, base)));
    names
}

/// All of such a file.
pub(crate) fn whole(reader: &Reader<'_>, path: &str) -> Result<Vec<u8>, NonValue> {
    let file = reader.open(path).into_result()?;
    let length = file.stamp()?.length;
    let fits = usize::try_from(length).ok().filter(|_| length <= LIMIT);
    let fits = fits.ok_or_else(|| malformed(path, "a file of at most 64 MiB", b"more"))?;
    file.at(0, fits)
}

/// How a part is called, in an order that begins with the oldest.
fn age<'n>(name: &'n str, base: &str) -> Option<(u8, Reverse<u32>, &'n str)> {
    let rest = name.strip_prefix(base)?;
    if rest.is_empty() {
        return Some((2, Reverse(0), ""));
    }
    // Days as in `wtmp-20261101` go up, numbers as in `wtmp.1` go down.
    if let Some(day) = rest.strip_prefix('-') {
        let is_day = day.len() >= 8 && day.bytes().all(|byte| byte.is_ascii_digit());
        return is_day.then_some((0, Reverse(0), day));
    }
    let number = rest.strip_prefix('.')?.parse().ok()?;
    Some((1, Reverse(number), ""))
}

#[cfg(test)]
mod tests {
    use super::rotated;

    #[test]
    fn parts_of_a_log_are_in_the_order_in_which_they_were_written() {
        let names = ["log", "log.1", "log.10", "log.2", "log-20261101", "log-20260901", "log.1.gz"];
        let names = names.map(str::to_owned).to_vec();
        let expected = ["log-20260901", "log-20261101", "log.10", "log.2", "log.1", "log"];
        assert_eq!(rotated(names, "log"), expected);
    }

    proptest::proptest! {
        #[test]
        fn no_name_panics(name in "log.{0,20}") {
            let _ = rotated(vec![name], "log");
        }
    }
}
