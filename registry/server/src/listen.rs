//! From a socket to requests: accepting, TLS, limits against slow or greedy peers, and a graceful end.
//!
//! ```text
//! accept ─► permit ─► TLS handshake (deadline) ─► h1 or h2 by ALPN ─► router
//!    └ stop: close the socket, let requests in flight finish, then cut what is left
//! ```
//! Owns: connections. Must not know: what a request means.

mod plain;
mod stall;
mod streams;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::metrics::Metrics;
use crate::tasks::Tasks;

/// The address at the other end of the connection, as an extension of every request. It may be a proxy's: who asks is
/// told by [`crate::http::client::Client`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// What the requests of one connection take turns at, as an extension of each of them.
#[derive(Clone, Debug)]
pub struct Turns(Arc<Semaphore>);

impl Turns {
    /// So many at a time.
    #[must_use]
    pub fn new(at_a_time: usize) -> Self {
        Self(Arc::new(Semaphore::new(at_a_time)))
    }

    /// Waits for `turns`.
    ///
    /// # Errors
    /// Never: nobody closes it.
    pub async fn take(&self, turns: u32) -> Result<OwnedSemaphorePermit, AcquireError> {
        Arc::clone(&self.0).acquire_many_owned(turns).await
    }
}

/// An HTTP/2 connection that was told to go and stays is cut after so many times the limit that it was told after.
const TOLD: u32 = 3;

/// What one connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at the same time; more wait in the kernel's queue.
    pub connections: usize,
    /// From accept to the end of the TLS handshake.
    pub handshake: Duration,
    /// From the first byte (or the last answer) to the end of a request's headers. An HTTP/2 connection without requests
    /// is told to go after this time, and cut when it stays and nothing is sent to it for three times as long.
    pub headers: Duration,
    /// No byte moved in either direction while a request or an answer is under way.
    pub stall: Duration,
    /// Bytes of request line and headers.
    pub header_bytes: usize,
    /// Requests at the same time on one HTTP/2 connection.
    pub streams: u32,
    /// Of these, how many may have a form read for them at the same time.
    pub forms: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            handshake: Duration::from_secs(10),
            headers: Duration::from_secs(60),
            stall: Duration::from_secs(180),
            header_bytes: 32 * 1024,
            streams: 250,
            forms: 8,
        }
    }
}

/// A bound socket that does not accept yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address is taken or not ours.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        // A restart of many clients at once must not overflow the queue.
        let socket = socket.listen(4096)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// The address really bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// What a listener serves.
#[derive(Clone)]
pub struct Server {
    /// Every request goes here.
    pub router: Router,
    /// TLS, or plain HTTP/1.1 when absent.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Limits of each connection.
    pub limits: Limits,
    /// Counts connections.
    pub metrics: Arc<Metrics>,
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every request that had begun was answered.
    Drained,
    /// The drain deadline passed and this many connections were cut.
    Cut(usize),
}

/// Accepts and serves until `stop`, then lets requests in flight finish within `drain`.
pub async fn serve(listener: Listener, server: Server, stop: CancellationToken, drain: Duration) -> Ended {
    let connections = Tasks::new();
    let permits = Arc::new(Semaphore::new(server.limits.connections));
    let server = Arc::new(server);
    let socket = listener.socket;
    loop {
        let permit = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            permit = Arc::clone(&permits).acquire_owned() => match permit {
                Ok(permit) => permit,
                Err(_) => break,
            },
        };
        let (stream, peer) = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = socket.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors and the like: wait for some to be freed instead of spinning.
                    tracing::warn!(%error, "cannot accept connections; raise the limit of open files");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let connection = Connection {
            server: Arc::clone(&server),
            peer,
            tasks: connections.clone(),
            stop: stop.clone(),
            cut: connections.stopping(),
        };
        connections.start("connection", async move {
            let _permit = permit;
            let _counted = connection.server.metrics.connection();
            connection.run(stream).await;
        });
    }
    drop(socket);
    if connections.ended(drain).await {
        return Ended::Drained;
    }
    let left = connections.alive();
    connections.tell_to_stop();
    connections.ended(Duration::from_secs(1)).await;
    Ended::Cut(left)
}

