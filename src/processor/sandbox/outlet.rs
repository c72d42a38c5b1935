//! What a hook's code has to do with the world outside: timers, and requests answered later. Absent
//! while a reducer runs, and in replay.

use super::errors::Thrown;
use crate::processor::frames::live::{Answer, Refusal, Report, Request};
use crate::processor::json::build::{Keys, build};
use crate::processor::json::tape::scan;
use boa_engine::builtins::promise::ResolvingFunctions;
use boa_engine::object::builtins::{AlignedVec, JsArrayBuffer, JsPromise, JsUint8Array};
use boa_engine::{
    Context, JsError, JsNativeError, JsObject, JsResult, JsString, JsValue, js_string,
};
use rustc_hash::FxHashMap;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Requests on their way, timers, and reports not yet written.
pub struct Outlet {
    /// When it was made: for measuring, and in milliseconds since 1970.
    pub started: (Instant, f64),
    /// Frames for the service.
    pub frames: RefCell<Vec<u8>>,
    waiting: RefCell<FxHashMap<u64, Waiting>>,
    last_id: Cell<u64>,
    timers: RefCell<Timers>,
    rejected: RefCell<Vec<JsObject>>,
    /// Offset of the event whose hook was begun last.
    pub cause: Cell<u64>,
}

struct Waiting {
    resolvers: ResolvingFunctions,
    /// The event whose hook appends; `None` for other requests.
    appends: Option<u64>,
    /// The answer is bytes, not JSON.
    bytes: bool,
}

#[derive(Default)]
struct Timers {
    due: BTreeMap<(Instant, u64), ()>,
    by_id: FxHashMap<u64, Timer>,
}

struct Timer {
    at: Instant,
    every: Option<Duration>,
    callback: JsObject,
    args: Vec<JsValue>,
}

impl Default for Outlet {
    fn default() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0.0, |since| since.as_secs_f64() * 1000.0);
        Outlet {
            started: (Instant::now(), now),
            frames: RefCell::default(),
            waiting: RefCell::default(),
            last_id: Cell::default(),
            timers: RefCell::default(),
            rejected: RefCell::default(),
            cause: Cell::default(),
        }
    }
}

impl Outlet {
    /// Longest time a timer can be set for; more fires at once, as on the web.
    const MAX_MILLIS: f64 = 2_147_483_647.0;
    /// Frames kept back before they are written in one go.
    const MANY_BYTES: usize = 64 << 10;

    /// Says something to the service.
    pub fn report(&self, report: &Report) {
        report.put(&mut self.frames.borrow_mut());
    }

    /// True when what is to be written should not wait any longer.
    pub fn is_full(&self) -> bool {
        self.frames.borrow().len() > Self::MANY_BYTES
    }

    /// A number for a request or a timer.
    fn id(&self) -> u64 {
        let id = self.last_id.get() + 1;
        self.last_id.set(id);
        id
    }

    /// Asks; the promise is settled by the answer.
    pub fn ask(&self, request: Request, context: &mut Context) -> (u64, JsPromise) {
        let (promise, resolvers) = JsPromise::new_pending(context);
        let waiting = Waiting {
            resolvers,
            appends: match &request {
                Request::Append { cause, .. } => Some(*cause),
                _ => None,
            },
            bytes: matches!(request, Request::Pull { .. }),
        };
        let id = self.id();
        self.waiting.borrow_mut().insert(id, waiting);
        self.report(&Report::Request { id, request });
        (id, promise)
    }

    /// Says something that needs no answer.
    pub fn tell(&self, request: Request) {
        let id = self.id();
        self.report(&Report::Request { id, request });
    }

    /// True while an append of this event's hook is on its way.
    pub fn is_appending(&self, cause: u64) -> bool {
        let waiting = self.waiting.borrow();
        waiting.values().any(|w| w.appends == Some(cause))
    }

    /// True when nothing is going on.
    pub fn is_quiet(&self) -> bool {
        self.waiting.borrow().is_empty() && self.timers.borrow().by_id.is_empty()
    }

    /// Settles the promise of a request.
    ///
    /// # Errors
    /// The engine's own.
    pub fn answer(&self, id: u64, answer: Answer, context: &mut Context) -> JsResult<()> {
        let Some(waiting) = self.waiting.borrow_mut().remove(&id) else {
            return Ok(());
        };
        let settled = match answer {
            Answer::End => Ok(JsValue::undefined()),
            Answer::Value(bytes) if waiting.bytes => bytes_value(&bytes, context),
            Answer::Value(json) => json_value(json, context),
            Answer::Failed(refusal) => Err(refused(&refusal, context)),
        };
        let (function, value) = match settled {
            Ok(value) => (&waiting.resolvers.resolve, value),
            Err(error) => (&waiting.resolvers.reject, error.into_opaque(context)?),
        };
        function.call(&JsValue::undefined(), &[value], context)?;
        Ok(())
    }

