//! A fixed set of reading connections. A point read takes microseconds, so it runs where it is asked for; the
//! permit only says that a connection is free.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::engine::{Mode, Setup};
use crate::{Conn, Error};

#[derive(Clone)]
pub(crate) struct Readers {
    permits: Arc<Semaphore>,
    free: Arc<Mutex<Vec<Conn>>>,
}

/// A connection on loan. Whatever happens to the borrower, it comes back outside a transaction.
pub(crate) struct Loan {
    conn: Option<Conn>,
    free: Arc<Mutex<Vec<Conn>>>,
    _permit: OwnedSemaphorePermit,
}

impl Readers {
    pub(crate) fn open(setup: &Setup<'_>, count: usize) -> Result<Self, Error> {
        let free = (0..count).map(|_| Conn::open(setup, Mode::Read)).collect::<Result<Vec<_>, _>>()?;
        Ok(Readers { permits: Arc::new(Semaphore::new(count)), free: Arc::new(Mutex::new(free)) })
    }

    pub(crate) async fn take(&self) -> Result<Loan, Error> {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| Error::Closed)?;
        let conn = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop().ok_or(Error::Closed)?;
        Ok(Loan { conn: Some(conn), free: self.free.clone(), _permit: permit })
    }

    /// Refuses new loans, waits for those out, and closes every connection.
    pub(crate) async fn close(&self, count: usize) {
        // Fails only when closed before, and then there is nothing to wait for.
        if let Ok(all) = self.permits.acquire_many(count as u32).await {
            self.permits.close();
            self.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
            all.forget();
        }
    }
}

impl Loan {
    pub(crate) fn conn(&mut self) -> &mut Conn {
        self.conn.as_mut().expect("a loan holds its connection until it is dropped")
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let Some(mut conn) = self.conn.take() else { return };
        if !conn.lite().idle()
            && let Err(error) = conn.lite().control("ROLLBACK")
        {
            tracing::warn!(%error, "reading transaction could not be ended");
        }
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
    }
}
