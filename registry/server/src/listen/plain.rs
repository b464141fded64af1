//! A client that speaks HTTP where TLS is spoken is told so, instead of getting an alert that it shows as garbage.
//!
//! Owns: that one answer. Must not know: what was asked.

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// In the protocol's own form, so that registry clients show the message.
const ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n\
{\"errors\":[{\"code\":\"UNSUPPORTED\",\"message\":\"this port speaks HTTPS: write https:// or leave plain HTTP off\"}]}";
/// As much of the request is read as it takes for the answer to arrive.
const UNREAD: usize = 64 * 1024;

/// The stream, for a handshake; one that began with a request is answered and is an error.
pub(super) async fn answered(mut stream: TcpStream) -> Result<TcpStream> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    // A method begins with a capital letter, a handshake with 0x16.
    if !first[0].is_ascii_uppercase() {
        return Ok(stream);
    }
    stream.write_all(ANSWER).await?;
    stream.shutdown().await?;
    // Closing over unread bytes is a reset, which can overtake the answer.
    let (mut piece, mut read) = ([0; 4096], 0);
    while read < UNREAD {
        match stream.read(&mut piece).await? {
            0 => break,
            more => read += more,
        }
    }
    Err(Error::new(ErrorKind::InvalidData, "HTTP without TLS"))
}
