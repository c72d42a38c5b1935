//! A log that this program writes itself while it is read: its growth is told, not looked for, so
//! an event is on the screen as soon as it is written.

use super::shared::{Orders, Shared};
use super::{FileSource, OpenError};
use std::fs::File;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Tells a log how far it has been written.
pub struct Feed(Weak<Shared>);

impl Feed {
    /// The file now holds this many bytes, all of them whole records.
    pub fn grew(&self, bytes: u64) {
        if let Some(shared) = self.0.upgrade() {
            shared.order(|orders| orders.spooled = Some(bytes));
        }
    }

    /// No more will be written.
    pub fn end(&self) {
        if let Some(shared) = self.0.upgrade() {
            shared.order(|orders| orders.ended = true);
        }
    }
}

impl FileSource {
    /// Reads a log of lines from a file that the caller appends to; it holds `bytes` so far.
    ///
    /// # Errors
    /// [`OpenError::Io`].
    pub fn fed(name: String, file: File, bytes: u64) -> Result<(FileSource, Feed), OpenError> {
        let orders = Orders {
            spooled: Some(bytes),
            ..Orders::default()
        };
        let source = FileSource::start(name, file, None, orders)?;
        let feed = Feed(Arc::downgrade(&source.shared));
        Ok((source, feed))
    }

    /// Waits until what was told of the file is indexed, whether more will come or not, or until
    /// `keep_going`, asked some tens of times a second, says no. True when all is indexed.
    pub fn settle(&self, keep_going: &dyn Fn() -> bool) -> bool {
        while !self.shared.wait_idle(Duration::from_millis(20)) {
            if !keep_going() {
                return false;
            }
        }
        true
    }
}
