//! Sending events to the service: whether that may be done, the question before it is, and what
//! becomes of what was sent.

use super::layers;
use crate::app::effect::Effect;
use crate::app::key::{Code, Key};
use crate::app::layer::{Confirm, Layer, Outgoing};
use crate::app::state::App;
use crate::model::built_in::BuiltIn;
use serde_json::{Value, json};

/// Sends an event, after asking once where the service is on another machine. The request's id, if
/// it went off at once.
pub fn send(app: &mut App, path: String, input: &Value, todo: &mut Vec<Effect>) -> Option<u64> {
    let outgoing = Outgoing {
        path,
        input: input.to_string(),
        composed: true,
    };
    match app.service.as_ref().filter(|service| service.must_ask()) {
        Some(service) => {
            let lines = vec![
                format!(
                    "This appends to {} of project {}",
                    outgoing.path, service.project
                ),
                format!("on {}, which is not this machine.", service.url),
                String::new(),
                "What is appended stays there for good. Asked once a session.".to_owned(),
            ];
            app.layers.push(Layer::Confirm(Confirm {
                title: "append to another machine?".to_owned(),
                lines,
                yes: "append",
                outgoing,
            }));
            None
        }
        None => Some(go(app, outgoing, todo)),
    }
}

/// Asks before a resume; `reason` may be empty.
pub fn resume(app: &mut App, reason: &str) {
    let path = match app.can_append() {
        Ok(path) => path,
        Err(why) => {
            app.toast(crate::app::state::Level::Warn, why);
            return;
        }
    };
    let reason = reason.trim();
    let payload = if reason.is_empty() {
        json!({})
    } else {
        json!({"reason": reason})
    };
    let input = json!({"type": BuiltIn::Resumed.to_string(), "payload": payload});
    let mut lines = vec![format!(
        "Opens the gate of {path}: workers and clients append again."
    )];
    if reason.is_empty() {
        lines.push("No reason is given.".to_owned());
    } else {
        lines.push(format!("Reason: {reason}"));
    }
    if let Some(service) = app.service.as_ref().filter(|service| !service.loopback) {
        lines.push(format!("On {}, which is not this machine.", service.url));
    }
    app.layers.push(Layer::Confirm(Confirm {
        title: "resume the stream?".to_owned(),
        lines,
        yes: "resume",
        outgoing: Outgoing {
            path,
            input: input.to_string(),
            composed: false,
        },
    }));
}

/// A key for the question on top.
pub fn answer(app: &mut App, key: Key, todo: &mut Vec<Effect>) {
    match key.code {
        Code::Char('y' | 'Y') if !key.ctrl && !key.alt => {
            let Some(Layer::Confirm(confirm)) = app.layers.pop() else {
                return;
            };
            if let Some(service) = &mut app.service {
                service.confirmed = true;
            }
            go(app, confirm.outgoing, todo);
        }
        Code::Esc | Code::Char('n' | 'N' | 'q') => {
            layers::close(app, todo);
        }
        _ => {}
    }
}

fn go(app: &mut App, outgoing: Outgoing, todo: &mut Vec<Effect>) -> u64 {
    let id = app.new_id();
    if outgoing.composed {
        app.composer.sending = Some(id);
        app.composer.failure = None;
    }
    todo.push(Effect::Append {
        id,
        path: outgoing.path,
        input: outgoing.input,
    });
    id
}
