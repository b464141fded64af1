//! `serve`: puts everything together, runs it, and takes it down again.
//!
//! ```text
//! folders, locked ─► configuration, keys ─► Core ─► superuser ─► certificate ─► listeners ─► ready
//! SIGTERM or SIGINT ─► not ready ─► no new uploads, no new connections ─► in flight ≤ 25 s ─► Core closed
//! ```
//! Owns: the order of all this. Must not know: what any part does inside.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use jiff::Timestamp;
use quay_config::Config;
use quay_core::Core;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::cli::Serve;
use crate::folders::Folders;
use crate::given::{self, Folder};
use crate::health::{Health, Phase};
use crate::http::names::{Names, without_port};
use crate::http::{self, App, Parts};
use crate::listen::{self, Ended, Limits, Listener, Server};
use crate::metrics::Metrics;
use crate::own_ca::{OwnCa, local_names};
use crate::superuser::{self, Admin};
use crate::tasks::Tasks;
use crate::tls::{Pair, Serving};
use crate::{VERSION, follow, own_keys};

/// Requests in flight get this long to finish.
const DRAIN: Duration = Duration::from_secs(25);
/// Core's periodic work.
const HOUSEKEEPING: Duration = Duration::from_secs(60);
/// Pulls reach the log within this time; a crash loses no more.
const PULLS: Duration = Duration::from_secs(2);

/// Runs the registry until it is told to stop.
///
/// # Errors
/// When it cannot start, or cannot close its data.
pub async fn run(options: Serve) -> anyhow::Result<()> {
    let began = Instant::now();
    log_panics();
    let mut signals = Signals::install()?;
    let folders = Folders::make(&options.data)?;
    let tasks = Tasks::new();

    let mut start = Start::read(&options, &folders)?;
    let admin = match &options.admin {
        Some(folder) => Some(Admin::read(folder)?),
        None => None,
    };
    let superuser = match (&admin, start.folder.is_some()) {
        (Some(admin), _) => Some(admin.username.as_str()),
        (None, false) => Some(superuser::DEFAULT_NAME),
        (None, true) => None,
    };
    if let Some(name) = superuser
        && !start.config.super_users.iter().any(|known| known == name)
    {
        start.config.super_users.push(name.to_owned());
    }

    let core = Core::open(quay_core::Settings::new(start.config.clone(), &options.data))
        .await
        .with_context(|| format!("the data folder cannot be used: {}", options.data.display()))?;
    if let Some(admin) = &admin {
        admin.ensure(&core).await?;
    } else if superuser.is_some()
        && let Some(file) = superuser::first(&core, &folders.conf).await?
    {
        tracing::info!(
            username = superuser::DEFAULT_NAME,
            password_file = %file.display(),
            "the superuser's first password lies in a file; change it and delete the file"
        );
    }

    let https = Listener::bind(options.listen)
        .with_context(|| format!("HTTPS cannot be served: {}; choose another --listen", options.listen))?;
    let ops = Listener::bind(options.ops_listen).with_context(|| {
        format!("metrics cannot be served: {}; choose another --ops-listen", options.ops_listen)
    })?;
    let (https_address, ops_address) = (https.address(), ops.address());

    let serving = start.certificate(&folders, &tasks)?;
    let fallback = format!("localhost:{}", https_address.port());
    let app = App::new(Parts {
        core: core.clone(),
        names: Names::new(start.hostname(), Some(serving.clone()), &fallback),
        metrics: Metrics::new(VERSION),
        health: Health::new(),
        authority: http::authority::Authority::in_folders(options.config.as_deref(), &folders.conf),
        bodies: crate::v2::body::Budget::default(),
    });
    if let (Some(folder), Some(yaml)) = (&start.folder, &start.yaml) {
        let following = follow::configuration(
            folder.clone(),
            yaml.clone(),
            superuser.map(str::to_owned),
            app.clone(),
            serving.clone(),
            tasks.clone(),
        );
        tasks.start("configuration", following);
    }
    if let Some(folder) = &options.admin {
        tasks.start("admin", follow::admin(folder.clone(), core.clone(), tasks.clone()));
    }
    tasks.start("housekeeping", housekeeping(core.clone(), tasks.stopping()));
    tasks.start("pulls", write_pulls(core.clone(), tasks.stopping()));

    let stop = CancellationToken::new();
    let ops_stop = CancellationToken::new();
    let metrics = Arc::clone(&app.metrics);
    let plain = Server {
        router: http::ops_router(app.clone()),
        tls: None,
        limits: Limits { connections: 64, ..Limits::default() },
        metrics: Arc::clone(&metrics),
    };
    let secure = Server {
        router: http::router(app.clone()),
        tls: Some(serving.server_config()?),
        limits: Limits::default(),
        metrics,
    };
    let ops_ended = ops_stop.clone();
    tasks.start("ops", async move {
        listen::serve(ops, plain, ops_ended, Duration::from_secs(1)).await;
    });

    app.health.enter(Phase::Serving);
    folders.announce(https_address, ops_address);
    tracing::info!(
        listening = %https_address,
        ops = %ops_address,
        version = VERSION,
        started_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "ready"
    );

    let told = async {
        let name = signals.next().await;
        tracing::info!(signal = name, in_flight_s = DRAIN.as_secs(), "stopping");
        app.health.enter(Phase::Draining);
        core.drain();
        stop.cancel();
        // The second signal does not wait.
        signals.next().await;
    };
    let ended = tokio::select! {
        ended = listen::serve(https, secure, stop.clone(), DRAIN) => ended,
        () = told => Ended::Cut(0),
    };
    ops_stop.cancel();
    tasks.tell_to_stop();
    if !tasks.ended(Duration::from_secs(5)).await {
        tracing::warn!(left = tasks.alive(), "tasks did not end in time");
    }
    folders.clear_announcement();
    core.close().await.context("the data could not be closed in order; it is recovered at the next start")?;
    match ended {
        Ended::Drained => tracing::info!("stopped"),
        Ended::Cut(connections) => tracing::warn!(connections, "stopped; connections were cut"),
    }
    Ok(())
}

