//! Keeps what real kernels write, as fixtures, in the folder that `SCRUBJAY_GUEST_CAPTURES` names,
//! if it does: host trees, records of trace events with the same as text, and the kernel log.

use crate::guest::Guest;
use std::path::{Path, PathBuf};

/// The tracing instance of the scenarios, apart from that of the agent.
const INSTANCE: &str = "/sys/kernel/tracing/instances/scenario";

/// Trace events about errors, of which those there are have their formats kept.
const EVENTS: &str = "ras/mc_event ras/memory_failure_event ras/aer_event ras/arm_event \
    ras/non_standard_event ras/extlog_mem_event mce/mce_record cxl/*";

/// Whether captures are wanted.
pub(crate) fn wanted() -> bool {
    folder().is_some()
}

fn folder() -> Option<PathBuf> {
    std::env::var_os("SCRUBJAY_GUEST_CAPTURES").map(PathBuf::from)
}

/// Banners hold the mail address of who built the kernel, which says nothing here.
fn without_address(text: &str) -> String {
    text.replace(&["debian-kernel@lists.", "debian", ".org"].concat(), "builder")
}

impl Guest {
    /// Keeps what the sources read.
    pub(crate) fn capture(&mut self, state: &str) {
        let Some(folder) = folder() else { return };
        let tree = self.run("scrubjay capture");
        let (header, entries) = tree.split_once('\n').unwrap();
        let series = self.kernel.series;
        let origin = format!("//! Debian's Linux {series} in a guest, captured by tests/guest.");
        let path = folder.join("hosts").join(format!("real-{series}-{state}.tree"));
        write(&path, format!("{header}\n{origin}\n{}", without_address(entries)).as_bytes());
    }

    /// Begins to record trace events, named `system/event`, into buffers of `kilobytes` for each
    /// CPU.
    pub(crate) fn record(&mut self, events: &[&str], kilobytes: u32) {
        self.run(&format!(
            "mkdir {INSTANCE}
             echo boot >{INSTANCE}/trace_clock
             echo 0 >{INSTANCE}/buffer_percent
             echo {kilobytes} >{INSTANCE}/buffer_size_kb
             for event in {}; do echo 1 >{INSTANCE}/events/$event/enable; done",
            events.join(" ")
        ));
    }

    /// What has been recorded, as text, a line for each event.
    pub(crate) fn recorded(&mut self) -> Vec<String> {
        let text = self.run(&format!("grep -v '^#' {INSTANCE}/trace || true"));
        text.lines().map(str::to_owned).collect()
    }

    /// Ends recording. Keeps the text, then the statistics, then the pages of the ring buffer: to
    /// read these takes the events out of it.
    pub(crate) fn stop_recording(&mut self, name: &str) {
        if let Some(folder) = folder() {
            self.run(&format!(
                "mkdir -p /host/kept; cd {INSTANCE}
                 for cpu in 0 1; do
                     cat per_cpu/cpu$cpu/stats >/host/kept/cpu$cpu.stats
                 done
                 cat trace >/host/kept/trace.txt
                 for cpu in 0 1; do
                     # Waits when the buffer is empty, and so is ended.
                     timeout 1 dd if=per_cpu/cpu$cpu/trace_pipe_raw bs=4096 2>/dev/null \
                         of=/host/kept/cpu$cpu.pages || true
                 done"
            ));
            self.keep(&folder.join("trace").join(self.kernel.series).join(name));
        }
        self.run(&format!("rmdir {INSTANCE}"));
    }

    /// Keeps how this kernel describes its trace events.
    pub(crate) fn capture_formats(&mut self) {
        let Some(folder) = folder() else { return };
        self.run(&format!(
            "mkdir -p /host/kept; cd /sys/kernel/tracing/events
             cp header_page header_event /host/kept
             for event in {EVENTS}; do
                 [ ! -e $event/format ] || cat $event/format >/host/kept/${{event#*/}}.format
             done"
        ));
        self.keep(&folder.join("trace").join(self.kernel.series).join("formats"));
    }

    /// Moves what the guest put into `kept`, save what is empty.
    fn keep(&self, to: &Path) {
        let from = self.folder.path().join("share/kept");
        for entry in std::fs::read_dir(&from).unwrap() {
            let entry = entry.unwrap();
            let bytes = std::fs::read(entry.path()).unwrap();
            if !bytes.is_empty() {
                write(&to.join(entry.file_name()), &bytes);
            }
        }
        std::fs::remove_dir_all(from).unwrap();
    }

    /// Begins a stretch of the kernel log.
    pub(crate) fn log_from_here(&mut self, name: &str) {
        self.run(&format!("echo 'scenario {name}' >/dev/kmsg"));
    }

    /// The records of the kernel log since the stretch began, as `/dev/kmsg` gives them.
    pub(crate) fn log_since(&mut self, name: &str) -> String {
        let all = self.whole_log();
        let begin = all.rfind(&format!(";scenario {name}\n")).unwrap();
        let line = all[..begin].rfind('\n').map_or(0, |end| end + 1);
        all[line..].to_owned()
    }

    fn whole_log(&mut self) -> String {
        // A record a read. Whoever reads to the end waits for more, so the end is marked.
        self.run(
            "echo 'scenario ends' >/dev/kmsg
             dd if=/dev/kmsg of=/run/log bs=8192 2>/dev/null & reader=$!
             while ! tail -n 1 /run/log 2>/dev/null | grep -q ';scenario ends$'; do sleep 0.1; done
             kill $reader; wait $reader || true; cat /run/log; rm /run/log",
        )
    }

    /// Keeps a stretch of the kernel log.
    pub(crate) fn capture_log(&mut self, name: &str) {
        if wanted() {
            let log = self.log_since(name);
            self.write_log(name, &log);
        }
    }

    /// Keeps the kernel log from its beginning.
    pub(crate) fn capture_whole_log(&mut self, name: &str) {
        if wanted() {
            let log = self.whole_log();
            self.write_log(name, &log);
        }
    }

    fn write_log(&self, name: &str, log: &str) {
        let Some(folder) = folder() else { return };
        let path = folder.join("kmsg").join(format!("{}-{name}.kmsg", self.kernel.series));
        write(&path, without_address(log).as_bytes());
    }
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}
