//! A machine with a kernel of its own: starting it, having it run scripts, and ending it.

use crate::seen::{self, Counts, Page};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Longer than anything takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What `tests/guest/prepare` made of one kernel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernel {
    /// For example `6.1`.
    pub(crate) series: &'static str,
}

impl Kernel {
    /// Whether Debian built it with `RAS_CEC`.
    pub(crate) fn has_corrected_errors_collector(self) -> bool {
        self.series != "6.1"
    }

    fn file(self, name: &str) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("../guest").join(self.series).join(name)
    }
}

/// How a guest goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Down {
    /// The agent is stopped, then the state disk unmounted, then the power switched off.
    InOrder,
    /// QEMU is killed: what the guest had not written to its disk is lost.
    PlugPulled,
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
    kernel: Kernel,
    /// Holds `share`, the folder both sides see, the state disk, and the console's log.
    folder: tempfile::TempDir,
    qemu: Child,
    orders: ChildStdin,
    answers: Receiver<String>,
    scripts: u32,
}

impl Guest {
    /// Boots a kernel with an empty state disk.
    pub(crate) fn boot(kernel: Kernel) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let disk = kernel.file("disk");
        std::fs::copy(&disk, folder.path().join("disk")).unwrap_or_else(|why| {
            panic!("{}: {why}; tests/run prepares and runs the guest tests", disk.display())
        });
        std::fs::create_dir(folder.path().join("share")).unwrap();
        Self::switch_on(kernel, folder)
    }

    /// Boots, and if need be again: without KVM some boot in fifty dies in the kernel's scheduler
    /// before anything of ours has run.
    fn switch_on(kernel: Kernel, mut folder: tempfile::TempDir) -> Self {
        for _ in 0..3 {
            let mut guest = Self::power_on(kernel, folder);
            match guest.answers.recv_timeout(PATIENCE).as_deref() {
                Ok("ready") => return guest,
                Ok(_) | Err(_) => eprintln!("it did not come up:\n{}", guest.console()),
            }
            guest.off();
            folder = guest.onto_another_folder();
        }
        panic!("Linux {} does not boot", kernel.series);
    }

    fn power_on(kernel: Kernel, folder: tempfile::TempDir) -> Self {
        // A /dev/kvm that opens may still be unable to run a stock kernel, so it is never tried.
        let kvm = std::env::var("SCRUBJAY_GUEST_KVM").is_ok_and(|wish| wish == "1");
        let (accelerator, cpu) = if kvm { ("kvm", "host") } else { ("tcg,thread=multi", "EPYC") };
        let at = |name: &str| folder.path().join(name).display().to_string();
        let mut qemu = Command::new("qemu-system-x86_64")
            .args(["-accel", accelerator, "-cpu", cpu, "-m", "1G", "-smp", "2"])
            .args(["-nodefaults", "-display", "none", "-no-reboot", "-net", "none"])
            .arg("-kernel")
            .arg(kernel.file("vmlinux"))
            .arg("-initrd")
            .arg(kernel.file("initrd"))
            .args(["-append", "console=ttyS0 panic=-1 loglevel=4"])
            .args(["-serial", &format!("file:{}", at("console"))])
            .args(["-serial", "stdio"])
            .args(["-drive", &format!("file={},format=raw,if=virtio", at("disk"))])
            .arg("-virtfs")
            .arg(format!("local,path={},mount_tag=host,security_model=none", at("share")))
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
        Self { kernel, folder, qemu, orders, answers, scripts: 0 }
    }

    fn off(&mut self) {
        // Already ended is as good as ended.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }

    /// A new folder with the state disk of this guest, which has ended.
    fn onto_another_folder(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        std::fs::rename(self.folder.path().join("disk"), folder.path().join("disk")).unwrap();
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
                // The line closes when it is off.
                while self.answers.recv_timeout(PATIENCE).is_ok() {}
            }
        }
        self.off();
        Self::switch_on(self.kernel, self.onto_another_folder())
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

    /// Keeps what the sources read, as a fixture, in the folder that `SCRUBJAY_GUEST_CAPTURES`
    /// names, if it does.
    pub(crate) fn capture(&mut self, state: &str) {
        let Some(folder) = std::env::var_os("SCRUBJAY_GUEST_CAPTURES") else { return };
        let tree = self.run("scrubjay capture");
        let (header, entries) = tree.split_once('\n').unwrap();
        // The kernel's banner holds a mail address, which says nothing here.
        let entries =
            entries.replace(&["debian-kernel@lists.", "debian", ".org"].concat(), "builder");
        let series = self.kernel.series;
        let origin = format!("//! Debian's Linux {series} in a guest, captured by tests/guest.");
        let path = Path::new(&folder).join(format!("real-{series}-{state}.tree"));
        std::fs::write(path, format!("{header}\n{origin}\n{entries}")).unwrap();
    }

    /// Starts the agent, and returns once it has recorded its first pass.
    pub(crate) fn start_agent(&mut self) {
        self.run(
            "scrubjay --state-dir /state/history agent --interval 1s >/run/agent.log 2>&1 &
             echo $! >/run/agent.pid",
        );
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

    /// The metrics page after more than `passes` passes.
    fn passes_after(&mut self, passes: u64) -> Page {
        self.run(&format!(
            "for i in $(seq 200); do
                 n=$(wget -q -O - http://127.0.0.1:10072/metrics 2>/dev/null |
                     sed -n 's/^scrubjay_agent_passes_total //p')
                 [ \"${{n:-0}}\" -le {passes} ] || exit 0
                 sleep 0.1
             done
             cat /run/agent.log >&2; exit 1"
        ));
        self.metrics()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.off();
    }
}
