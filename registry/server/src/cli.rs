//! The command line.
//!
//! Owns: options, their environment names, exit codes and what is printed. Must not know: how anything is done.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use quay_config::exit_code;

use crate::given::{self, Folder};
use crate::{VERSION, serve, telemetry};

const EXAMPLES: &str = "\
Examples:
  quay-registry serve
      a registry on https://localhost:8443, everything in ./quay-data; the log says where the first password lies
  quay-registry serve --config /conf/stack --admin /conf/admin --data /datastorage
      with config.yaml, ssl.cert and ssl.key from a folder, and the superuser from another
  quay-registry config check ./bundle
      every problem of a configuration at once";

/// A container and artifact registry that speaks Quay's API.
#[derive(Debug, Parser)]
#[command(name = "quay-registry", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the registry
    #[command(after_help = EXAMPLES)]
    Serve(Serve),
    /// Work with a configuration
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print the version
    Version,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check config.yaml, ssl.cert and ssl.key of a folder and print every problem
    Check {
        /// The folder
        folder: PathBuf,
    },
}

/// How to run the registry.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// Folder with config.yaml, ssl.cert and ssl.key; followed while running
    #[arg(long, value_name = "DIR", env = "QUAY_CONFIG")]
    pub config: Option<PathBuf>,
    /// Folder for everything that is kept
    #[arg(long, value_name = "DIR", env = "QUAY_DATA", default_value = "quay-data")]
    pub data: PathBuf,
    /// Where HTTPS is served; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", env = "QUAY_LISTEN", default_value = "0.0.0.0:8443")]
    pub listen: SocketAddr,
    /// Where metrics and health are served, by plain HTTP
    #[arg(long, value_name = "ADDRESS", env = "QUAY_OPS_LISTEN", default_value = "0.0.0.0:9091")]
    pub ops_listen: SocketAddr,
    /// Folder with username, password and email of the superuser; followed while running
    #[arg(long, value_name = "DIR", env = "QUAY_ADMIN")]
    pub admin: Option<PathBuf>,
    /// How log lines are written [default: text on a terminal, else json]
    #[arg(long, value_enum, value_name = "FORMAT", env = "QUAY_LOG_FORMAT")]
    pub log_format: Option<telemetry::Format>,
    /// Which log lines are written, such as `info` or `debug,hyper=warn`
    #[arg(long, value_name = "FILTER", env = "QUAY_LOG", default_value = "info")]
    pub log: String,
}

/// Reads the command line and does what it says.
#[must_use]
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(options) => serve_until_stopped(options),
        Command::Config { command: ConfigCommand::Check { folder } } => check(&folder),
        Command::Version => {
            say(&format!("quay-registry {VERSION}"));
            ExitCode::SUCCESS
        }
    }
}

fn serve_until_stopped(options: Serve) -> ExitCode {
    let format = options.log_format.unwrap_or_else(telemetry::Format::fitting);
    if let Err(error) = telemetry::install(format, &options.log) {
        complain(&format!("{error:#}"));
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("the runtime cannot be started: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(serve::run(options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            match error.downcast_ref::<quay_core::Error>() {
                Some(error) if error.is_schema_refused() => ExitCode::from(exit_code::SCHEMA_REFUSED),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

/// Prints all that is wrong; fails when anything is.
fn check(folder: &Path) -> ExitCode {
    let outcome = Folder::new(folder).read();
    let (warnings, problems) = match outcome {
        Ok(given) => {
            let problems = given::unsupported(&given.config);
            (given.warnings, problems)
        }
        Err(given::Error::Problems(problems)) => {
            (Vec::new(), problems.0.iter().map(ToString::to_string).collect())
        }
        Err(error) => (Vec::new(), vec![error.to_string()]),
    };
    for warning in warnings {
        say(&format!("warning: {warning}"));
    }
    for problem in &problems {
        say(&format!("problem: {problem}"));
    }
    if problems.is_empty() {
        say(&format!("{}: good", folder.display()));
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}

/// Nothing can be done about a closed pipe.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_of_serve_has_its_environment_name() {
        let command = Cli::command();
        let serve = command.find_subcommand("serve").expect("serve");
        for (option, name) in [
            ("config", "QUAY_CONFIG"),
            ("data", "QUAY_DATA"),
            ("listen", "QUAY_LISTEN"),
            ("ops_listen", "QUAY_OPS_LISTEN"),
            ("admin", "QUAY_ADMIN"),
            ("log", "QUAY_LOG"),
        ] {
            let found = serve.get_arguments().find(|argument| argument.get_id() == option).expect(option);
            assert_eq!(found.get_env().and_then(std::ffi::OsStr::to_str), Some(name));
        }
    }
}
