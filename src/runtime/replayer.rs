//! The thread that folds: answers seeks, the newest first and only, and between them folds ahead.

use super::open::{Desk, Options};
use crate::app::msg::Msg;
use crate::app::state::{Level, Worker};
use crate::model::json_path::JsonPath;
use crate::model::log::EventLog;
use crate::replay::moment::Origin;
use crate::replay::reducer::{Cancel, ReducerError};
use crate::replay::session::{Who, changes};
use serde_json::Value;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One turn of folding ahead; a seek waits at most this long, and cancels it earlier.
const SLICE: Duration = Duration::from_millis(20);
/// Progress is told at most this often.
const TELL: Duration = Duration::from_millis(100);
/// While the log is being indexed, new configurations are looked for this often.
const LOOK: Duration = Duration::from_millis(20);

/// Tells the screen something; `false` when nobody listens any more.
pub type Tell = Arc<dyn Fn(Msg) -> bool + Send + Sync>;

enum Order {
    Seek(Seek),
    Use(Option<String>),
    FindChange(FindChange),
    /// Drop the seek and the search for a change under way.
    Stop,
    Grew,
}

struct Seek {
    id: u64,
    rows: usize,
    against: Option<usize>,
}

struct FindChange {
    id: u64,
    path: JsonPath,
    rows: usize,
    backward: bool,
}

/// The way to the folding thread. Dropping it ends the thread.
pub struct Replayer {
    orders: Sender<Order>,
    current: Arc<Mutex<Cancel>>,
}

impl Drop for Replayer {
    fn drop(&mut self) {
        self.interrupt();
    }
}

impl Replayer {
    /// Starts the thread.
    #[must_use]
    pub fn start(log: Arc<dyn EventLog>, options: Options, tell: Tell) -> Replayer {
        let (orders, inbox) = channel();
        let current = Arc::new(Mutex::new(Cancel::new()));
        let shared = Arc::clone(&current);
        super::spawn("replay", &Arc::clone(&tell), move || {
            let desk = match Desk::new(log, &options) {
                Ok(desk) => desk,
                Err(error) => {
                    tell(Msg::CannotFold(format!("{error:#}")));
                    return;
                }
            };
            let mut thread = Thread {
                desk,
                inbox,
                current: shared,
                tell,
                who: None,
                seek: None,
                find: None,
                playhead: 0,
                idle: false,
                discovered: false,
                guessing: true,
                told_notes: 0,
                told_at: None,
                told_code: None,
            };
            thread.run();
        });
        Replayer { orders, current }
    }

    /// Cancels what runs; the next order begins with a flag of its own.
    fn interrupt(&self) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.cancel();
        *current = Cancel::new();
    }

    fn order(&self, order: Order) {
        // Sent before the flag is set: who sees the flag finds the order.
        let interrupts = !matches!(order, Order::Grew);
        // A thread that ended has told why.
        let _ = self.orders.send(order);
        if interrupts {
            self.interrupt();
        }
    }

    /// Shows the state after `rows` events; also compared with that after `against`.
    pub fn seek(&self, id: u64, rows: usize, against: Option<usize>) {
        self.order(Order::Seek(Seek { id, rows, against }));
    }

    /// Folds someone else from now on.
    pub fn use_worker(&self, slug: Option<String>) {
        self.order(Order::Use(slug));
    }

    /// Looks for where a value changes.
    pub fn find_change(&self, id: u64, path: JsonPath, rows: usize, backward: bool) {
        self.order(Order::FindChange(FindChange {
            id,
            path,
            rows,
            backward,
        }));
    }

    /// Stops what was asked for.
    pub fn stop(&self) {
        self.order(Order::Stop);
    }

    /// The log has more to fold.
    pub fn grew(&self) {
        self.order(Order::Grew);
    }
}

struct Thread {
    desk: Desk,
    inbox: Receiver<Order>,
    current: Arc<Mutex<Cancel>>,
    tell: Tell,
    who: Option<Who>,
    seek: Option<Seek>,
    find: Option<FindChange>,
    playhead: usize,
    /// Nothing to fold ahead.
    idle: bool,
    /// The whole log was looked through for workers.
    discovered: bool,
    /// Nobody chose: a worker that is deployed later takes the place of what is shown for want of one.
    guessing: bool,
    told_notes: usize,
    told_at: Option<Instant>,
    told_code: Option<(Who, usize)>,
}