    /// Sets a timer.
    pub fn set_timer(
        &self,
        callback: JsObject,
        millis: f64,
        repeats: bool,
        args: Vec<JsValue>,
    ) -> u64 {
        let millis = if (1.0..=Self::MAX_MILLIS).contains(&millis) {
            millis
        } else {
            1.0
        };
        let wait = Duration::from_micros((millis * 1000.0) as u64);
        let (id, at) = (self.id(), Instant::now() + wait);
        let mut timers = self.timers.borrow_mut();
        timers.due.insert((at, id), ());
        timers.by_id.insert(
            id,
            Timer {
                at,
                every: repeats.then_some(wait),
                callback,
                args,
            },
        );
        id
    }

    /// Forgets a timer.
    pub fn clear_timer(&self, id: u64) {
        let mut timers = self.timers.borrow_mut();
        if let Some(timer) = timers.by_id.remove(&id) {
            timers.due.remove(&(timer.at, id));
        }
    }

    /// When the next timer is due.
    pub fn next_timer(&self) -> Option<Instant> {
        let timers = self.timers.borrow();
        timers.due.keys().next().map(|(at, _)| *at)
    }

    /// Runs the timer that is due first, if any is.
    ///
    /// # Errors
    /// What its callback throws.
    pub fn run_timer(&self, context: &mut Context) -> JsResult<()> {
        let now = Instant::now();
        let due = {
            let mut timers = self.timers.borrow_mut();
            let Some((at, id)) = timers
                .due
                .keys()
                .next()
                .copied()
                .filter(|(at, _)| *at <= now)
            else {
                return Ok(());
            };
            timers.due.remove(&(at, id));
            let Some(timer) = timers.by_id.remove(&id) else {
                return Ok(());
            };
            let call = (timer.callback.clone(), timer.args.clone());
            if let Some(every) = timer.every {
                let at = now + every;
                timers.due.insert((at, id), ());
                timers.by_id.insert(id, Timer { at, ..timer });
            }
            call
        };
        due.0.call(&JsValue::undefined(), &due.1, context)?;
        Ok(())
    }

    /// A promise was rejected with nobody there to see it.
    pub fn rejected(&self, promise: &JsObject) {
        self.rejected.borrow_mut().push(promise.clone());
    }

    /// Somebody looks at it after all.
    pub fn handled(&self, promise: &JsObject) {
        let mut rejected = self.rejected.borrow_mut();
        rejected.retain(|p| !JsObject::equals(p, promise));
    }

    /// The rejected promises that nobody has looked at by now.
    pub fn take_rejected(&self) -> Vec<JsObject> {
        std::mem::take(&mut *self.rejected.borrow_mut())
    }

    /// Reports a failure that nobody waited for.
    pub fn stray(&self, error: JsError, context: &mut Context) {
        let Thrown { message, stack } = Thrown::new(error, context);
        self.report(&Report::Stray {
            offset: self.cause.get(),
            message,
            stack,
        });
    }
}

/// A `Uint8Array`.
///
/// # Errors
/// When there is no memory for it.
pub fn bytes_value(bytes: &[u8], context: &mut Context) -> JsResult<JsValue> {
    let block = AlignedVec::from_slice(0, bytes);
    let buffer = JsArrayBuffer::from_byte_block(block, context)?;
    Ok(JsUint8Array::from_array_buffer(buffer, context)?.into())
}

fn json_value(json: Vec<u8>, context: &mut Context) -> JsResult<JsValue> {
    let tape = scan(json, None).map_err(|error| {
        JsNativeError::error().with_message(format!("an answer that is not JSON: {error}"))
    })?;
    Ok(build(&tape, &Keys::default(), context))
}

/// The error a promise is rejected with.
fn refused(refusal: &Refusal, context: &mut Context) -> JsError {
    let error = JsNativeError::error().with_message(refusal.message.clone());
    let error: JsObject = error.into_opaque(context);
    if !refusal.code.is_empty() {
        let code = JsString::from(refusal.code.as_str());
        // A fresh error takes any property.
        let _ = error.create_data_property(js_string!("code"), JsValue::new(code), context);
        let status = JsValue::new(refusal.status as f64);
        let _ = error.create_data_property(js_string!("status"), status, context);
    }
    JsError::from_opaque(error.into())
}
