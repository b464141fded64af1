//! One `quay-registry` process: a folder to run in (`Site`), which outlives it, and the process itself (`Registry`).
//!
//! The program is `QUAY_REGISTRY_BIN`, else `debug/quay-registry` in the target folder. Every process gets port 0 and
//! a temporary folder, so tests run beside each other; its output is a log of the run.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::accounts::{Credentials, password, unique};
use crate::client::Client;
use crate::out::{self, Kind};
use crate::secrets;
use crate::tls::{Authority, Pair};
use crate::until::until;

/// How long a start may take on a busy machine.
const START: Duration = Duration::from_secs(60);
/// Longer than the 25 s that a drain may take.
const STOP: Duration = Duration::from_secs(40);

/// The user a registry without configuration makes.
pub const DEFAULT_USER: &str = "quayadmin";

/// Where the program under test lies.
pub fn program() -> Result<PathBuf> {
    let path = match std::env::var_os("QUAY_REGISTRY_BIN") {
        Some(path) => PathBuf::from(path),
        None => out::target().join("debug/quay-registry"),
    };
    ensure!(
        path.try_exists()?,
        "no registry at {}; build it with `cargo build -p quay-registry`, or set QUAY_REGISTRY_BIN",
        path.display()
    );
    Ok(path)
}

/// A folder with everything a registry starts from and leaves behind.
pub struct Site {
    root: TempDir,
    configured: Option<Configured>,
    name: String,
}

struct Configured {
    authority: Authority,
    superuser: Credentials,
}

impl Site {
    /// A folder without any configuration: `serve` has to make all it needs.
    pub fn bare() -> Result<Site> {
        let root = tempfile::tempdir().context("make a folder")?;
        Ok(Site { root, configured: None, name: unique(&format!("{}-", out::test_name())) })
    }

    /// A folder with a `config.yaml` (`extra` is appended to what it needs), a certificate and a superuser's Secret.
    pub fn configured(extra: &str) -> Result<Site> {
        let mut site = Site::bare()?;
        let authority = Authority::new("quay-tests authority")?;
        let superuser = Credentials::fresh(DEFAULT_USER)?;
        for folder in [site.config(), site.admin()] {
            fs::DirBuilder::new().mode(0o700).create(folder)?;
        }
        let (secret_key, database_key) = (password(), password());
        secrets::known(&secret_key)?;
        secrets::known(&database_key)?;
        site.write_config(&format!(
            "SERVER_HOSTNAME: localhost\nPREFERRED_URL_SCHEME: https\nSECRET_KEY: {secret_key}\n\
             DATABASE_SECRET_KEY: {database_key}\nSUPER_USERS: [{DEFAULT_USER}]\n{extra}"
        ))?;
        site.write_pair(&authority.leaf(&["localhost", "127.0.0.1"])?)?;
        fs::write(site.admin().join("username"), &superuser.username)?;
        fs::write(site.admin().join("password"), &superuser.password)?;
        fs::write(site.admin().join("email"), "quayadmin@example.com")?;
        site.configured = Some(Configured { authority, superuser });
        Ok(site)
    }

    /// The folder of everything the registry keeps.
    pub fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    /// The folder with `config.yaml`, `ssl.cert` and `ssl.key`.
    pub fn config(&self) -> PathBuf {
        self.root.path().join("config")
    }

    /// The folder with the superuser's name and password.
    pub fn admin(&self) -> PathBuf {
        self.root.path().join("admin")
    }

