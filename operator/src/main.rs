//! `quay-operator run | crd`.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand, ValueEnum};
use quay_operator::{crd, run};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const EXAMPLES: &str = "Examples:
  quay-operator crd | kubectl apply --server-side -f -   install the definition of QuayRegistry
  quay-operator run                                      reconcile the registries of all namespaces
  WATCH_NAMESPACE=dev,test quay-operator run             reconcile the registries of these namespaces";

/// Turns a QuayRegistry into a running registry.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Reconcile registries until told to end.
    #[command(after_help = EXAMPLES)]
    Run(Run),
    /// Print the definition of QuayRegistry as YAML.
    Crd,
}

#[derive(clap::Args)]
struct Run {
    /// Where /healthz, /readyz and /metrics are served.
    #[arg(long, env = "OPS_LISTEN", default_value = "0.0.0.0:8383")]
    ops_listen: SocketAddr,
    /// The only namespaces to watch, separated by commas; all when empty.
    #[arg(long = "namespace", env = "WATCH_NAMESPACE", default_value = "")]
    watched: run::Watched,
    /// Image of the registry.
    #[arg(long, env = "RELATED_IMAGE_COMPONENT_QUAY", default_value = concat!("localhost/quay-registry:", env!("CARGO_PKG_VERSION")))]
    registry_image: String,
    /// The operator's own namespace, where its Lease lies.
    #[arg(long, env = "POD_NAMESPACE")]
    pod_namespace: Option<String>,
    /// The name of this replica.
    #[arg(long, env = "POD_NAME")]
    pod_name: Option<String>,
    /// How to write logs; text on a terminal and json elsewhere when absent.
    #[arg(long, env = "LOG_FORMAT")]
    log_format: Option<LogFormat>,
    /// What to log.
    #[arg(long, env = "QUAY_LOG", default_value = "info,kube_client::client::builder=off")]
    log: String,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Json,
    Text,
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Crd => report(print_definition()),
        Command::Run(options) => report(operate(options)),
    }
}

fn report(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "quay-operator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn print_definition() -> anyhow::Result<()> {
    let yaml = crd::yaml().context("writing the definition as YAML")?;
    std::io::stdout().write_all(yaml.as_bytes()).context("writing to standard output")
}

fn operate(options: Run) -> anyhow::Result<()> {
    log(&options)?;
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a TLS provider is installed already"))?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    let text = |text: String| Some(text).filter(|text| !text.is_empty());
    runtime.block_on(run::run(run::Options {
        ops_listen: options.ops_listen,
        watched: options.watched,
        pod_namespace: options.pod_namespace.and_then(text),
        pod_name: options.pod_name.and_then(text),
        image: options.registry_image,
    }))?;
    Ok(())
}

fn log(options: &Run) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&options.log).context("reading --log")?;
    let format = options.log_format.unwrap_or(if std::io::stdout().is_terminal() {
        LogFormat::Text
    } else {
        LogFormat::Json
    });
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter);
    match format {
        LogFormat::Json => {
            subscriber.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
        }
        LogFormat::Text => subscriber.init(),
    }
    Ok(())
}
