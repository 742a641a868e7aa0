//! Boots that other tools remember: which of them are new is planned by a pure function, then
//! written in one transaction.

use crate::convert::{boot_id, count, odd, optional_text, text, uncount};
use rusqlite::{Connection, Row, Transaction, named_params};
use scrubjay_model::{
    BootFact, BootMemory, BootWitnesses, ForeignBoot, ForeignBoots, ForeignEnd, ImportedBoot,
    same_boot_told,
};
use std::borrow::Cow;

/// What came of taking in what one tool remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootImport {
    /// Which tool.
    pub memory: BootMemory,
    /// When, milliseconds since the Unix epoch.
    pub at_wall_ms: i64,
    /// Boots it told of.
    pub told: u64,
    /// Of these, those that it had not told of before.
    pub added: u64,
    /// Of these, those of which it tells more than before.
    pub completed: u64,
    /// Records of it that were not understood.
    pub not_understood: u64,
}

/// A row that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    id: i64,
    boot: ForeignBoot,
}

/// What is to be written.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan<'a> {
    added: Vec<&'a ForeignBoot>,
    completed: Vec<(i64, ForeignBoot)>,
}

/// Compares what a tool tells with what it told before. `kept` is in the order of beginnings.
fn plan<'a>(kept: &[Kept], told: &'a [ForeignBoot]) -> Plan<'a> {
    let mut plan = Plan::default();
    let mut told: Vec<&ForeignBoot> = told.iter().collect();
    told.sort_by_key(|boot| boot.booted_wall_ms);
    told.dedup_by(|later, earlier| same_boot_told(later, earlier));
    for boot in told {
        match known(kept, boot) {
            None => plan.added.push(boot),
            Some(row) => {
                let now = more(&row.boot, boot);
                if now != row.boot {
                    plan.completed.push((row.id, now));
                }
            }
        }
    }
    plan
}

/// Rows looked at on either side of where a boot would stand.
const NEIGHBOURS: usize = 4;

fn known<'k>(kept: &'k [Kept], boot: &ForeignBoot) -> Option<&'k Kept> {
    let here = kept.partition_point(|row| row.boot.booted_wall_ms < boot.booted_wall_ms);
    let near = kept.iter().skip(here.saturating_sub(NEIGHBOURS)).take(2 * NEIGHBOURS);
    let is_it = |row: &&Kept| same_boot_told(&row.boot, boot);
    near.min_by_key(|row| (!is_it(row), row.boot.booted_wall_ms.abs_diff(boot.booted_wall_ms)))
        .filter(is_it)
        // One with an id may have been put far from there by a clock that was set.
        .or_else(|| {
            let id = boot.boot_id.as_ref()?;
            kept.iter().find(|row| row.boot.boot_id.as_ref() == Some(id))
        })
}

/// The boot with what is told now, where that is more: a boot that ran then has ended, and went on
/// for longer. Its beginning stays, and an end that was known is not given up.
fn more(then: &ForeignBoot, now: &ForeignBoot) -> ForeignBoot {
    let has_ended = now.end != ForeignEnd::Unknown;
    let tell = if has_ended { now } else { then };
    ForeignBoot {
        booted_wall_ms: then.booted_wall_ms,
        ended_wall_ms: now
            .ended_wall_ms
            .filter(|ended| *ended >= then.booted_wall_ms)
            .or(then.ended_wall_ms),
        lasted_s: now.lasted_s.max(then.lasted_s),
        slept_s: now.slept_s.max(then.slept_s),
        boot_id: then.boot_id.clone().or_else(|| now.boot_id.clone()),
        kernel_release: then.kernel_release.clone().or_else(|| now.kernel_release.clone()),
        soft_reboots: now.soft_reboots.max(then.soft_reboots),
        end: tell.end,
        evidence: tell.evidence.clone(),
    }
}

/// Takes in what a tool tells. Whoever calls commits.
pub(crate) fn take_in(
    tx: &Transaction<'_>,
    told: &ForeignBoots,
    now_wall_ms: i64,
) -> rusqlite::Result<BootImport> {
    let kept = kept(tx, told.memory)?;
    let plan = plan(&kept, &told.boots);
    let length = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let import = BootImport {
        memory: told.memory,
        at_wall_ms: now_wall_ms,
        told: length(told.boots.len()),
        added: length(plan.added.len()),
        completed: length(plan.completed.len()),
        not_understood: u64::from(told.not_understood),
    };
    let id: i64 = tx
        .prepare_cached(
            "INSERT INTO boot_import
               (wall_ms, memory, paths, told, added, completed, not_understood)
             VALUES (:wall_ms, :memory, :paths, :told, :added, :completed, :not_understood)
             RETURNING id",
        )?
        .query_row(
            named_params! {
                ":wall_ms": now_wall_ms,
                ":memory": told.memory.as_str(),
                ":paths": told.paths.join("\n"),
                ":told": count(import.told),
                ":added": count(import.added),
                ":completed": count(import.completed),
                ":not_understood": count(import.not_understood),
            },
            |row| row.get(0),
        )?;
    for boot in plan.added {
        add(tx, id, told.memory, boot)?;
    }
    for (row, boot) in &plan.completed {
        complete(tx, *row, boot)?;
    }
    Ok(import)
}

