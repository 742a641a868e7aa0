//! The records of uptimed: lines `seconds:boot time:system`, for the longest boots only, which it
//! was told to keep (50 by default). Whether a boot ended in order it does not know. The time of a
//! boot is written every minute, so a boot that was cut short may have lasted a minute longer.

use scrubjay_model::{ForeignBoot, ForeignEnd};

/// Boots in the order of their beginnings, and lines that are none.
pub(super) fn parse(text: &str) -> (Vec<ForeignBoot>, u32) {
    let mut boots = Vec::new();
    let mut not_understood = 0;
    for line in text.lines().filter(|line| !line.is_empty()) {
        match boot(line) {
            Some(boot) => boots.push(boot),
            None => not_understood += 1,
        }
    }
    boots.sort_by_key(|boot| boot.booted_wall_ms);
    (boots, not_understood)
}

fn boot(line: &str) -> Option<ForeignBoot> {
    // The name of the system may hold colons.
    let mut parts = line.splitn(3, ':');
    let (lasted, booted, system) = (parts.next()?, parts.next()?, parts.next()?);
    let booted: i64 = booted.parse().ok()?;
    let lasted: u64 = lasted.parse().ok()?;
    let release = system.strip_prefix("Linux ").map(str::trim).filter(|name| !name.is_empty());
    let begun = ForeignBoot::begun(booted.checked_mul(1000)?);
    Some(ForeignBoot {
        lasted_s: Some(lasted),
        kernel_release: release.map(str::to_owned),
        ..begun.ended(None, ForeignEnd::Unknown, "uptimed does not record how a boot ended")
    })
}
