//! A registry under a name that no resolver knows: a proxy on loopback that connects the name, and nothing else, to
//! the registry's port.
//!
//! Some clients speak plain HTTP to everything called `localhost`; they have to be given a name like a real one.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Longer is no request to connect.
const MAX_HEAD_LINES: usize = 50;

/// The proxy; it ends with the value.
pub struct Named {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Named {
    /// Connects `name:443` to `target`.
    pub async fn new(name: &str, target: SocketAddr) -> Result<Named> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("listen for the proxy")?;
        let (address, name) = (listener.local_addr()?, format!("{name}:443"));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let name = name.clone();
                // a client that goes away in the middle is its own affair
                connections.spawn(async move { serve(client, &name, target).await.is_ok() });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Named { address, _tasks: tasks })
    }

    /// What `HTTPS_PROXY` has to say.
    pub fn proxy(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn serve(client: TcpStream, name: &str, target: SocketAddr) -> Result<()> {
    let mut client = BufReader::new(client);
    let mut first = String::new();
    client.read_line(&mut first).await?;
    for _ in 0..MAX_HEAD_LINES {
        let mut line = String::new();
        if client.read_line(&mut line).await? <= 2 {
            break;
        }
    }
    let wanted = first.split_whitespace().nth(1) == Some(name);
    if !first.starts_with("CONNECT ") || !wanted {
        client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await?;
    }
    ensure!(wanted, "{first:?} is not for {name}");
    let mut server = TcpStream::connect(target).await?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
