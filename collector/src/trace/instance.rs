//! Our own instance of the trace buffer, set up so that nothing is lost by setting it up.
//!
//! Writing `trace_clock` empties the buffer even if the clock stays the same, so it is written only
//! where another clock is set; the same care is taken with everything that was set by the agent
//! before us. `buffer_percent` is 0 because poll(2) otherwise sleeps until the buffer is half full:
//! thousands of errors. What other users of tracing have set up is neither read nor written.
//! Kernel documentation: Documentation/trace/ftrace.rst and ring-buffer-design.rst.

use super::decode::{Decoder, WANTED};
use super::refusal::FeedRefusal;
use crate::host::{Failure, HostRoot, Instance, TraceFs};
use rustix::io::Errno;

/// Longest text accepted: a description of an event has some kilobytes.
const TEXT_LIMIT: usize = 256 << 10;

/// `/proc/mounts` of a host with very many containers.
const MOUNTS_LIMIT: usize = 8 << 20;

/// Most events of a group that is listened to as a whole.
const EVENTS_LIMIT: usize = 64;

/// Where systemd and the kernel's documentation mount it, and where it was before 4.1.
const USUAL: [&str; 2] = ["sys/kernel/tracing", "sys/kernel/debug/tracing"];

/// What to listen to: an event of the kernel, and the name under which it is decoded. They differ
/// in tests only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// `group:event`, or `group:*`.
    pub(super) event: String,
    /// `group:event`; `None` for the same.
    pub(super) decoded_as: Option<String>,
}

/// Our instance, set up.
#[derive(Debug)]
pub(super) struct Opened {
    tracefs: TraceFs,
    pub(super) instance: Instance,
    name: String,
    wanted: Vec<Wanted>,
    /// What was understood of this kernel's events.
    pub(super) known: Known,
    /// Size of a sub-buffer, which is what one read gives.
    pub(super) page_bytes: usize,
}

/// What is known of this kernel's events.
#[derive(Debug)]
pub(super) struct Known {
    /// Texts it was made of, to see whether they change when modules come.
    texts: Texts,
    pub(super) decoder: Decoder,
    /// Events that were switched on.
    pub(super) listening: Vec<String>,
    /// Events that this kernel does not have, or not before a module is loaded.
    pub(super) missing: Vec<String>,
    /// Why an event that it has was not switched on.
    pub(super) not_understood: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Texts {
    header_page: String,
    header_event: String,
    /// The event in the kernel, the event as which it is decoded, and its `format`.
    formats: Vec<(String, String, String)>,
    missing: Vec<String>,
}

/// All that reports errors.
pub(super) fn everything() -> Vec<Wanted> {
    let wanted = |event: &&str| Wanted { event: (*event).to_owned(), decoded_as: None };
    WANTED.iter().map(wanted).collect()
}

/// Makes or takes up our instance. An instance made for nothing is removed again.
pub(super) fn open(
    host: &HostRoot,
    name: &str,
    buffer_kb: Option<u64>,
    wanted: Vec<Wanted>,
) -> Result<Opened, FeedRefusal> {
    let (tracefs, path) = find(host)?;
    let path = format!("{path}/instances/{name}");
    let refused = |file: &str, failure| FeedRefusal::at(host, &format!("{path}{file}"), failure);
    let no_name = Failure::Errno(Errno::INVAL.raw_os_error());
    let instance = tracefs.instance(name).map_err(|failure| {
        if failure == no_name {
            FeedRefusal::Name { name: name.to_owned() }
        } else {
            refused("", failure)
        }
    })?;
    let made = instance.made;
    let opened = prepare(&instance, buffer_kb, &wanted, &refused).map(|(known, page_bytes)| {
        let name = name.to_owned();
        (instance, name, known, page_bytes)
    });
    match opened {
        Ok((instance, name, known, page_bytes)) => {
            Ok(Opened { tracefs, instance, name, wanted, known, page_bytes })
        }
        Err(refusal) => {
            if made {
                // The refusal is what matters; an empty instance that stays does no harm.
                let _ = tracefs.remove(name);
            }
            Err(refusal)
        }
    }
}

impl Opened {
    /// Looks for events that came with modules. True if what is known has changed.
    pub(super) fn look_again(&mut self) -> bool {
        let Ok(texts) = texts(&self.instance, &self.wanted) else { return false };
        if texts == self.known.texts {
            return false;
        }
        match enable(&self.instance, Known::new(texts)) {
            Ok(known) => self.known = known,
            Err(_) => return false,
        }
        true
    }

