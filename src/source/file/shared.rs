//! What a log's readers and the thread that indexes it share.

use super::names::Names;
use super::records::Records;
use crate::source::OnChange;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::sync::{RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

/// What the indexing thread is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// Growth is to be taken in.
    pub follow: bool,
    /// Bytes that a spooled input has brought so far; `None` for a file.
    pub spooled: Option<u64>,
    /// The spooled input has ended.
    pub ended: bool,
    /// Nobody looks any more.
    pub close: bool,
}

impl Orders {
    /// True when bytes may still be added to the log.
    pub fn expects_more(self) -> bool {
        match self.spooled {
            Some(_) => !self.ended,
            None => self.follow,
        }
    }
}

/// See the module.
pub struct Shared {
    records: RwLock<Records>,
    pub names: Names,
    version: AtomicU64,
    orders: Mutex<Orders>,
    /// Signalled when the orders change and when indexing is done.
    signal: Condvar,
    on_change: Mutex<Option<Arc<OnChange>>>,
    /// True when all that the orders allow to be known is known.
    idle: Mutex<bool>,
    idle_signal: Condvar,
}

impl Shared {
    pub fn new(records: Records, orders: Orders) -> Shared {
        Shared {
            records: RwLock::new(records),
            names: Names::default(),
            version: AtomicU64::new(0),
            orders: Mutex::new(orders),
            signal: Condvar::new(),
            on_change: Mutex::new(None),
            idle: Mutex::new(false),
            idle_signal: Condvar::new(),
        }
    }

    pub fn read(&self) -> RwLockReadGuard<'_, Records> {
        self.records.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// For short changes only: the drawing thread may be waiting. Counts as a new version.
    pub fn write(&self) -> RwLockWriteGuard<'_, Records> {
        let guard = self.records.write().unwrap_or_else(PoisonError::into_inner);
        self.version.fetch_add(1, Ordering::Release);
        guard
    }

    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub fn orders(&self) -> Orders {
        *self.lock_orders()
    }

    fn lock_orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the orders and wakes the indexing thread.
    pub fn order(&self, change: impl FnOnce(&mut Orders)) {
        let mut orders = self.lock_orders();
        let before = *orders;
        change(&mut orders);
        if *orders != before {
            self.set_idle(false);
            self.signal.notify_all();
        }
    }

    /// Waits until the orders are no longer `known`, at most this long (`None`: however long).
    pub fn wait_orders(&self, known: Orders, at_most: Option<Duration>) -> Orders {
        let guard = self.lock_orders();
        let same = |orders: &mut Orders| *orders == known;
        match at_most {
            None => *self
                .signal
                .wait_while(guard, same)
                .unwrap_or_else(PoisonError::into_inner),
            Some(time) => {
                let waited = self.signal.wait_timeout_while(guard, time, same);
                *waited.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    /// Says that everything `known` allows is indexed, unless the orders have changed since.
    pub fn settle(&self, known: Orders) {
        let orders = self.lock_orders();
        if *orders == known {
            self.set_idle(true);
        }
    }

    fn set_idle(&self, idle: bool) {
        *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = idle;
        self.idle_signal.notify_all();
    }

    /// Waits for [`Shared::settle`] at most this long; true when it is settled.
    pub fn wait_idle(&self, at_most: Duration) -> bool {
        let guard = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .idle_signal
            .wait_timeout_while(guard, at_most, |idle| !*idle);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    pub fn set_on_change(&self, on_change: OnChange) {
        let mut slot = self.lock_on_change();
        *slot = Some(Arc::new(on_change));
    }

    pub fn changed(&self) {
        let on_change = self.lock_on_change().clone();
        if let Some(on_change) = on_change {
            on_change();
        }
    }

    fn lock_on_change(&self) -> MutexGuard<'_, Option<Arc<OnChange>>> {
        self.on_change
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