    /// Some folder for the test's own files.
    pub fn scratch(&self, name: &str) -> Result<PathBuf> {
        let folder = self.root.path().join(name);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Replaces `config.yaml`.
    pub fn write_config(&self, yaml: &str) -> Result<()> {
        replace(&self.config().join("config.yaml"), yaml)
    }

    /// What `config.yaml` holds now.
    pub fn read_config(&self) -> Result<String> {
        Ok(fs::read_to_string(self.config().join("config.yaml"))?)
    }

    /// Replaces the certificate and its key.
    pub fn write_pair(&self, pair: &Pair) -> Result<()> {
        replace(&self.config().join("ssl.key"), &pair.key)?;
        replace(&self.config().join("ssl.cert"), &pair.cert)
    }

    /// The authority of a configured site.
    pub fn authority(&self) -> Result<&Authority> {
        Ok(&self.configured.as_ref().context("the site has no configuration")?.authority)
    }

    /// The file with the password that a bare registry made.
    pub fn first_password_file(&self) -> PathBuf {
        self.data().join("conf/initial-admin-password")
    }

    /// The superuser: of the Secret, or the one a bare registry made (after its first start).
    pub fn superuser(&self) -> Result<Credentials> {
        if let Some(configured) = &self.configured {
            return Ok(configured.superuser.clone());
        }
        let path = self.first_password_file();
        let text = fs::read_to_string(&path)
            .with_context(|| format!("read the first password from {}", path.display()))?;
        Credentials::new(DEFAULT_USER, text.trim())
    }

    /// The authority to trust, as PEM.
    pub fn ca(&self) -> Result<String> {
        match &self.configured {
            Some(configured) => Ok(configured.authority.pem()),
            None => {
                let path = self.data().join("conf/ca.crt");
                fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
            }
        }
    }

    /// The authority to trust, as a file called `ca.crt` in a folder of its own (what skopeo wants).
    pub fn ca_file(&self) -> Result<PathBuf> {
        let path = self.scratch("trust")?.join("ca.crt");
        fs::write(&path, self.ca()?)?;
        Ok(path)
    }

    /// The command line of `serve` for this folder; its output goes to the log.
    pub fn serve(&self) -> Result<Command> {
        let mut args: Vec<OsString> = vec!["serve".into(), "--data".into(), self.data().into()];
        args.extend(["--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"].map(OsString::from));
        if self.configured.is_some() {
            args.extend(["--config".into(), self.config().into(), "--admin".into(), self.admin().into()]);
        }
        self.command(args)
    }

    /// Any command line of the program, in this folder; its output goes to the log.
    pub fn command<I: IntoIterator<Item = A>, A: Into<OsString>>(&self, args: I) -> Result<Command> {
        let (_, log) = out::log(Kind::Registry, &self.name)?;
        let mut command = Command::new(program()?);
        command.args(args.into_iter().map(Into::into)).current_dir(self.root.path());
        for name in ["QUAY_CONFIG", "QUAY_DATA", "QUAY_LISTEN", "QUAY_OPS_LISTEN", "QUAY_ADMIN"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        Ok(command)
    }

    /// What the registry has written to its log so far.
    pub fn log(&self) -> Result<String> {
        let (path, _) = out::log(Kind::Registry, &self.name)?;
        Ok(fs::read_to_string(path)?)
    }

    /// Starts the registry and waits until it says that it is ready.
    pub async fn start(&self) -> Result<Registry> {
        self.start_with(self.serve()?).await
    }

    /// The same with a command line of the test's own, which must use this folder and port 0.
    pub async fn start_with(&self, mut command: Command) -> Result<Registry> {
        let file = self.data().join("run/listen.json");
        match fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let mut child = command.spawn().context("start the registry")?;
        let pid = child.id().context("the registry has no process id")?;
        let started = until("the registry to listen", START, || {
            let ended = child.try_wait();
            let read = fs::read(&file);
            async move {
                if let Some(status) = ended? {
                    return Ok(Err(status));
                }
                let listen: Listen = serde_json::from_slice(&read.context("read run/listen.json")?)?;
                ensure!(listen.pid == pid, "run/listen.json is of process {}", listen.pid);
                Ok(Ok(listen))
            }
        })
        .await;
        let listen = match started {
            Ok(Ok(listen)) => listen,
            Ok(Err(status)) => bail!("the registry ended at once with {status}:\n{}", self.log()?),
            Err(error) => return Err(error.context(self.log()?)),
        };
        let client = Client::new(&format!("localhost:{}", listen.https.port()), &self.ca()?)?;
        let registry = Registry { child, https: listen.https, ops: listen.ops, client };
        until("the registry to be ready", START, || async {
            registry.client.anonymous().get("/readyz").send().await?.expect(200).map(drop)
        })
        .await
        .map_err(|error| error.context(self.log().unwrap_or_default()))?;
        Ok(registry)
    }

    /// Starts a registry that is expected to refuse: how it ended.
    pub async fn start_refused(&self) -> Result<ExitStatus> {
        let mut child = self.serve()?.spawn().context("start the registry")?;
        wait(&mut child, START).await
    }
}

#[derive(Deserialize)]
struct Listen {
    https: SocketAddr,
    ops: SocketAddr,
    pid: u32,
}

/// A running registry; it ends with the value.
pub struct Registry {
    child: Child,
    https: SocketAddr,
    ops: SocketAddr,
    client: Client,
}

impl Registry {
    /// The address of TLS.
    pub fn https(&self) -> SocketAddr {
        self.https
    }

    /// The address of health and metrics.
    pub fn ops(&self) -> SocketAddr {
        self.ops
    }

    /// `localhost:PORT`, as clients write it in front of a repository.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.https.port())
    }

    /// Talks to it.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The process id.
    pub fn pid(&self) -> Result<Pid> {
        let id = self.child.id().context("the registry has ended")?;
        Pid::from_raw(id.cast_signed()).context("a process id is positive")
    }

    /// Sends SIGTERM and does not wait.
    pub fn signal_termination(&self) -> Result<()> {
        Ok(kill_process(self.pid()?, Signal::TERM)?)
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        wait(&mut self.child, STOP).await
    }

    /// Ends it as an administrator does, and returns how it ended.
    pub async fn terminate(mut self) -> Result<ExitStatus> {
        self.signal_termination()?;
        self.ended().await
    }

    /// Ends it as a power cut of the machine's scheduler would: SIGKILL, no chance to clean up.
    pub async fn kill(mut self) -> Result<()> {
        kill_process(self.pid()?, Signal::KILL)?;
        self.ended().await.map(drop)
    }
}

async fn wait(child: &mut Child, limit: Duration) -> Result<ExitStatus> {
    tokio::time::timeout(limit, child.wait())
        .await
        .map_err(|_| anyhow!("the registry did not end within {limit:?}"))?
        .context("wait for the registry")
}

/// Writes beside and renames, as whoever edits a live folder should.
fn replace(path: &Path, text: &str) -> Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    fs::write(&beside, text)?;
    fs::rename(&beside, path)?;
    Ok(())
}
