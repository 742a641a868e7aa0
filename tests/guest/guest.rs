//! A machine with a kernel of its own: starting it, having it run scripts, and ending it.

use crate::booted;
use crate::machine::{Kernel, Machine};
use crate::seen::{self, Counts, Page};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, SystemTime};

/// Longer than anything takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a guest goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Down {
    /// The agent is stopped, then the state disk unmounted, then the power switched off.
    InOrder,
    /// QEMU is killed: what the guest had not written to its disk is lost.
    PlugPulled,
    /// The kernel panics, and leaves its log where its firmware keeps such things.
    Crashed,
}

/// How a guest begins.
#[derive(Debug, Clone)]
pub(crate) enum Begun {
    /// With its firmware and kernel.
    Booting,
    /// With the memory and devices of one that has booted, which this file holds.
    From(PathBuf),
}

/// How a scenario fails whose guest died under it.
const DIED: &str = "the guest ended";

/// Plays a scenario again, up to three times in all, if its guest died: without KVM, kernel 6.12 now
/// and then does, in places that have nothing to do with what is tested. One that we bring down
/// dies each time, and fails.
pub(crate) fn unless_it_dies(scenario: impl Fn()) {
    for attempt in 1..=3 {
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&scenario));
        let Err(failure) = played else { return };
        let died = failure.downcast_ref::<String>().is_some_and(|why| why.starts_with(DIED));
        if !died || attempt == 3 {
            std::panic::resume_unwind(failure);
        }
    }
}

/// A running guest. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) kernel: Kernel,
    /// What it becomes at its next boot.
    pub(crate) machine: Machine,
    /// Holds `share`, the folder both sides see, the state disk, what firmware
    /// keeps, and the console's log.
    pub(crate) folder: tempfile::TempDir,
    qemu: Child,
    orders: ChildStdin,
    answers: Receiver<String>,
    scripts: u32,
}

impl Guest {
    /// Boots a kernel with an empty state disk.
    pub(crate) fn boot(kernel: Kernel) -> Self {
        Self::boot_on(kernel, Machine::plain())
    }

    /// Boots a kernel on a machine that is not the usual one.
    pub(crate) fn boot_on(kernel: Kernel, machine: Machine) -> Self {
        let copy = booted::copy_of(kernel, &machine);
        let begun = copy.map_or(Begun::Booting, Begun::From);
        Self::switch_on(kernel, machine, Self::folder_with_empty_disk(kernel), begun)
    }

    /// What a guest needs around it.
    pub(crate) fn folder_with_empty_disk(kernel: Kernel) -> tempfile::TempDir {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let disk = kernel.file("disk");
        std::fs::copy(&disk, folder.path().join("disk")).unwrap_or_else(|why| {
            panic!("{}: {why}; tests/run prepares and runs the guest tests", disk.display())
        });
        std::fs::create_dir(folder.path().join("share")).unwrap();
        folder
    }

    /// Has a guest that takes orders.
    fn switch_on(
        kernel: Kernel,
        machine: Machine,
        folder: tempfile::TempDir,
        begun: Begun,
    ) -> Self {
        let mut guest = Self::power_up(kernel, machine, folder, begun);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        writeln!(guest.orders, "{}", now.as_secs()).unwrap();
        assert_eq!(guest.answer(), "ready", "{}", guest.console());
        guest
    }

