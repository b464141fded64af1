//! The listener: TLS with a certificate that changes, limits against slow and greedy peers, and a graceful end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use jiff::Timestamp;
use quay_registry::listen::{Ended, Limits, Listener, Server, serve};
use quay_registry::metrics::Metrics;
use quay_registry::own_ca::OwnCa;
use quay_registry::tls::Serving;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

/// Long enough for any machine; nothing waits that long when it works.
const DEADLINE: Duration = Duration::from_secs(30);

/// A listener in the background.
struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: JoinSet<Ended>,
}

impl Running {
    fn start(router: Router, serving: Option<&Serving>, limits: Limits, drain: Duration) -> Self {
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("binds");
        let address = listener.address();
        let stop = CancellationToken::new();
        let tls = serving.map(|serving| serving.server_config().expect("a configuration"));
        let server = Server { router, tls, limits, metrics: Metrics::new("test") };
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, server, stop.clone(), drain));
        Self { address, stop, tasks }
    }

    async fn ended(&mut self) -> Ended {
        let ended = tokio::time::timeout(DEADLINE, self.tasks.join_next()).await;
        ended.expect("ends in time").expect("was running").expect("did not panic")
    }

    async fn plain(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("connects")
    }
}

/// A handler that answers when the test says so, and tells that it was reached.
#[derive(Clone)]
struct Gate {
    reached: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    fn new() -> Self {
        Self { reached: Arc::new(Semaphore::new(0)), open: Arc::new(Semaphore::new(0)) }
    }

    fn router(&self) -> Router {
        let gate = self.clone();
        let wait = move || {
            let gate = gate.clone();
            async move {
                gate.reached.add_permits(1);
                gate.open.acquire().await.expect("open").forget();
                "finished"
            }
        };
        Router::new().route("/slow", get(wait)).route("/", get(|| async { "hello" }))
    }

    async fn reached(&self) {
        let reached = tokio::time::timeout(DEADLINE, self.reached.acquire()).await;
        reached.expect("in time").expect("open").forget();
    }
}

async fn ask(stream: &mut (impl AsyncWrite + Unpin), path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("writes");
}