/// What a start begins with.
struct Start {
    folder: Option<Folder>,
    yaml: Option<String>,
    config: Config,
    pair: Option<Pair>,
}

impl Start {
    fn read(options: &Serve, folders: &Folders) -> anyhow::Result<Self> {
        let mut start = match &options.config {
            None => Self { folder: None, yaml: None, config: Config::default(), pair: None },
            Some(path) => {
                let folder = Folder::new(path);
                let given = folder.read()?;
                for warning in &given.warnings {
                    tracing::warn!("configuration: {warning}");
                }
                Self { folder: Some(folder), yaml: Some(given.yaml), config: given.config, pair: given.pair }
            }
        };
        let unsupported = given::unsupported(&start.config);
        if !unsupported.is_empty() {
            bail!("the configuration asks for what this version cannot do: {}", unsupported.join("; "));
        }
        own_keys::complete(&mut start.config, &folders.conf)?;
        Ok(start)
    }

    /// `SERVER_HOSTNAME` when it was given, not assumed.
    fn hostname(&self) -> Option<&str> {
        let assumed = Config::default().server_hostname;
        let given = self.folder.is_some() && self.config.server_hostname != assumed;
        given.then_some(self.config.server_hostname.as_str())
    }

    /// The certificate given, else one of our own that is renewed while we run.
    fn certificate(&mut self, folders: &Folders, tasks: &Tasks) -> anyhow::Result<Serving> {
        if let Some(pair) = self.pair.take() {
            return Ok(Serving::new(pair));
        }
        let own = OwnCa::in_folder(&folders.conf);
        let names = local_names(self.hostname().map(without_port));
        let serving = Serving::new(own.leaf(&names, Timestamp::now())?);
        tracing::info!(
            ca = %own.ca_certificate().display(),
            names = names.join(" "),
            "serving a certificate of our own; clients trust it by its CA"
        );
        tasks.start("own leaf", follow::own_leaf(own, names, serving.clone(), tasks.clone()));
        Ok(serving)
    }
}

/// Core's periodic work: leases, sessions, keys, what is written behind.
async fn housekeeping(core: Core, stop: CancellationToken) {
    let mut ticks = interval(HOUSEKEEPING);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match core.housekeeping().await {
            Ok(kept) => tracing::debug!(?kept, "housekeeping"),
            Err(error) => tracing::error!(%error, "housekeeping failed; it is tried again in a minute"),
        }
    }
}

/// Writes pulls down behind the requests.
async fn write_pulls(core: Core, stop: CancellationToken) {
    let mut ticks = interval(PULLS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = core.flush_pulls().await {
            tracing::error!(%error, "pulls cannot be written to the log; they are counted as dropped");
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn install() -> anyhow::Result<Self> {
        let watch = |kind| signal(kind).context("signals cannot be watched");
        Ok(Self { terminate: watch(SignalKind::terminate())?, interrupt: watch(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// A panic is a log line like any other; the layer around requests answers 500.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic
            .payload()
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.payload().downcast_ref::<String>().cloned())
            .unwrap_or_default();
        tracing::error!(place, message, "panic");
    }));
}
