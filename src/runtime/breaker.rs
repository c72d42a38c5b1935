//! The thread that works out the circuit breaker: the newest question first and only.

use super::replayer::Tell;
use crate::app::msg::Msg;
use crate::model::breaker_story::{Ledger, Story};
use crate::model::log::EventLog;
use crate::replay::reducer::Cancel;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

struct Question {
    rows: usize,
    story: Option<Option<usize>>,
    cancel: Cancel,
}

/// The way to the thread. Dropping it ends the thread.
pub struct Breaker {
    questions: Sender<Question>,
    current: Mutex<Cancel>,
}

impl Breaker {
    /// Starts the thread; it sleeps until it is asked.
    #[must_use]
    pub fn start(log: Arc<dyn EventLog>, tell: Tell) -> Breaker {
        let (questions, inbox) = channel();
        super::spawn("breaker", &Arc::clone(&tell), move || {
            answer(&*log, &inbox, &tell);
        });
        Breaker {
            questions,
            current: Mutex::new(Cancel::new()),
        }
    }

    /// Asks for the level after `rows` events, and for the story too if it is wanted. Cancels the
    /// question before.
    pub fn ask(&self, rows: usize, story: Option<Option<usize>>) {
        let cancel = Cancel::new();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.cancel();
        *current = cancel.clone();
        // A thread that ended has told why.
        let _ = self.questions.send(Question {
            rows,
            story,
            cancel,
        });
    }
}

impl Drop for Breaker {
    fn drop(&mut self) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.cancel();
    }
}

fn answer(log: &dyn EventLog, inbox: &Receiver<Question>, tell: &Tell) {
    let mut ledger = Ledger::default();
    while let Ok(mut question) = inbox.recv() {
        while let Ok(newer) = inbox.try_recv() {
            question = newer;
        }
        let Question {
            rows,
            story,
            cancel,
        } = question;
        let keep_going = || !cancel.is_cancelled();
        let told = match story {
            None => {
                let breaker = ledger.at(log, rows, &keep_going);
                breaker.map(|breaker| (breaker.level(ledger.policy()), None))
            }
            Some(pause) => Story::tell(&mut ledger, log, rows, pause, &keep_going)
                .map(|story| (story.level, Some(Arc::new(story)))),
        };
        if let Some((level, story)) = told
            && !tell(Msg::Breaker { rows, level, story })
        {
            return;
        }
    }
}
