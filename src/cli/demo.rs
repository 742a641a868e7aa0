//! Arguments of `demo`.

use super::outputs::{WebArgs, listens_at};
use crate::config::WebFlags;
use clap::{Arg, Args, ValueEnum};

/// Where a demo listens unless somebody wants it elsewhere: what it shows is for whoever runs it, and an
/// agent may run beside it.
const LISTEN: &str = "127.0.0.1:10073";

/// What a demo makes of the options of all commands. It takes neither a root nor a configuration: it makes its own.
fn of_a_demo(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "root" | "config" => arg.hide(true),
        "state_dir" => arg.help(
            "An empty directory for the history, and for the host below it [default: a temporary one]",
        ),
        _ => arg,
    }
}

#[derive(Debug, Args)]
#[command(mut_arg("listen_address", |arg| listens_at(arg, LISTEN)))]
#[command(mut_args(of_a_demo))]
pub(crate) struct DemoArgs {
    /// What happens to the host
    #[arg(long, value_name = "SCENARIO", default_value = "dying-dimm")]
    pub(crate) scenario: DemoScenario,
    /// Seconds of the host's time in a second of yours; 0 tells the whole story at once, then serves what
    /// came of it [default: so that the story takes two and a half minutes]
    #[arg(long, value_name = "N", value_parser = speed)]
    pub(crate) speed: Option<f64>,
    /// Where the draws begin: the same seed gives the same story
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Tell the whole story without waiting and without serving, and end; the files stay
    #[arg(long, conflicts_with_all = ["speed", "listen_address"])]
    pub(crate) once: bool,
    /// The same for the first SPAN of the story, such as 20d
    #[arg(long = "for", value_name = "SPAN", conflicts_with_all = ["speed", "listen_address"])]
    pub(crate) lasts: Option<String>,
    #[command(flatten)]
    web: WebArgs,
}

impl DemoArgs {
    pub(super) fn web(&self) -> WebFlags {
        let mut flags = self.web.flags();
        if flags.listen_address.is_empty() && !flags.systemd_socket {
            flags.listen_address.push(LISTEN.to_owned());
        }
        flags
    }
}

/// What happens to the host of a demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DemoScenario {
    /// More and more corrected errors in one stick of memory, until it is to be swapped
    DyingDimm,
    /// One bad row: many errors, in two pages that can be taken out of use
    RowFault,
    /// Single errors at random, which are nothing to act on
    Cosmic,
    /// Firmware keeps memory errors to itself: no counter can move
    FirmwareFirst,
    /// Kernels are installed and not booted, until a limit is passed
    PatchLag,
    /// A live patch whose transition hangs at two tasks
    StalledLivepatch,
}

impl DemoScenario {
    /// Its name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::DyingDimm => "dying-dimm",
            Self::RowFault => "row-fault",
            Self::Cosmic => "cosmic",
            Self::FirmwareFirst => "firmware-first",
            Self::PatchLag => "patch-lag",
            Self::StalledLivepatch => "stalled-livepatch",
        }
    }
}

/// How fast time may go.
fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed == 0.0 || (1.0..=1e9).contains(&speed) => Ok(speed),
        Ok(_) | Err(_) => Err("give 0, or a number from 1 to 1000000000, such as 86400".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_called_what_the_command_line_calls_them() {
        for scenario in DemoScenario::value_variants() {
            let name = scenario.to_possible_value().unwrap();
            assert_eq!(name.get_name(), scenario.as_str());
        }
    }

    #[test]
    fn time_goes_at_once_or_no_slower_than_ours() {
        assert_eq!(speed("0"), Ok(0.0));
        assert_eq!(speed("86400"), Ok(86_400.0));
        for wrong in ["-1", "0.5", "fast", "NaN", "1e12"] {
            assert!(speed(wrong).is_err(), "{wrong}");
        }
    }
}
