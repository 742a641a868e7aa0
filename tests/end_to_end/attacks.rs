//! What somebody does who means harm: names that act, trees and directories full of traps, files that
//! swell, clients by the thousand. docs/attacks.md lists which test is against what.

use crate::harness::output;
use std::process::Command;

mod bombs;
mod clients;
mod limits;
mod names;
mod state;
mod trees;

/// Runs a command that may wait for ever if it falls into a trap: then it is ended after a minute, which its exit
/// code tells.
fn ended(command: &Command) -> (i32, String, String) {
    let mut bounded = Command::new("timeout");
    bounded.args(["--kill-after=5", "60"]).arg(command.get_program()).args(command.get_args());
    bounded.env_clear();
    for (name, value) in command.get_envs() {
        bounded.env(name, value.unwrap_or_default());
    }
    let (code, page, said) = output(bounded.stdin(std::process::Stdio::null()));
    assert!(code != 124 && code != 137, "it waits for ever: {command:?}: {page}{said}");
    (code, page, said)
}