/// One accepted connection.
struct Connection {
    server: Arc<Server>,
    peer: SocketAddr,
    tasks: Tasks,
    stop: CancellationToken,
    cut: CancellationToken,
}

impl Connection {
    async fn run(self, stream: TcpStream) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, peer = %self.peer, "connection lost before it began");
            return;
        }
        let Some(config) = self.server.tls.clone() else {
            let stream = stall::Stalling::new(stream, self.server.limits.stall);
            return self.http1(stream).await;
        };
        let handshake = async {
            let stream = plain::answered(stream).await?;
            let stream = stall::Stalling::new(stream, self.server.limits.stall);
            TlsAcceptor::from(config).accept(stream).await
        };
        let accepted = tokio::select! {
            () = self.stop.cancelled() => return,
            accepted = tokio::time::timeout(self.server.limits.handshake, handshake) => accepted,
        };
        match accepted {
            Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                let sent = stream.get_ref().0.sent();
                self.http2(stream, sent).await;
            }
            Ok(Ok(stream)) => self.http1(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, peer = %self.peer, "TLS handshake failed"),
            Err(_) => tracing::debug!(peer = %self.peer, "TLS handshake took too long"),
        }
    }

    async fn http1<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let limits = &self.server.limits;
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.headers)
            .max_header_size(limits.header_bytes)
            .max_buf_size(512 * 1024)
            .serve_connection(TokioIo::new(stream), service(&self.server, self.peer));
        // It minds the time between requests itself.
        self.finish(connection, std::future::pending(), std::future::pending()).await;
    }

    async fn http2<S>(self, stream: S, sent: stall::Sent)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let limits = self.server.limits;
        let streams = streams::Streams::new(self.tasks.clone());
        let connection = http2::Builder::new(streams.clone())
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
            // The default windows of 64 KiB hold an upload below line speed.
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(4 << 20)
            .max_send_buf_size(1 << 20)
            .keep_alive_interval(limits.headers)
            .keep_alive_timeout(Duration::from_secs(20))
            .serve_connection(TokioIo::new(stream), service(&self.server, self.peer));
        // What the kernel holds for a slow reader leaves it in bursts, which takes longer than a request's headers.
        let quiet = streams.quiet_for(TOLD * limits.headers, &sent);
        self.finish(connection, streams.absent_for(limits.headers), quiet).await;
    }

    /// Serves until the peer or we have had enough. A connection that is `idle` is told to go and finishes what is under
    /// way; one that is told and then `quiet` does not know how to leave.
    async fn finish<C>(&self, connection: C, idle: impl Future<Output = ()>, quiet: impl Future<Output = ()>)
    where
        C: GracefulConnection,
        C::Error: std::fmt::Display,
    {
        let mut connection = pin!(connection);
        tokio::select! {
            () = self.cut.cancelled() => return,
            ended = connection.as_mut() => return self.note(ended),
            () = self.stop.cancelled() => {}
            () = idle => {}
        }
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            () = self.cut.cancelled() => {}
            ended = connection.as_mut() => self.note(ended),
            () = quiet => tracing::debug!(peer = %self.peer, "a connection that was told to go stayed"),
        }
    }

    fn note<E: std::fmt::Display>(&self, ended: Result<(), E>) {
        if let Err(error) = ended {
            tracing::debug!(%error, peer = %self.peer, "connection ended early");
        }
    }
}

fn service(
    server: &Server,
    peer: SocketAddr,
) -> impl hyper::service::Service<
    http::Request<Incoming>,
    Response = http::Response<Body>,
    Error = std::convert::Infallible,
    Future: Send + 'static,
> + use<> {
    let (router, turns) = (server.router.clone(), Turns::new(server.limits.forms));
    hyper::service::service_fn(move |request: http::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(turns.clone());
        // A clone is a reference count; the router is always ready.
        router.clone().call(request)
    })
}