fn add(
    tx: &Transaction<'_>,
    import: i64,
    memory: BootMemory,
    boot: &ForeignBoot,
) -> rusqlite::Result<()> {
    let ForeignBoot {
        booted_wall_ms,
        ended_wall_ms,
        lasted_s,
        slept_s,
        boot_id,
        kernel_release,
        soft_reboots,
        end,
        evidence,
    } = boot;
    tx.prepare_cached(
        "INSERT INTO imported_boot
           (import, memory, booted_wall_ms, ended_wall_ms, lasted_s, slept_s, boot_id,
            kernel_release, soft_reboots, ended, evidence)
         VALUES (:import, :memory, :booted_wall_ms, :ended_wall_ms, :lasted_s, :slept_s, :boot_id,
                 :kernel_release, :soft_reboots, :ended, :evidence)",
    )?
    .execute(named_params! {
        ":import": import,
        ":memory": memory.as_str(),
        ":booted_wall_ms": booted_wall_ms,
        ":ended_wall_ms": ended_wall_ms,
        ":lasted_s": lasted_s.map(count),
        ":slept_s": slept_s.map(count),
        ":boot_id": boot_id.as_ref().map(scrubjay_model::BootId::as_str),
        ":kernel_release": kernel_release,
        ":soft_reboots": soft_reboots,
        ":ended": end.as_str(),
        ":evidence": evidence,
    })
    .map(drop)
}

fn complete(tx: &Transaction<'_>, id: i64, boot: &ForeignBoot) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE imported_boot SET
           ended_wall_ms = :ended_wall_ms, lasted_s = :lasted_s, slept_s = :slept_s,
           boot_id = :boot_id, kernel_release = :kernel_release, soft_reboots = :soft_reboots,
           ended = :ended, evidence = :evidence
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": id,
        ":ended_wall_ms": boot.ended_wall_ms,
        ":lasted_s": boot.lasted_s.map(count),
        ":slept_s": boot.slept_s.map(count),
        ":boot_id": boot.boot_id.as_ref().map(scrubjay_model::BootId::as_str),
        ":kernel_release": boot.kernel_release,
        ":soft_reboots": boot.soft_reboots,
        ":ended": boot.end.as_str(),
        ":evidence": boot.evidence,
    })
    .map(drop)
}

/// Whether anything was ever taken in.
pub(crate) fn any(conn: &Connection) -> rusqlite::Result<bool> {
    conn.query_row("SELECT EXISTS (SELECT 1 FROM boot_import)", [], |row| row.get(0))
}

/// Whether boots are told with what their ends rest on, which is most of what is stored of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence {
    Told,
    LeftOut,
}

/// Everything that was ever taken in, in the order of beginnings.
pub(crate) fn all(conn: &Connection, evidence: Evidence) -> rusqlite::Result<Vec<ImportedBoot>> {
    let evidence = match evidence {
        Evidence::Told => "evidence",
        Evidence::LeftOut => "''",
    };
    let mut boots = conn
        .prepare(&format!(
            "SELECT booted_wall_ms, ended_wall_ms, lasted_s, slept_s, boot_id, kernel_release,
                    soft_reboots, ended, {evidence}, memory
             FROM imported_boot ORDER BY id"
        ))?
        .query_map([], |row| {
            let memory = text(row, 9)?;
            let memory = BootMemory::parse(memory).ok_or_else(|| odd("memory", memory))?;
            Ok(ImportedBoot { memory, boot: boot(row)? })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    // They mostly came in this order, which SQLite cannot know: it would write all of them into a tree.
    boots.sort_by_key(|told| told.boot.booted_wall_ms);
    Ok(boots)
}

fn kept(conn: &Connection, memory: BootMemory) -> rusqlite::Result<Vec<Kept>> {
    conn.prepare(
        "SELECT booted_wall_ms, ended_wall_ms, lasted_s, slept_s, boot_id, kernel_release,
                soft_reboots, ended, evidence, id
         FROM imported_boot WHERE memory = ?1 ORDER BY booted_wall_ms, id",
    )?
    .query_map([memory.as_str()], |row| Ok(Kept { id: row.get(9)?, boot: boot(row)? }))?
    .collect()
}

/// A boot from the first nine columns, as both of the above have them.
fn boot(row: &Row<'_>) -> rusqlite::Result<ForeignBoot> {
    let seconds = |column: usize| -> rusqlite::Result<Option<u64>> {
        row.get::<_, Option<i64>>(column)?.map(uncount).transpose()
    };
    let id = |text| scrubjay_model::BootId::parse(text).ok_or_else(|| odd("boot_id", text));
    let end = text(row, 7)?;
    Ok(ForeignBoot {
        booted_wall_ms: row.get(0)?,
        ended_wall_ms: row.get(1)?,
        lasted_s: seconds(2)?,
        slept_s: seconds(3)?,
        boot_id: optional_text(row, 4)?.map(id).transpose()?,
        kernel_release: row.get(5)?,
        soft_reboots: row.get(6)?,
        end: ForeignEnd::parse(end).ok_or_else(|| odd("ended", end))?,
        evidence: Cow::Owned(row.get(8)?),
    })
}

/// The changes of facts that tell why boots ended, in the order in which they were seen.
pub(crate) fn witnesses(conn: &Connection) -> rusqlite::Result<Vec<BootFact>> {
    let [kexec, watchdog, panic] = BootWitnesses::FACTS;
    conn.prepare(
        "SELECT boot_id, name, subject, value
         FROM fact
         JOIN snapshot ON snapshot.id = fact.snapshot
         JOIN agent_run ON agent_run.id = snapshot.run
         JOIN boot ON boot.id = agent_run.boot
         WHERE name IN (:kexec, :watchdog, :panic)
         ORDER BY fact.snapshot",
    )?
    .query_map(named_params! { ":kexec": kexec, ":watchdog": watchdog, ":panic": panic }, |row| {
        Ok(BootFact {
            boot: boot_id(&row.get::<_, String>("boot_id")?)?,
            name: row.get("name")?,
            subject: row.get("subject")?,
            value: row.get("value")?,
        })
    })?
    .collect()
}
