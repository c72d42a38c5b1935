//! The clipboard: the system's where there is one, else the terminal's (OSC 52), as over SSH.

use base64::Engine;
use std::sync::mpsc::{Sender, channel};

/// Longest text that is sent through the terminal; many take no more.
const MOST_OSC52: usize = 75_000;

/// What became of a text.
pub enum Outcome {
    /// It is on the system's clipboard.
    Native,
    /// These bytes put it on the terminal's clipboard.
    Terminal(Vec<u8>),
    /// It is too long for the terminal: how many bytes it has.
    TooLong(usize),
}

/// The way to the clipboard's thread, which starts with the first text: finding a clipboard takes
/// time, and on some systems what was copied lives only as long as its owner.
#[derive(Default)]
pub struct Clipboard(Option<Sender<(String, Reply)>>);

type Reply = Box<dyn FnOnce(Outcome) + Send>;

impl Clipboard {
    /// Copies a text; `reply` is called from the clipboard's thread.
    pub fn copy(&mut self, text: String, reply: impl FnOnce(Outcome) + Send + 'static) {
        let orders = self.0.get_or_insert_with(|| {
            let (orders, inbox) = channel::<(String, Reply)>();
            std::thread::spawn(move || {
                let remote = ["SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"];
                let is_remote = remote.iter().any(|v| std::env::var_os(v).is_some());
                let mut native = None;
                for (text, reply) in inbox {
                    if native.is_none() && !is_remote {
                        native = arboard::Clipboard::new().ok();
                    }
                    let taken = native
                        .as_mut()
                        .is_some_and(|clipboard| clipboard.set_text(text.as_str()).is_ok());
                    reply(if taken {
                        Outcome::Native
                    } else {
                        terminal(&text)
                    });
                }
            });
            orders
        });
        // The thread lives as long as the sender.
        let _ = orders.send((text, Box::new(reply)));
    }
}

fn terminal(text: &str) -> Outcome {
    if text.len() > MOST_OSC52 {
        return Outcome::TooLong(text.len());
    }
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    Outcome::Terminal(format!("\x1b]52;c;{encoded}\x07").into_bytes())
}