    /// Has a guest that waits to be told the time; boots it again if need be. A busy machine
    /// without KVM used to lose one boot in some dozens, to a check of timers that is now left out;
    /// what else there is has not been found.
    pub(crate) fn power_up(
        kernel: Kernel,
        machine: Machine,
        mut folder: tempfile::TempDir,
        begun: Begun,
    ) -> Self {
        if let Begun::From(copy) = begun {
            let guest = Self::power_on(kernel, machine, folder, Some(&copy));
            // What is said to it before it runs would be lost.
            for _ in 0..PATIENCE.as_millis() / 20 {
                if guest.monitor("info status").contains("VM status: running") {
                    return guest;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            panic!("{DIED} before it ran from {}", copy.display());
        }
        for _ in 0..3 {
            let mut guest = Self::power_on(kernel, machine.clone(), folder, None);
            match guest.answers.recv_timeout(PATIENCE).as_deref() {
                Ok("booted") => return guest,
                Ok(_) | Err(_) => eprintln!("it did not come up:\n{}", guest.console()),
            }
            guest.off();
            folder = guest.onto_another_folder();
        }
        panic!("Linux {} does not boot", kernel.series);
    }

    fn power_on(
        kernel: Kernel,
        machine: Machine,
        folder: tempfile::TempDir,
        copy: Option<&Path>,
    ) -> Self {
        let mut command = machine.command(kernel, folder.path());
        if let Some(copy) = copy {
            command.arg("-incoming").arg(format!("exec:cat '{}'", copy.display()));
        }
        let mut qemu = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let orders = qemu.stdin.take().unwrap();
        let lines = BufReader::new(qemu.stdout.take().unwrap()).lines();
        let (said, answers) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // Nobody listens any more to a guest that has been killed.
                let _ = said.send(line.trim().to_owned());
            }
        });
        Self { kernel, machine, folder, qemu, orders, answers, scripts: 0 }
    }

    fn off(&mut self) {
        // Already ended is as good as ended.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }

    /// A new folder with the state disk of this guest, which has ended, and what firmware keeps.
    fn onto_another_folder(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut kept = vec!["disk"];
        kept.extend(self.machine.keeps_crashes.then_some("erst"));
        for name in kept {
            std::fs::rename(self.folder.path().join(name), folder.path().join(name)).unwrap();
        }
        std::fs::create_dir(folder.path().join("share")).unwrap();
        folder
    }

    /// Goes down and boots again with the same state disk.
    pub(crate) fn reboot(mut self, how: Down) -> Self {
        match how {
            Down::PlugPulled => {}
            Down::InOrder => {
                self.stop_agent();
                self.begin("umount /state; poweroff -f");
                self.wait_for_the_end();
            }
            Down::Crashed => {
                self.begin("echo c >/proc/sysrq-trigger");
                self.wait_for_the_end();
            }
        }
        self.off();
        let folder = self.onto_another_folder();
        Self::switch_on(self.kernel, self.machine.clone(), folder, Begun::Booting)
    }

    /// The line closes when it is off.
    fn wait_for_the_end(&self) {
        while self.answers.recv_timeout(PATIENCE).is_ok() {}
    }

    /// A command for QEMU's monitor; what it answers.
    pub(crate) fn monitor(&self, command: &str) -> String {
        // A path through the open folder is always short enough for a socket's address.
        let folder = std::fs::File::open(self.folder.path()).unwrap();
        let path = format!("/proc/self/fd/{}/monitor", folder.as_raw_fd());
        let mut line = connect(&path);
        line.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut heard = Vec::new();
        for prompt in 1..=2 {
            while String::from_utf8_lossy(&heard).matches("(qemu) ").count() < prompt {
                let mut bytes = [0; 4096];
                let length = line.read(&mut bytes).unwrap();
                assert_ne!(length, 0, "the monitor hung up: {}", String::from_utf8_lossy(&heard));
                heard.extend(&bytes[..length]);
            }
            if prompt == 1 {
                heard.clear();
                writeln!(line, "{command}").unwrap();
                // The echo of what is typed ends in the second prompt.
                heard.extend(b"(qemu) ");
            }
        }
        String::from_utf8_lossy(&heard).into_owned()
    }

    /// Runs a shell script that must succeed, and returns what it wrote to stdout.
    pub(crate) fn run(&mut self, script: &str) -> String {
        let (code, out, err) = self.attempt(script);
        assert_eq!(code, 0, "{script}\n{out}{err}{}", self.console());
        out
    }

    /// Runs a shell script; its exit code, stdout and stderr.
    pub(crate) fn attempt(&mut self, script: &str) -> (i32, String, String) {
        self.begin(script);
        let answer = self.answer();
        let code = answer.strip_prefix(&format!("{} ", self.scripts));
        let code = code.unwrap_or_else(|| panic!("{script}: {answer}\n{}", self.console()));
        let read = |ending| {
            let path = self.folder.path().join(format!("share/{}.{ending}", self.scripts));
            std::fs::read_to_string(path).unwrap()
        };
        (code.parse().unwrap(), read("out"), read("err"))
    }

    fn begin(&mut self, script: &str) {
        self.scripts += 1;
        let path = self.folder.path().join(format!("share/{}.sh", self.scripts));
        std::fs::write(path, script).unwrap();
        writeln!(self.orders, "{}", self.scripts).unwrap();
    }

    fn answer(&self) -> String {
        match self.answers.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("no answer\n{}", self.console()),
            Err(RecvTimeoutError::Disconnected) => panic!("{DIED}\n{}", self.console()),
        }
    }

    /// The end of what the kernel wrote to its console.
    fn console(&self) -> String {
        let log = std::fs::read(self.folder.path().join("console")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(40)..).unwrap_or_default().join("\n")
    }

    /// Loads one of our modules.
    pub(crate) fn load(&mut self, module_and_parameters: &str) {
        let (module, parameters) =
            module_and_parameters.split_once(' ').unwrap_or((module_and_parameters, ""));
        self.run(&format!("insmod /modules/{module}.ko {parameters}"));
    }

    /// An order to the test driver; see `modules/scrubjay_edac.c`.
    pub(crate) fn order(&mut self, order: &str) {
        self.run(&format!("echo {order} >/sys/kernel/debug/scrubjay_edac/order"));
    }

    /// What the test driver reported since it was loaded.
    pub(crate) fn truth(&mut self) -> Counts {
        seen::counts_of_driver(&self.run("cat /sys/kernel/debug/scrubjay_edac/truth"))
    }

    /// `scrubjay COMMAND --json`.
    pub(crate) fn json(&mut self, command: &str) -> Value {
        let text = self.run(&format!("scrubjay {command} --json --state-dir /state/history"));
        serde_json::from_str(&text).unwrap()
    }

    /// `scrubjay status --json`.
    pub(crate) fn status(&mut self) -> Value {
        self.json("status")
    }

    /// `scrubjay events --json`, all of them.
    pub(crate) fn events(&mut self) -> Value {
        self.json("events --last 100000")
    }

    /// What the running agent shows of itself and of its last pass.
    pub(crate) fn shown(&mut self) -> Value {
        let text = self.run("wget -q -O - http://127.0.0.1:10072/api/v1/snapshot");
        serde_json::from_str(&text).unwrap()
    }

    /// The metrics page once `sent` reports are told or told as lost, and a pass has seen the
    /// counters since. Not more than those are waited for: what is too much, the caller sees.
    pub(crate) fn heard(&mut self, sent: u64) -> Page {
        for _ in 0..30 {
            let page = self.next_pass();
            let of = |family| u64::try_from(page.sum(family)).unwrap();
            if of("scrubjay_event_reports_total") + of("scrubjay_event_reports_lost_total") >= sent
            {
                return page;
            }
        }
        panic!("fewer than {sent} reports are told or told as lost:\n{:?}", self.metrics())
    }

    /// Starts the agent, and returns once it has recorded its first pass.
    pub(crate) fn start_agent(&mut self) {
        self.start_agent_with("--interval 1s");
    }

    /// The same with a configuration file.
    pub(crate) fn start_agent_set_to(&mut self, configuration: &str) {
        self.run(&format!("cat >/run/scrubjay.toml <<'END'\n{configuration}\nEND"));
        self.start_agent_with("--interval 1s --config /run/scrubjay.toml");
    }

    /// The same with other flags.
    pub(crate) fn start_agent_with(&mut self, flags: &str) {
        self.run(&format!(
            "scrubjay --state-dir /state/history agent {flags} >/run/agent.log 2>&1 &
             echo $! >/run/agent.pid",
        ));
        self.passes_after(0);
    }

    /// SIGTERM, and waits until the agent has ended.
    pub(crate) fn stop_agent(&mut self) {
        self.run(
            "[ -e /run/agent.pid ] || exit 0
             pid=$(cat /run/agent.pid); rm /run/agent.pid
             kill -TERM $pid; while grep -q . /proc/$pid/cmdline; do sleep 0.1; done",
        );
    }

    /// The metrics page of the running agent.
    pub(crate) fn metrics(&mut self) -> Page {
        Page::new(self.run("wget -q -O - http://127.0.0.1:10072/metrics"))
    }

    /// The metrics page after a pass that began after now.
    pub(crate) fn next_pass(&mut self) -> Page {
        let passes = self.metrics().value("scrubjay_agent_passes_total", "").unwrap();
        // The pass that may be running has read some attributes already; the one after it has not.
        self.passes_after(passes + 1)
    }

    /// The metrics page after more than `passes` passes. Asking is as much work as a pass is, so it
    /// begins when the first is due.
    fn passes_after(&mut self, passes: u64) -> Page {
        self.run(&format!(
            "sleep 0.7
             for i in $(seq 100); do
                 n=$(wget -q -O - http://127.0.0.1:10072/metrics 2>/dev/null |
                     sed -n 's/^scrubjay_agent_passes_total //p')
                 [ \"${{n:-0}}\" -le {passes} ] || exit 0
                 sleep 0.3
             done
             cat /run/agent.log >&2; exit 1"
        ));
        self.metrics()
    }
}

/// Connects to a socket that appears soon.
fn connect(path: &str) -> UnixStream {
    for _ in 0..PATIENCE.as_millis() / 20 {
        if let Ok(line) = UnixStream::connect(path) {
            return line;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    UnixStream::connect(path).unwrap_or_else(|why| panic!("{DIED}, or has no monitor: {why}"))
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.off();
    }
}
