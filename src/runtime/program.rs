//! The loop: input, results and ticks in, frames out. Generic over the terminal's backend and the
//! input, so that the whole program runs in a test.

use super::world::{Event, World};
use crate::app::effect::Effect;
use crate::app::key::Key;
use crate::app::msg::Msg;
use crate::app::state::{App, Level};
use crate::app::update::update;
use crate::ui::View;
use anyhow::Result;
use futures_util::{Stream, StreamExt};
use ratatui::Terminal;
use ratatui::backend::Backend;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Instant;
use tokio::sync::mpsc::UnboundedReceiver;

/// What the loop asks of the real terminal beside pictures.
pub trait Hands {
    /// Captures the mouse, or lets it go.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    fn mouse(&mut self, on: bool) -> Result<()>;
    /// Gives the terminal to the shell until the person comes back.
    ///
    /// # Errors
    /// The terminal refuses to be taken again.
    fn suspend(&mut self) -> Result<()>;
    /// Gives the terminal to the person's editor on a text; gives back what they saved. The inner
    /// error is for the person.
    ///
    /// # Errors
    /// The terminal refuses to be taken again.
    fn edit(&mut self, text: &str, json: bool) -> Result<Result<String>>;
    /// A key was taken that may give the terminal to somebody else: who listens to it may go on.
    fn heard(&mut self);
    /// Writes bytes that are no part of the picture.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;
}

/// The program on its terminal.
pub struct Program<'t, B: Backend, H> {
    /// Draws.
    pub terminal: &'t mut Terminal<B>,
    /// How it looks.
    pub view: View,
    /// What it shows.
    pub app: App,
    /// What it does.
    pub world: World,
    /// The terminal beside pictures.
    pub hands: H,
}

/// True for the key that may give the terminal to an editor: nobody may read another key from it
/// until that is decided, or the editor's keys would be lost.
#[must_use]
pub fn lets_go(msg: &Msg) -> bool {
    matches!(msg, Msg::Key(key) if *key == Key::ctrl('e'))
}

/// Messages taken in before the next frame, at most; a flood of them must not starve the screen.
const BATCH: usize = 256;

impl<B, H> Program<'_, B, H>
where
    B: Backend<Error: std::error::Error + Send + Sync + 'static>,
    H: Hands,
{
    /// Runs until the person leaves or the input ends.
    ///
    /// # Errors
    /// The terminal fails.
    pub async fn run(
        &mut self,
        mut input: impl Stream<Item = Msg> + Unpin,
        mut events: UnboundedReceiver<Event>,
    ) -> Result<()> {
        let mut ticked = Instant::now();
        let mut ticking = false;
        self.draw()?;
        while !self.app.quitting {
            let every = self.app.tick_every();
            if every.is_some() && !ticking {
                // Time begins to count now, not when something last moved.
                ticked = Instant::now();
            }
            ticking = every.is_some();
            let tick = async {
                match every {
                    Some(every) => tokio::time::sleep_until((ticked + every).into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // Keys first: nothing may hold them up.
                biased;
                msg = input.next() => match msg {
                    Some(msg) => self.take(msg)?,
                    None => return Ok(()),
                },
                Some(event) = events.recv() => self.event(event)?,
                () = tick => {
                    let now = Instant::now();
                    let passed = now - ticked;
                    ticked = now;
                    self.take(Msg::Tick(passed))?;
                }
            }
            for _ in 0..BATCH {
                // Asked with this task's own waker: a stream may keep the one it was last given, and
                // must not be left with one that wakes nobody.
                let waiting = poll_fn(|task| Poll::Ready(input.poll_next_unpin(task))).await;
                if let Poll::Ready(Some(msg)) = waiting {
                    self.take(msg)?;
                } else if let Ok(event) = events.try_recv() {
                    self.event(event)?;
                } else {
                    break;
                }
            }
            if !self.app.quitting {
                self.draw()?;
            }
        }
        Ok(())
    }

    fn draw(&mut self) -> Result<()> {
        self.terminal
            .draw(|frame| self.view.draw(frame, &self.app))?;
        Ok(())
    }

    fn event(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Msg(msg) => self.take(msg),
            Event::Restarted { tab, aside } => {
                for msg in self.world.restarted(tab, aside.as_deref()) {
                    self.take(msg)?;
                }
                Ok(())
            }
            Event::Write(bytes) => self.hands.write(&bytes),
        }
    }

    fn take(&mut self, msg: Msg) -> Result<()> {
        let changed = match &msg {
            Msg::In(tab, msg) if matches!(**msg, Msg::LogChanged { .. }) => Some(*tab),
            _ => None,
        };
        let waits = lets_go(&msg);
        for effect in update(&mut self.app, msg) {
            match effect {
                Effect::Quit => {}
                Effect::Edit { text, json } => {
                    let edited = self.hands.edit(&text, json)?;
                    self.terminal.clear()?;
                    let msg = match edited {
                        Ok(text) => Msg::Edited(text),
                        Err(error) => Msg::Notice(Level::Warn, format!("{error:#}")),
                    };
                    update(&mut self.app, msg);
                }
                Effect::Mouse(on) => self.hands.mouse(on)?,
                Effect::Suspend => {
                    self.hands.suspend()?;
                    self.terminal.clear()?;
                }
                effect => {
                    if let Some(msg) = self.world.perform(self.app.tab, effect) {
                        self.take(msg)?;
                    }
                }
            }
        }
        if let Some(tab) = changed {
            self.world.log_changed(tab);
        }
        if waits {
            self.hands.heard();
        }
        Ok(())
    }
}
