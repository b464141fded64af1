//! The binary as a person starts it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

const DEADLINE: Duration = Duration::from_secs(60);

struct Process {
    child: Child,
    log: Arc<Mutex<String>>,
    readers: JoinSet<()>,
    https: String,
    ops: String,
}

/// Waits until `condition` gives something.
async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let wait = async {
        loop {
            ticks.tick().await;
            if let Some(value) = condition().await {
                return value;
            }
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.expect(what)
}

fn there(path: &Path) -> bool {
    path.try_exists().expect("looked")
}

/// Collects lines as they come.
async fn read(lines: impl AsyncRead + Unpin, log: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(lines).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        log.lock().expect("nobody panics with it").extend([line.as_str(), "\n"]);
    }
}

impl Process {
    async fn start(data: &Path, options: &[&str]) -> Self {
        let announced = data.join("run/listen.json");
        assert!(!there(&announced), "the last run took its addresses back");
        let mut child = Command::new(env!("CARGO_BIN_EXE_quay-registry"))
            .args(["serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(options)
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("starts");
        let listening = until("listen.json", async || {
            assert_eq!(child.try_wait().expect("asked"), None, "it ended instead of serving");
            let text = std::fs::read(&announced).ok()?;
            serde_json::from_slice::<Value>(&text).ok()
        })
        .await;
        let field = |name: &str| listening[name].as_str().expect("an address").to_owned();
        assert_eq!(listening["pid"].as_u64(), child.id().map(u64::from));
        let log = Arc::new(Mutex::new(String::new()));
        let mut readers = JoinSet::new();
        readers.spawn(read(child.stdout.take().expect("piped"), Arc::clone(&log)));
        readers.spawn(read(child.stderr.take().expect("piped"), Arc::clone(&log)));
        Self { https: field("https"), ops: field("ops"), child, log, readers }
    }

    /// A client that trusts `ca` only.
    fn client(ca: &Path) -> reqwest::Client {
        let pem = std::fs::read(ca).expect("a CA");
        let certificate = reqwest::Certificate::from_pem(&pem).expect("a certificate");
        reqwest::Client::builder().tls_certs_only([certificate]).no_proxy().build().expect("a client")
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.https)
    }

    /// Tells it to stop; answers with all it logged.
    async fn stop(mut self) -> String {
        let id = i32::try_from(self.child.id().expect("alive")).expect("an id");
        let id = rustix::process::Pid::from_raw(id).expect("an id");
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("told");
        let status =
            tokio::time::timeout(DEADLINE, self.child.wait()).await.expect("ends in time").expect("waited");
        assert_eq!(status.code(), Some(0));
        while self.readers.join_next().await.is_some() {}
        self.logged()
    }

    /// All that it logged until now.
    fn logged(&self) -> String {
        self.log.lock().expect("nobody panics with it").clone()
    }
}

#[tokio::test]
async fn serve_alone_makes_all_it_needs_and_keeps_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("quay-data");
    let process = Process::start(&data, &[]).await;
    let file = data.join("conf/initial-admin-password");
    assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    let password = std::fs::read_to_string(&file).expect("text").trim().to_owned();
    assert!(password.len() >= 32);

    let client = Process::client(&data.join("conf/ca.crt"));
    let nobody = client.get(process.url("/v2/")).send().await.expect("an answer");
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
    let realm = format!("Bearer realm=\"https://{}/v2/auth\"", process.https);
    assert!(nobody.headers()["www-authenticate"].to_str().expect("text").starts_with(&realm));
    let signed_in = client.get(process.url("/v2/")).basic_auth("quayadmin", Some(&password)).send().await;
    assert_eq!(signed_in.expect("an answer").status(), StatusCode::OK);

    let metrics = reqwest::get(format!("http://{}/metrics", process.ops)).await.expect("an answer");
    let metrics = metrics.text().await.expect("text");
    for name in ["quay_http_requests_total{", "quay_build_info{", "process_resident_memory_bytes ", "# EOF"] {
        assert!(metrics.contains(name), "{name} in {metrics}");
    }
    let outside = client.get(process.url("/metrics")).send().await.expect("an answer");
    assert_eq!(outside.status(), StatusCode::NOT_FOUND);

    let log = process.stop().await;
    assert!(
        log.contains("initial-admin-password") && !log.contains(&password),
        "the path, never the password"
    );