impl Thread {
    fn run(&mut self) {
        loop {
            // The flag is taken before the orders are: an order that comes later sets it.
            let cancel = self
                .current
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            if !self.take_orders() {
                return;
            }
            self.discover();
            let Some(who) = self.who.clone().filter(|_| self.discovered) else {
                continue;
            };
            if let Some(seek) = self.seek.take() {
                if !self.answer(&who, &seek, &cancel) {
                    self.seek.get_or_insert(seek);
                }
            } else if let Some(find) = self.find.take() {
                match self.look_for_change(&who, &find, &cancel) {
                    Err(ReducerError::Cancelled) => self.find = Some(find),
                    found => {
                        let row = found.unwrap_or(None);
                        (self.tell)(Msg::Found { id: find.id, row });
                    }
                }
            } else if !self.idle {
                self.fold_ahead(&who, &cancel);
            }
        }
    }

    /// Takes all orders there are; waits for one when there is nothing to do. `false`: the end.
    fn take_orders(&mut self) -> bool {
        let busy = self.seek.is_some() || self.find.is_some() || !self.idle;
        let first = if !self.discovered {
            match self.inbox.recv_timeout(LOOK) {
                Ok(order) => Some(order),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        } else if busy {
            None
        } else {
            match self.inbox.recv() {
                Ok(order) => Some(order),
                Err(_) => return false,
            }
        };
        if let Some(order) = first {
            self.take(order);
        }
        loop {
            match self.inbox.try_recv() {
                Ok(order) => self.take(order),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn take(&mut self, order: Order) {
        self.idle = false;
        match order {
            Order::Seek(seek) => {
                self.playhead = seek.rows;
                self.find = None;
                self.seek = Some(seek);
            }
            Order::FindChange(find) => self.find = Some(find),
            Order::Stop => {
                self.seek = None;
                self.find = None;
            }
            Order::Grew => {}
            Order::Use(slug) => {
                let all = self.desk.all();
                self.guessing = false;
                self.who = all.into_iter().find(|who| slug_of(who) == slug.as_deref());
                self.told_notes = 0;
                self.told_code = None;
                (self.tell)(Msg::NotesCleared);
            }
        }
    }

    /// Looks for workers in what became known of the log, and tells whom there is to choose from.
    fn discover(&mut self) {
        let known = self.desk.session.log().indexing().is_done();
        let news = self.desk.look();
        let first = known && !self.discovered;
        if !news && !first {
            return;
        }
        self.discovered |= known;
        if self.guessing && self.discovered {
            match self.desk.chosen() {
                Ok(who) => {
                    self.guessing = who == Who::BuiltIn;
                    if self.who.as_ref().is_some_and(|before| *before != who) {
                        self.told_notes = 0;
                        self.told_code = None;
                        (self.tell)(Msg::NotesCleared);
                    }
                    self.who = Some(who);
                }
                // The log of a stream may not be here yet, or the worker not deployed.
                Err(error) => {
                    if first {
                        let what = format!("{error:#}; it is shown once it is deployed");
                        (self.tell)(Msg::Notice(Level::Warn, what));
                    }
                    self.who = Some(Who::BuiltIn);
                }
            }
        }
        if first {
            for trouble in self.desk.troubles() {
                let at = trouble
                    .offset
                    .map_or_else(|| format!("row {}", trouble.row), |o| format!("offset {o}"));
                (self.tell)(Msg::Notice(Level::Warn, format!("{at}: {}", trouble.what)));
            }
        }
        let all = self.desk.all();
        let current = all
            .iter()
            .position(|who| Some(who) == self.who.as_ref())
            .unwrap_or(0);
        let deployed = self.desk.session.deployed();
        let about = |who: &Who| match who {
            Who::BuiltIn => "built-in state".to_owned(),
            Who::File(_) => "processor file".to_owned(),
            Who::Worker(slug) => match deployed.iter().find(|d| d.slug == *slug) {
                Some(d) if d.rows.len() > 1 => format!("deployed {} times", d.rows.len()),
                _ => "deployed once".to_owned(),
            },
        };
        let list = all
            .iter()
            .map(|who| Worker {
                slug: slug_of(who).map(str::to_owned),
                about: about(who),
            })
            .collect();
        (self.tell)(Msg::Workers {
            list,
            current,
            done: self.discovered,
        });
    }

    /// `false` when it was cancelled and is to be tried again unless a newer seek came.
    fn answer(&mut self, who: &Who, seek: &Seek, cancel: &Cancel) -> bool {
        let mut told = Instant::now();
        let tell = Arc::clone(&self.tell);
        let (id, of) = (seek.id, seek.rows);
        let mut progress = |rows: usize| {
            if told.elapsed() >= TELL {
                told = Instant::now();
                tell(Msg::SeekProgress { id, rows, of });
            }
        };
        let session = &mut self.desk.session;
        let moment = session
            .moment(who, seek.rows, cancel, &mut progress)
            .and_then(|moment| {
                let against = match seek.against {
                    Some(rows) => {
                        let marked = session.state_at(who, rows, cancel, &mut progress)?;
                        let marked = marked.and_then(|t| serde_json::from_str::<Value>(&t).ok());
                        Some(changes(marked.as_ref(), moment.state.as_deref()).into())
                    }
                    None => None,
                };
                Ok((Arc::new(moment), against))
            });
        match moment {
            Ok((moment, against)) => {
                let version = match &moment.origin {
                    Origin::Worker { row, .. } => *row,
                    Origin::BuiltIn | Origin::File(_) => 0,
                };
                tell(Msg::Moment {
                    id,
                    moment,
                    against,
                });
                self.tell_code(who, version, seek.rows);
                true
            }
            Err(ReducerError::Cancelled) => false,
            Err(error) => {
                tell(Msg::SeekFailed {
                    id,
                    error: error.to_string(),
                });
                self.tell_code(who, 0, seek.rows);
                self.idle = true;
                true
            }
        }
    }

    fn tell_code(&mut self, who: &Who, version: usize, rows: usize) {
        let code = Some((who.clone(), version));
        if self.told_code == code {
            return;
        }
        self.told_code = code;
        let (files, why_empty) = match self.desk.program(who, rows) {
            Ok(Some(program)) => {
                let named = program.modules.into_iter();
                let files = named.map(|m| (m.name.into(), m.original.into())).collect();
                (files, None)
            }
            Ok(None) => (
                Vec::new(),
                Some(
                    "this is the service's built-in state, which has no source; \
                     --processor FILE gives one, W chooses a worker of the log"
                        .to_owned(),
                ),
            ),
            Err(error) => (Vec::new(), Some(format!("{error:#}"))),
        };
        (self.tell)(Msg::Code { files, why_empty });
    }

    fn fold_ahead(&mut self, who: &Who, cancel: &Cancel) {
        let advanced = self.desk.session.advance(who, self.playhead, cancel, SLICE);
        match advanced {
            Ok(progress) => {
                self.idle = progress.idle;
                let due = self.told_at.is_none_or(|at| at.elapsed() >= TELL);
                if due || self.idle {
                    self.told_at = Some(Instant::now());
                    (self.tell)(Msg::Folded {
                        rows: progress.folded,
                        of: progress.of,
                    });
                    self.tell_notes(who);
                }
            }
            Err(ReducerError::Cancelled) => {}
            // The seek that needs this tells why.
            Err(_) => self.idle = true,
        }
    }

    fn tell_notes(&mut self, who: &Who) {
        let failures = self.desk.session.failures(who);
        if failures.notes.len() != self.told_notes {
            self.told_notes = failures.notes.len();
            (self.tell)(Msg::Notes(failures.notes));
        }
    }

    /// The row that changes the value next (or did last).
    fn look_for_change(
        &mut self,
        who: &Who,
        find: &FindChange,
        cancel: &Cancel,
    ) -> Result<Option<usize>, ReducerError> {
        let session = &mut self.desk.session;
        let len = session.log().len();
        let mut value = |rows: usize| -> Result<Option<Value>, ReducerError> {
            let state = session.state_at(who, rows, cancel, &mut |_| {})?;
            let state = state.and_then(|text| serde_json::from_str::<Value>(&text).ok());
            Ok(state.and_then(|state| find.path.get(&state).cloned()))
        };
        if find.backward {
            let from = find.rows.saturating_sub(1);
            let mut now = value(from)?;
            for rows in (1..=from).rev() {
                let before = value(rows - 1)?;
                if before != now {
                    return Ok(Some(rows - 1));
                }
                now = before;
            }
        } else {
            let mut before = value(find.rows)?;
            for rows in find.rows + 1..=len {
                let now = value(rows)?;
                if before != now {
                    return Ok(Some(rows - 1));
                }
                before = now;
            }
        }
        Ok(None)
    }
}

fn slug_of(who: &Who) -> Option<&str> {
    match who {
        Who::BuiltIn => None,
        Who::File(name) => Some(name),
        Who::Worker(slug) => Some(slug),
    }
}
