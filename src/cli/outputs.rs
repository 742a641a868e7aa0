//! Arguments of what others run and read: `check`, `export`, and where the agent serves.

use crate::config::WebFlags;
use clap::{Arg, Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct WebArgs {
    // Its help is the command's: each has a default of its own.
    #[arg(long = "web.listen-address", value_name = "ADDRESS:PORT")]
    listen_address: Vec<String>,
    /// Serve on the sockets that systemd hands over, instead
    #[arg(long = "web.systemd-socket", conflicts_with = "listen_address")]
    systemd_socket: bool,
    /// How to encrypt and to authenticate, as for all exporters of Prometheus
    #[arg(long = "web.config.file", value_name = "FILE")]
    config_file: Option<String>,
    /// Where the metrics are [default: /metrics]
    #[arg(long = "web.telemetry-path", value_name = "PATH")]
    telemetry_path: Option<String>,
}

/// The help of `--web.listen-address`, with the default of the command.
pub(super) fn listens_at(address: Arg, default: &str) -> Arg {
    address.help(format!("Where to serve; may be given more than once [default: {default}]"))
}

impl WebArgs {
    pub(super) fn flags(&self) -> WebFlags {
        WebFlags {
            listen_address: self.listen_address.clone(),
            systemd_socket: self.systemd_socket,
            config_file: self.config_file.clone(),
            telemetry_path: self.telemetry_path.clone(),
            serves: false,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Answer as a plugin of node-problem-detector: 0 fine, 1 a problem, 2 unknown, in 80 bytes
    #[arg(long)]
    pub(crate) npd: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ExportCommand {
    /// Write the metrics of one reading for the textfile collector of node_exporter
    Textfile(TextfileArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TextfileArgs {
    /// The directory given to node_exporter with --collector.textfile.directory
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The file's name; node_exporter reads those that end with .prom
    #[arg(long, value_name = "NAME", default_value = "scrubjay.prom", value_parser = prom_name)]
    pub(crate) name: String,
}

/// A name that node_exporter would look at, in the directory itself.
fn prom_name(name: &str) -> Result<String, String> {
    let stem = name.strip_suffix(".prom").unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if stem.is_empty() || stem.starts_with('.') || !stem.chars().all(plain) {
        return Err(
            "give a name such as scrubjay.prom: letters, digits, -, _ and ., and .prom at \
                    its end"
                .to_owned(),
        );
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;
    use clap::CommandFactory;

    #[test]
    fn each_command_tells_where_it_listens_by_itself() {
        for (name, default) in [
            ("agent", ":10072, which is all addresses"),
            ("serve", "127.0.0.1:10074"),
            ("demo", "127.0.0.1:10073"),
        ] {
            let mut commands = Cli::command();
            let help = commands.find_subcommand_mut(name).unwrap().render_help().to_string();
            assert!(help.contains("Where to serve; may be given more than once"), "{name}: {help}");
            assert!(help.contains(&format!("[default: {default}]")), "{name}: {help}");
        }
    }
}
