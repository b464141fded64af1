//! `BlobStream`: a part of a blob in chunks of 256 KiB, the next one always being read while one is sent.

use std::{
    fs::File,
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures::{FutureExt, Stream};
use tokio::task::JoinHandle;

use crate::{blocking, disk::Disk, error::Error, joined, key::StorageKey};

/// Measured: smaller chunks cost a wake-up each, larger ones only memory.
const CHUNK: u64 = 256 * 1024;

/// A part of a blob, chunk by chunk.
#[derive(Debug)]
pub struct BlobStream {
    key: StorageKey,
    file: Arc<File>,
    /// What no read has been started for yet.
    rest: Range<u64>,
    ahead: Ahead,
}

#[derive(Debug)]
enum Ahead {
    /// The first chunk, read by whoever opened the file.
    Ready(Bytes),
    Reading(JoinHandle<Result<Bytes, Error>>),
    Nothing,
}

impl BlobStream {
    pub(crate) async fn open(disk: Arc<Disk>, key: StorageKey, range: Range<u64>) -> Result<Self, Error> {
        blocking(move || {
            let file = File::open(disk.blob_path(&key))
                .map_err(|source| Error::of("opening a blob", &key, source))?;
            let have = file.metadata().map_err(|source| Error::io("opening a blob", source))?.len();
            if range.end > have {
                return Err(Error::Short { key, have, want: range.end });
            }
            if range.end.saturating_sub(range.start) > 4 * CHUNK {
                // Only advice: reading works without it.
                let _ = rustix::fs::fadvise(&file, range.start, None, rustix::fs::Advice::Sequential);
            }
            let mut stream = Self { key, file: Arc::new(file), rest: range, ahead: Ahead::Nothing };
            // Opening and the first read share one trip to the blocking pool; most blobs need no second one.
            if let Some(first) = stream.next_range() {
                stream.ahead = Ahead::Ready(read_chunk(&stream.key, &stream.file, first)?);
            }
            Ok(stream)
        })
        .await
    }

    /// Bytes that have not been handed out yet, those being read ahead not counted.
    fn next_range(&mut self) -> Option<Range<u64>> {
        let start = self.rest.start;
        if start >= self.rest.end {
            return None;
        }
        self.rest.start = self.rest.end.min(start + CHUNK);
        Some(start..self.rest.start)
    }

    fn read_ahead(&mut self) {
        self.ahead = match self.next_range() {
            None => Ahead::Nothing,
            Some(range) => {
                let (key, file) = (self.key.clone(), Arc::clone(&self.file));
                Ahead::Reading(tokio::task::spawn_blocking(move || read_chunk(&key, &file, range)))
            }
        };
    }
}

impl Stream for BlobStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let chunk = match &mut this.ahead {
            Ahead::Nothing => return Poll::Ready(None),
            Ahead::Ready(chunk) => Ok(std::mem::take(chunk)),
            Ahead::Reading(reading) => joined(ready!(reading.poll_unpin(context))),
        };
        if chunk.is_ok() {
            this.read_ahead();
        } else {
            this.ahead = Ahead::Nothing;
        }
        Poll::Ready(Some(chunk))
    }
}

fn read_chunk(key: &StorageKey, file: &File, range: Range<u64>) -> Result<Bytes, Error> {
    // At most CHUNK, so it fits any usize.
    let want = usize::try_from(range.end - range.start).unwrap_or_default();
    let mut buffer = Vec::with_capacity(want);
    while buffer.len() < want {
        let at = range.start + buffer.len() as u64;
        let spare = rustix::buffer::spare_capacity(&mut buffer);
        match rustix::io::pread(file, spare, at) {
            Ok(0) => return Err(Error::Short { key: key.clone(), have: at, want: range.end }),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Error::io("reading a blob", error.into())),
        }
    }
    // An allocator may give more room than was asked for.
    buffer.truncate(want);
    Ok(Bytes::from(buffer))
}