    let again = Process::start(&data, &[]).await;
    assert_eq!(std::fs::read_to_string(&file).expect("text").trim(), password);
    let signed_in = client.get(again.url("/v2/")).basic_auth("quayadmin", Some(&password)).send().await;
    assert_eq!(signed_in.expect("the same CA").status(), StatusCode::OK);
    again.stop().await;
}

#[tokio::test]
async fn a_folder_with_configuration_and_superuser_is_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, admin, data) =
        (folder.path().join("stack"), folder.path().join("admin"), folder.path().join("data"));
    for made in [&config, &admin] {
        std::fs::create_dir(made).expect("made");
    }
    let own = quay_registry::own_ca::OwnCa::in_folder(folder.path());
    let give_certificate = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        own.leaf(&names, jiff::Timestamp::now()).expect("a leaf");
        for (from, to) in [("leaf-key.pem", "ssl.key"), ("leaf.pem", "ssl.cert")] {
            std::fs::copy(folder.path().join(from), config.join(to)).expect("copied");
        }
    };
    give_certificate(&["127.0.0.1"]);
    std::fs::write(config.join("config.yaml"), "SERVER_HOSTNAME: registry.example\nSUPER_USERS: [boss]\n")
        .expect("written");
    std::fs::write(admin.join("username"), "boss").expect("written");
    std::fs::write(admin.join("password"), "first-password\n").expect("written");

    let text = |path: &Path| path.to_str().expect("text").to_owned();
    let options = ["--config", &text(&config), "--admin", &text(&admin)];
    let process = Process::start(&data, &options).await;
    let client = Process::client(&own.ca_certificate());
    let sign_in = async |password: &str| {
        let answer = client.get(process.url("/v2/")).basic_auth("boss", Some(password)).send().await;
        answer.expect("an answer").status()
    };
    assert_eq!(sign_in("first-password").await, StatusCode::OK);
    assert!(!there(&data.join("conf/initial-admin-password")), "there is a superuser already");

    std::fs::write(admin.join("password"), "second-password").expect("written");
    // Looked for in the log: trying a password that is still wrong would lock the account for a while.
    let changes = || process.logged().matches("the superuser's password follows").count();
    until("the second password", async || (changes() == 1).then_some(())).await;
    assert_eq!(sign_in("second-password").await, StatusCode::OK);

    give_certificate(&["127.0.0.1", "new.example"]);
    let port = process.https.rsplit_once(':').expect("a port").1.to_owned();
    let by_name = async || {
        let pem = std::fs::read(own.ca_certificate()).expect("a CA");
        let client = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&pem).expect("a certificate")])
            .resolve("new.example", process.https.parse().expect("an address"))
            .no_proxy()
            .build()
            .expect("a client");
        client.get(format!("https://new.example:{port}/v2/")).send().await.ok()
    };
    let answer = until("the new certificate", by_name).await;
    let challenge = answer.headers()["www-authenticate"].to_str().expect("text").to_owned();
    assert!(
        challenge.contains(&format!("https://new.example:{port}/v2/auth")),
        "a name of the certificate is ours"
    );

    std::fs::write(config.join("config.yaml"), "SERVER_HOSTNAME: [wrong\n").expect("written");
    give_certificate(&["127.0.0.1", "new.example", "newer.example"]);
    until("the certificate beside what is wrong", async || {
        process.logged().contains("newer.example").then_some(())
    })
    .await;
    std::fs::write(config.join("ssl.cert"), "no certificate").expect("written");
    std::fs::write(admin.join("password"), "third-password").expect("written");
    until("the third password", async || (changes() == 2).then_some(())).await;
    until("the refusal", async || process.logged().contains("the old one stays in force").then_some(()))
        .await;
    assert_eq!(sign_in("third-password").await, StatusCode::OK);
    assert!(by_name().await.is_some(), "the old certificate stays in force");
    let log = process.stop().await;
    for secret in ["first-password", "second-password", "third-password"] {
        assert!(!log.contains(secret));
    }
}

#[tokio::test]
async fn config_check_prints_every_problem_and_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = || {
        Command::new(env!("CARGO_BIN_EXE_quay-registry"))
            .args(["config", "check"])
            .arg(folder.path())
            .output()
    };
    std::fs::write(folder.path().join("config.yaml"), "SERVER_HOSTNAME: 'a b'\nSUPER_USERS: 17\n")
        .expect("written");
    let output = check().await.expect("ran");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("SERVER_HOSTNAME") && text.contains("SUPER_USERS"), "{text}");
    std::fs::write(folder.path().join("config.yaml"), "SERVER_HOSTNAME: registry.example\n")
        .expect("written");
    let output = check().await.expect("ran");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}
