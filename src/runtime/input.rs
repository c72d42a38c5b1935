//! What the terminal says, in the words of the app.

use crate::app::key::{Code, Key, Mouse, MouseWhat};
use crate::app::msg::Msg;
use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind};

/// The message of a terminal event; `None` when it means nothing to the screen.
#[must_use]
pub fn message(event: Event) -> Option<Msg> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            let mut shift = key.modifiers.contains(KeyModifiers::SHIFT);
            let code = match key.code {
                KeyCode::Char(c) => {
                    let c = if shift { c.to_ascii_uppercase() } else { c };
                    shift = false;
                    Code::Char(c)
                }
                KeyCode::BackTab => {
                    shift = true;
                    Code::Tab
                }
                KeyCode::Enter => Code::Enter,
                KeyCode::Esc => Code::Esc,
                KeyCode::Tab => Code::Tab,
                KeyCode::Backspace => Code::Backspace,
                KeyCode::Delete => Code::Delete,
                KeyCode::Insert => Code::Insert,
                KeyCode::Up => Code::Up,
                KeyCode::Down => Code::Down,
                KeyCode::Left => Code::Left,
                KeyCode::Right => Code::Right,
                KeyCode::Home => Code::Home,
                KeyCode::End => Code::End,
                KeyCode::PageUp => Code::PageUp,
                KeyCode::PageDown => Code::PageDown,
                KeyCode::F(n) => Code::F(n),
                _ => return None,
            };
            Some(Msg::Key(Key {
                code,
                ctrl: key.modifiers.contains(KeyModifiers::CONTROL),
                alt: key.modifiers.contains(KeyModifiers::ALT),
                shift,
            }))
        }
        Event::Mouse(mouse) => {
            let what = match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => MouseWhat::Down,
                MouseEventKind::Drag(MouseButton::Left) => MouseWhat::Drag,
                MouseEventKind::Up(MouseButton::Left) => MouseWhat::Up,
                MouseEventKind::ScrollUp => MouseWhat::WheelUp,
                MouseEventKind::ScrollDown => MouseWhat::WheelDown,
                _ => return None,
            };
            Some(Msg::Mouse(Mouse {
                what,
                x: mouse.column,
                y: mouse.row,
            }))
        }
        Event::Paste(text) => Some(Msg::Paste(text)),
        Event::Resize(width, height) => Some(Msg::Resize(width, height)),
        _ => None,
    }
}
