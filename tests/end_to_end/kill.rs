//! kill -9 at any moment of an agent's life, hundreds of times over: in the end the sums are those
//! of the kernel, the ledger is whole, and nobody had to mend anything.

use crate::faults::{Dice, failing_disk};
use crate::harness::{corrected, output, scrubjay, stdout};
use scrubjay_tests::edac_model::{ControllerSpec, Kernel, View};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// Killed at random moments, in all.
const MOMENTS: u64 = 520;

/// Killed in the middle of a write, in all.
const WRITES: u64 = 160;

/// At once: each waits much for its processes.
const WORKERS: u64 = 4;

/// After so many kills one agent may finish, and the kernel's counters begin a new life: what it
/// counts in a life that nobody saw the end of is in no history.
const LET_LIVE_EACH: u64 = 26;

/// Ten years.
const STEP_MS: i64 = 315_576_000_000;

/// A host whose errors are known, with an agent that never lives long.
struct Victim<'h> {
    home: &'h Path,
    kernel: Kernel,
    dice: Dice,
    truth: u64,
    killed: u64,
}

impl<'h> Victim<'h> {
    fn new(home: &'h Path, dice: Dice) -> Self {
        let machine = vec![ControllerSpec::skx(0, 0, 2, 2), ControllerSpec::skx(1, 0, 2, 2)];
        let kernel = Kernel::boot(machine, View::DimmsAndCsrows);
        Self { home, kernel, dice, truth: 0, killed: 0 }
    }

    /// Time passes and errors happen; now and then somebody sets the clock by ten years.
    fn go_on(&mut self) {
        self.kernel.wait(Duration::from_secs(1 + self.dice.roll(5_000)));
        match self.dice.roll(16) {
            0 => self.kernel.step_wall_clock(STEP_MS),
            1 => self.kernel.step_wall_clock(-STEP_MS),
            _ => {}
        }
        for _ in 0..self.dice.roll(4) {
            let errors = 1 + self.dice.roll(9);
            let (mc, slot) = (self.dice.roll(2), self.dice.roll(2));
            self.kernel.corrected(
                usize::try_from(mc).unwrap(),
                usize::try_from(slot).unwrap(),
                u16::try_from(errors).unwrap(),
            );
            self.truth += errors;
        }
        std::fs::write(self.home.join("root.tree"), self.kernel.tree()).unwrap();
    }

    fn command(&self, words: &[&str]) -> std::process::Command {
        let mut command = scrubjay(self.home);
        command.args(words).args(["--log.level", "warn", "--state-dir"]);
        command.arg(self.home.join("state")).arg("--root").arg(self.home.join("root.tree"));
        command
    }

    /// An agent that dies after so many microseconds, unless it has ended before.
    fn kill_after(&mut self, wait: Duration) {
        let mut agent = self.command(&["agent", "--once"]);
        let mut agent = agent.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(wait);
        agent.kill().unwrap();
        self.killed += u64::from(agent.wait().unwrap().code().is_none());
    }

    /// An agent that dies half way through its n-th write to the history.
    fn kill_in_write(&mut self, disk: &Path, number: u64) {
        let mut agent = self.command(&["agent", "--once"]);
        agent.env("LD_PRELOAD", disk).env("FAULT_KILL_AT", number.to_string());
        let status = agent.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        self.killed += u64::from(status.code().is_none());
    }

    /// An agent that may finish: the sums are the truth, the ledger is whole, no file was replaced.
    fn check(&mut self) {
        let page = stdout(&mut self.command(&["agent", "--once"]));
        assert_eq!(corrected(&page), self.truth, "after {} kills", self.killed);
        let (code, page, stderr) = output(&mut self.command(&["ledger", "verify"]));
        assert_eq!(code, 0, "{page}{stderr}");
        for entry in std::fs::read_dir(self.home.join("state")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(!name.contains("corrupt"), "{name}");
        }
    }

    fn new_life(&mut self) {
        if self.dice.roll(2) == 0 {
            self.kernel.reboot(Duration::from_secs(90));
        } else {
            self.kernel.reset_counters(0);
        }
    }
}

/// Lets workers kill side by side; returns how many agents died of it.
fn all_killed(dice: &Dice, each: impl Fn(&mut Victim<'_>) + Sync) -> u64 {
    let killed = std::thread::scope(|scope| {
        let workers: Vec<_> = (1..=WORKERS)
            .map(|number| {
                let (dice, each) = (dice.other(number), &each);
                scope.spawn(move || {
                    let home = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
                    let home = home.unwrap();
                    let mut victim = Victim::new(home.path(), dice);
                    each(&mut victim);
                    victim.go_on();
                    victim.check();
                    victim.killed
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    println!("{killed} agents were killed");
    killed
}

#[test]
fn agents_killed_at_any_moment_lose_nothing_and_count_nothing_twice() {
    let dice = Dice::of_this_run("kill at any moment");
    let killed = all_killed(&dice, |victim| {
        // Kills count only while the agent lived: the moments spread over somewhat less than its
        // life, and runs that ended before are made up for, to a bound.
        for attempt in 1..=MOMENTS {
            if victim.killed >= MOMENTS / WORKERS {
                break;
            }
            victim.go_on();
            let wait = Duration::from_micros(victim.dice.roll(45_000));
            victim.kill_after(wait);
            if attempt % LET_LIVE_EACH == 0 {
                victim.check();
                victim.new_life();
            }
        }
    });
    assert!(killed >= MOMENTS, "{killed} of {MOMENTS}: the others ended before");
}

#[test]
fn agents_killed_in_the_middle_of_a_write_lose_nothing_and_count_nothing_twice() {
    let home = tempfile::tempdir().unwrap();
    let disk = match failing_disk(home.path()) {
        Ok(disk) => disk,
        Err(why) => return println!("skipped: {why}"),
    };
    let dice = Dice::of_this_run("kill in a write");
    let killed = all_killed(&dice, |victim| {
        for attempt in 1..=WRITES {
            if victim.killed >= WRITES / WORKERS {
                break;
            }
            victim.go_on();
            // The first run creates the file, with more writes than any later one.
            let number = 1 + victim.dice.roll(if victim.killed < 4 { 120 } else { 40 });
            victim.kill_in_write(&disk, number);
            if attempt % LET_LIVE_EACH == 0 {
                victim.check();
                victim.new_life();
            }
        }
    });
    assert!(killed >= WRITES, "{killed} of {WRITES}: the others wrote less");
}