    /// Switches our events off and removes the instance, whose files must be closed by now.
    pub(super) fn remove(self) -> Result<(), Failure> {
        let Self { tracefs, instance, name, known, .. } = self;
        for (event, ..) in &known.texts.formats {
            // An event that went with its module need not be switched off.
            let _ = instance.write(&format!("events/{}/enable", event.replace(':', "/")), "0");
        }
        drop(instance);
        tracefs.remove(&name)
    }
}

impl Known {
    fn new(texts: Texts) -> Self {
        let formats: Vec<(String, String)> =
            texts.formats.iter().map(|(_, name, text)| (name.clone(), text.clone())).collect();
        let page_bytes = u64::try_from(rustix::param::page_size()).unwrap_or(u64::MAX);
        let (decoder, undecodable) =
            Decoder::new(&texts.header_page, &texts.header_event, &formats, page_bytes);
        let listening = decoder.events().map(str::to_owned).collect();
        let not_understood =
            undecodable.first().map(|first| format!("{}: {}", first.event, first.why));
        let missing = texts.missing.clone();
        Self { texts, decoder, listening, missing, not_understood }
    }
}

/// The tracefs of this host, and where it is.
fn find(host: &HostRoot) -> Result<(TraceFs, String), FeedRefusal> {
    if !host.is_this_host() {
        return Err(FeedRefusal::AnotherHost);
    }
    let mounts = host.read("proc/mounts", MOUNTS_LIMIT).unwrap_or_default();
    let mounts = String::from_utf8_lossy(&mounts);
    let usual = USUAL.into_iter().map(str::to_owned);
    let mut refused = None;
    for path in usual.chain(mounted(&mounts)) {
        match host.tracefs(&path) {
            Ok(tracefs) => return Ok((tracefs, path)),
            Err(Failure::Errno(errno)) => {
                let errno = Errno::from_raw_os_error(errno);
                if matches!(errno, Errno::ACCESS | Errno::PERM) {
                    refused.get_or_insert((path, Failure::Errno(errno.raw_os_error())));
                }
            }
            Err(Failure::NotAFile | Failure::TooLong) => {}
        }
    }
    if let Some((path, failure)) = refused {
        return Err(FeedRefusal::at(host, &path, failure));
    }
    let filesystems = host.read("proc/filesystems", TEXT_LIMIT).unwrap_or_default();
    let filesystems = String::from_utf8_lossy(&filesystems);
    let offered = filesystems.lines().any(|line| line.split_whitespace().last() == Some("tracefs"));
    Err(if offered { FeedRefusal::NotMounted } else { FeedRefusal::NoTracefs })
}

/// The mount points of tracefs in `/proc/mounts`, relative to the root. Those with a blank in them
/// are written in escapes and left out.
fn mounted(mounts: &str) -> Vec<String> {
    let point = |line: &str| {
        let mut words = line.split(' ').skip(1);
        let (point, kind) = (words.next()?, words.next()?);
        let plain = kind == "tracefs" && !point.contains('\\');
        plain.then(|| point.strip_prefix('/').map(str::to_owned)).flatten()
    };
    mounts.lines().filter_map(point).collect()
}

fn prepare(
    instance: &Instance,
    buffer_kb: Option<u64>,
    wanted: &[Wanted],
    refused: &dyn Fn(&str, Failure) -> FeedRefusal,
) -> Result<(Known, usize), FeedRefusal> {
    let set = |file: &str, wanted: &str, is_set: &dyn Fn(&str) -> bool| {
        let path = format!("/{file}");
        let text = read(instance, file).map_err(|failure| refused(&path, failure))?;
        if is_set(&text) {
            return Ok(());
        }
        instance.write(file, wanted).map_err(|failure| refused(&path, failure))
    };
    set("trace_clock", "boot", &|text| text.split_whitespace().any(|clock| clock == "[boot]"))?;
    // Older kernels have no such file, and wake for every record.
    if read(instance, "buffer_percent").is_ok() {
        set("buffer_percent", "0", &|text| text.trim() == "0")?;
    }
    set("options/overwrite", "1", &|text| text.trim() == "1")?;
    set("tracing_on", "1", &|text| text.trim() == "1")?;
    match buffer_kb {
        Some(kb) => resize(instance, kb).map_err(|failure| refused("/buffer_size_kb", failure))?,
        None => {
            let cpus = instance.cpus().map_or(0, |cpus| cpus.len());
            // Where there is no memory for it, what the kernel gives has to do.
            let _ = fair_share_kb(cpus).map(|kb| resize(instance, kb));
        }
    }
    let texts = texts(instance, wanted).map_err(|failure| refused("/events", failure))?;
    let page_bytes = page_bytes(instance, &texts.header_page);
    let none = texts.formats.is_empty();
    let known = Known::new(texts);
    if none {
        return Err(FeedRefusal::NoEvents);
    }
    if known.listening.is_empty() {
        let why = known.not_understood.unwrap_or_default();
        return Err(FeedRefusal::NotUnderstood { why });
    }
    let known = enable(instance, known).map_err(|(file, failure)| refused(&file, failure))?;
    Ok((known, page_bytes))
}

/// What the buffers of all CPUs may take together. A storm of 300,000 reports a second, the worst that
/// was measured, is read about as fast as it comes; this bridges the difference for some seconds.
const ALL_BUFFERS_KB: u64 = 32 << 10;

/// What one CPU's buffer may take: some 130,000 reports.
const LARGEST_BUFFER_KB: u64 = 16 << 10;

/// What the kernel gives by itself.
const USUAL_BUFFER_KB: u64 = 1_410;

/// The size of each CPU's buffer where nobody chose one; `None` where the kernel's own is as large.
fn fair_share_kb(cpus: usize) -> Option<u64> {
    let share = ALL_BUFFERS_KB.checked_div(u64::try_from(cpus).ok()?)?.min(LARGEST_BUFFER_KB);
    (share > USUAL_BUFFER_KB).then_some(share)
}

/// Sets the size of each CPU's buffer. Growing keeps what waits in it; a buffer that is larger
/// than asked for is made smaller only if nothing does.
fn resize(instance: &Instance, kb: u64) -> Result<(), Failure> {
    let text = read(instance, "buffer_size_kb")?;
    let now = text.split_whitespace().next().and_then(|word| word.parse::<u64>().ok());
    // The kernel rounds up to whole pages, and shows kilobytes of records. A buffer of which CPUs
    // differ shows an `X`.
    if now.is_some_and(|now| now >= kb && now - kb <= 128) {
        return Ok(());
    }
    if now.is_some_and(|now| now > kb) && !instance.made {
        for cpu in instance.cpus()? {
            let stats = read(instance, &format!("per_cpu/cpu{cpu}/stats"));
            if !stats.is_ok_and(|stats| stats.lines().any(|line| line == "entries: 0")) {
                return Ok(());
            }
        }
    }
    instance.write("buffer_size_kb", &kb.to_string())
}

/// How much one read gives: `buffer_subbuf_size_kb` (6.8), else what the header describes, else a
/// page of memory.
fn page_bytes(instance: &Instance, header_page: &str) -> usize {
    let shown = read(instance, "buffer_subbuf_size_kb").ok();
    let shown = shown.and_then(|text| text.trim().parse::<usize>().ok());
    let shown = shown.and_then(|kb| kb.checked_mul(1024));
    let bytes = shown.or_else(|| described_bytes(header_page));
    // The kernel allows at most 2^7 pages; a description that claims more is none.
    let possible = 512..=(128 * 64) << 10;
    bytes.filter(|bytes| possible.contains(bytes)).unwrap_or_else(rustix::param::page_size)
}

/// Where the data of a page ends, by `events/header_page`.
pub(super) fn described_bytes(header_page: &str) -> Option<usize> {
    let line = header_page.lines().find(|line| line.contains(" data;"))?;
    let number = |name: &str| {
        let rest = line.split(name).nth(1)?;
        // Without its semicolon it may be the beginning of a number.
        rest.split_once(';')?.0.trim().parse::<usize>().ok()
    };
    number("offset:")?.checked_add(number("size:")?)
}

fn texts(instance: &Instance, wanted: &[Wanted]) -> Result<Texts, Failure> {
    let mut formats: Vec<(String, String, String)> = Vec::new();
    let mut missing = Vec::new();
    for Wanted { event, decoded_as } in wanted {
        let known = formats.len();
        let (group, name) = event.split_once(':').unwrap_or((event, ""));
        let names = if name == "*" { events_of(instance, group) } else { vec![name.to_owned()] };
        for name in names {
            // A kernel has the events it was built with, and those of its modules.
            let Ok(text) = read(instance, &format!("events/{group}/{name}/format")) else {
                continue;
            };
            let event = format!("{group}:{name}");
            let decoded_as = decoded_as.clone().unwrap_or_else(|| event.clone());
            formats.push((event, decoded_as, text));
        }
        if formats.len() == known {
            missing.push(event.clone());
        }
    }
    // An event that changed its group is there if it is in one of them.
    let name_of = |event: &str| event.split_once(':').map(|(_, name)| name.to_owned());
    missing.retain(|event| {
        let there = |(known, ..): &(String, String, String)| name_of(known) == name_of(event);
        !formats.iter().any(there)
    });
    Ok(Texts {
        header_page: read(instance, "events/header_page")?,
        header_event: read(instance, "events/header_event")?,
        formats,
        missing,
    })
}

fn events_of(instance: &Instance, group: &str) -> Vec<String> {
    let mut names = instance.directories(&format!("events/{group}")).unwrap_or_default();
    names.truncate(EVENTS_LIMIT);
    names
}

/// Switches on what can be decoded, unless it is on already.
fn enable(instance: &Instance, known: Known) -> Result<Known, (String, Failure)> {
    for (event, decoded_as, _) in &known.texts.formats {
        if !known.listening.contains(decoded_as) {
            continue;
        }
        let file = format!("events/{}/enable", event.replace(':', "/"));
        let shown = read(instance, &file);
        if !shown.is_ok_and(|shown| shown.starts_with('1')) {
            instance.write(&file, "1").map_err(|failure| (format!("/{file}"), failure))?;
        }
    }
    Ok(known)
}

fn read(instance: &Instance, file: &str) -> Result<String, Failure> {
    let bytes = instance.read(file, TEXT_LIMIT)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