/// Everything until the peer closes.
async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = Vec::new();
    let read = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut text)).await;
    read.expect("closed in time").ok();
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn a_request_in_flight_is_finished_and_nobody_new_is_let_in() {
    let gate = Gate::new();
    let mut running = Running::start(gate.router(), None, Limits::default(), DEADLINE);
    let mut stream = running.plain().await;
    let mut idle = running.plain().await;
    ask(&mut idle, "/").await;
    ask(&mut stream, "/slow").await;
    gate.reached().await;
    running.stop.cancel();
    assert!(rest(&mut idle).await.contains("hello"), "an idle connection is closed after its answer");
    // The socket is closed once the idle connection was: the listener had seen the stop.
    while TcpStream::connect(running.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    gate.open.add_permits(1);
    assert!(rest(&mut stream).await.ends_with("finished"));
    assert_eq!(running.ended().await, Ended::Drained);
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut() {
    let gate = Gate::new();
    let mut running = Running::start(gate.router(), None, Limits::default(), Duration::from_millis(50));
    let mut stream = running.plain().await;
    ask(&mut stream, "/slow").await;
    gate.reached().await;
    running.stop.cancel();
    assert_eq!(running.ended().await, Ended::Cut(1));
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn half_a_request_is_closed_after_the_header_time_out_and_a_silent_handshake_too() {
    let limits = Limits {
        headers: Duration::from_millis(50),
        handshake: Duration::from_millis(50),
        ..Limits::default()
    };
    let running = Running::start(Gate::new().router(), None, limits, DEADLINE);
    let mut half = running.plain().await;
    half.write_all(b"GET / HTTP/1.1\r\nhost: loc").await.expect("writes");
    assert!(!rest(&mut half).await.contains("hello"));

    let (_folder, _own, serving) = certified();
    let secure = Running::start(Gate::new().router(), Some(&serving), limits, DEADLINE);
    assert_eq!(rest(&mut secure.plain().await).await, "");
}

#[tokio::test]
async fn a_body_that_stands_still_does_not_hold_its_connection() {
    let limits = Limits { stall: Duration::from_millis(50), ..Limits::default() };
    let router = Router::new().route("/", post(|body: String| async move { body }));
    let running = Running::start(router, None, limits, DEADLINE);
    let mut stream = running.plain().await;
    stream
        .write_all(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nten bytes.")
        .await
        .expect("writes");
    assert!(!rest(&mut stream).await.contains("200 OK"));
}

#[tokio::test]
async fn headers_over_the_limit_are_refused() {
    let running = Running::start(Gate::new().router(), None, Limits::default(), DEADLINE);
    let mut stream = running.plain().await;
    let request = format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "y".repeat(40 * 1024));
    stream.write_all(request.as_bytes()).await.expect("writes");
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_their_turn() {
    let gate = Gate::new();
    let limits = Limits { connections: 1, ..Limits::default() };
    let running = Running::start(gate.router(), None, limits, DEADLINE);
    let mut first = running.plain().await;
    ask(&mut first, "/slow").await;
    gate.reached().await;
    let mut second = running.plain().await;
    ask(&mut second, "/").await;
    gate.open.add_permits(1);
    first.shutdown().await.expect("shuts down");
    assert!(rest(&mut first).await.ends_with("finished"));
    let mut answer = [0u8; 15];
    tokio::time::timeout(DEADLINE, second.read_exact(&mut answer))
        .await
        .expect("in time")
        .expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
}

#[tokio::test]
async fn a_new_certificate_is_served_to_new_connections_while_old_ones_go_on() {
    let (_folder, own, serving) = certified();
    let running = Running::start(Gate::new().router(), Some(&serving), Limits::default(), DEADLINE);
    let ca = CertificateDer::from_pem_file(own.ca_certificate()).expect("a CA");

    let (mut old, first) = secure(&running, &ca, b"http/1.1").await;
    let wider = ["localhost".to_owned(), "registry.example".to_owned()];
    serving.swap(own.leaf(&wider, Timestamp::now()).expect("a leaf"));
    assert!(serving.covers("registry.example"));
    let (_, second) = secure(&running, &ca, b"http/1.1").await;
    assert_ne!(first, second, "a new handshake sees the new leaf");

    ask(&mut old, "/").await;
    let mut answer = [0u8; 15];
    old.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
}

#[tokio::test]
async fn http2_is_spoken_to_who_asks_for_it() {
    let (_folder, own, serving) = certified();
    let running = Running::start(Gate::new().router(), Some(&serving), Limits::default(), DEADLINE);
    let url = format!("https://localhost:{}/", running.address.port());
    let answer = client(&own).get(url).send().await.expect("an answer");
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    assert_eq!(answer.text().await.expect("a body"), "hello");
}

/// What a client of HTTP/2 begins with: the preface and its settings, all as they are.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The frame that tells a client to go: its type, no flags, and that it is about the whole connection.
const GOAWAY: &[u8] = b"\x07\0\0\0\0\0";

#[tokio::test]
async fn an_http2_connection_without_requests_is_told_to_go_and_one_with_a_request_under_way_is_not() {
    let (_folder, own, serving) = certified();
    let limits = Limits { headers: Duration::from_millis(50), ..Limits::default() };
    let gate = Gate::new();
    let running = Running::start(gate.router(), Some(&serving), limits, DEADLINE);
    let ca = CertificateDer::from_pem_file(own.ca_certificate()).expect("a CA");

    let slow = client(&own).get(format!("https://localhost:{}/slow", running.address.port())).send();
    let mut asking = JoinSet::new();
    asking.spawn(slow);
    gate.reached().await;

    // It answers nothing, so it is cut when it is told and does not go.
    let (mut idle, _) = secure(&running, &ca, b"h2").await;
    idle.write_all(PREFACE).await.expect("writes");
    let mut told = Vec::new();
    let read = tokio::time::timeout(DEADLINE, idle.read_to_end(&mut told)).await;
    read.expect("closed in time").ok();
    assert!(told.windows(GOAWAY.len()).any(|frame| frame == GOAWAY), "{told:?}");

    // The other has been there for longer than the idle one was let.
    assert!(asking.try_join_next().is_none());
    gate.open.add_permits(1);
    let answer = asking.join_next().await.expect("asked").expect("no panic").expect("an answer");
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    assert_eq!(answer.text().await.expect("a body"), "finished");
    assert_eq!(gate.reached.available_permits(), 0, "it was asked once");
}

/// How a client of HTTP/2 asks for `/`: a frame of headers on the first stream, which they end.
const ASKS: &[u8] = b"\0\0\x0e\x01\x05\0\0\0\x01\x82\x84\x87\x41\x09localhost";

#[tokio::test]
async fn a_slow_reader_that_was_told_to_go_reads_to_the_end_and_one_that_stopped_reading_is_cut() {
    const PIECE: usize = 16 * 1024;
    const PIECES: usize = 40;
    let (_folder, own, serving) = certified();
    let limits = Limits { headers: Duration::from_millis(600), ..Limits::default() };
    // An answer in one piece is handed over at once: its stream has ended, and the most of it waits for the reader.
    let router = Router::new().route("/", get(|| async { vec![b'x'; PIECE * PIECES] }));
    let running = Running::start(router, Some(&serving), limits, DEADLINE);
    let ca = CertificateDer::from_pem_file(own.ca_certificate()).expect("a CA");

    let narrow = trusting(&own).http2_initial_stream_window_size(PIECE as u32).build().expect("a client");
    let url = format!("https://localhost:{}/", running.address.port());
    let mut answer = narrow.get(url).send().await.expect("an answer");
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    // It takes several times as long as it takes to be told, and to be cut when nothing moves.
    let mut pace = tokio::time::interval(limits.headers / 5);
    let mut read = 0;
    while let Some(piece) = answer.chunk().await.expect("all of it") {
        read += piece.len();
        pace.tick().await;
    }
    assert_eq!(read, PIECE * PIECES);

    // The control: this one makes no room for more than the first 64 KiB.
    let (mut full, _) = secure(&running, &ca, b"h2").await;
    full.write_all(&[PREFACE, ASKS].concat()).await.expect("writes");
    let mut got = Vec::new();
    // Sooner than for the pings that it leaves unanswered.
    let read = tokio::time::timeout(Duration::from_secs(15), full.read_to_end(&mut got)).await;
    read.expect("closed in time").ok();
    assert!(got.windows(GOAWAY.len()).any(|frame| frame == GOAWAY), "it was told");
    assert!((60_000..70_000).contains(&got.len()), "{}", got.len());
}

/// A ping of HTTP/2: eight bytes about the whole connection, to be sent back.
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0pingping";

#[tokio::test]
async fn a_client_that_was_told_to_go_is_cut_in_the_end_however_much_it_pings() {
    let (_folder, own, serving) = certified();
    let limits = Limits { headers: Duration::from_millis(30), ..Limits::default() };
    let running = Running::start(Gate::new().router(), Some(&serving), limits, DEADLINE);
    let ca = CertificateDer::from_pem_file(own.ca_certificate()).expect("a CA");
    let (stream, _) = secure(&running, &ca, b"h2").await;
    let (mut answers, mut pings) = tokio::io::split(stream);
    pings.write_all(PREFACE).await.expect("writes");
    // More answers than anybody who reads slowly would take.
    let many = PING.repeat(1024);
    let mut pace = tokio::time::interval(limits.headers / 3);
    let ping = async {
        while pings.write_all(&many).await.is_ok() {
            pace.tick().await;
        }
    };
    let mut got = Vec::new();
    let cut = async {
        tokio::select! {
            _ = answers.read_to_end(&mut got) => {}
            () = ping => {}
        }
    };
    // Sooner than for the server's own pings, which it leaves unanswered.
    tokio::time::timeout(Duration::from_secs(15), cut).await.expect("cut in time");
    assert!(got.windows(GOAWAY.len()).any(|frame| frame == GOAWAY), "it was told");
    let answered = got.windows(8).filter(|bytes| *bytes == b"pingping").count();
    assert!(answered > 0, "its pings were answered");
}

/// An authority of its own and what it certifies as localhost; both need the folder.
fn certified() -> (tempfile::TempDir, OwnCa, Serving) {
    let folder = tempfile::tempdir().expect("a folder");
    let own = OwnCa::in_folder(folder.path());
    let pair = own.leaf(&["localhost".to_owned()], Timestamp::now()).expect("a leaf");
    (folder, own, Serving::new(pair))
}

/// A client that trusts `own` and speaks HTTP/2 where it is spoken.
fn client(own: &OwnCa) -> reqwest::Client {
    trusting(own).build().expect("a client")
}

fn trusting(own: &OwnCa) -> reqwest::ClientBuilder {
    let pem = std::fs::read(own.ca_certificate()).expect("a CA");
    reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(&pem).expect("a certificate")])
        .no_proxy()
}

/// A TLS connection, and the leaf that it was shown.
async fn secure(
    running: &Running,
    ca: &CertificateDer<'static>,
    protocol: &[u8],
) -> (tokio_rustls::client::TlsStream<TcpStream>, Vec<u8>) {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca.clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let name = ServerName::try_from("localhost").expect("a name");
    let stream =
        TlsConnector::from(Arc::new(config)).connect(name, running.plain().await).await.expect("a handshake");
    let leaf = stream.get_ref().1.peer_certificates().expect("certificates")[0].to_vec();
    (stream, leaf)
}
