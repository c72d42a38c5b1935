//! What a program threw, as text.

use boa_engine::{Context, JsError, JsValue, js_string};

/// A thrown value as text.
#[derive(Clone, Debug, PartialEq)]
pub struct Thrown {
    /// `Name: message`, or the value as text.
    pub message: String,
    /// `at function (file:line:column)` a line, innermost first, positions of the code as run.
    pub stack: String,
}

impl Thrown {
    /// Something that was not thrown by JavaScript.
    pub fn text(message: &str) -> Thrown {
        Thrown {
            message: message.into(),
            stack: String::new(),
        }
    }

    /// Reads an error; may run code of the program (a `toString`).
    pub fn new(error: JsError, context: &mut Context) -> Thrown {
        let shown = error.to_string();
        if error.as_engine().is_some() {
            // The engine's own limits cannot be caught by a program; everyone knows them by this name.
            return Thrown {
                message: "RangeError: Maximum call stack size exceeded".into(),
                stack: frames(&shown),
            };
        }
        let Ok(value) = error.into_opaque(context) else {
            return Thrown::text(&shown);
        };
        let mut stack = frames(&shown);
        if stack.is_empty()
            && let Some(object) = value.as_object()
            && let Ok(own) = object.get(js_string!("stack"), context)
            && let Some(own) = own.as_string()
        {
            stack = frames(&own.to_std_string_lossy());
        }
        Thrown {
            message: describe(&value, context),
            stack,
        }
    }
}

fn describe(value: &JsValue, context: &mut Context) -> String {
    if let Some(object) = value.as_object() {
        let is_error = object.is::<boa_engine::builtins::error::Error>();
        if is_error && let Ok(text) = value.to_string(context) {
            return text.to_std_string_lossy();
        }
        return format!("Uncaught {}", value.display());
    }
    match value.to_string(context) {
        Ok(text) => format!("Uncaught {}", text.to_std_string_lossy()),
        Err(_) => format!("Uncaught {}", value.display()),
    }
}

/// The frames of JavaScript in a text with a backtrace; native ones say nothing to a reader.
fn frames(text: &str) -> String {
    let mut stack = String::new();
    for line in text.lines() {
        let line = line.trim_start();
        let Some(frame) = line.strip_prefix("at ") else {
            continue;
        };
        if frame.contains("(native") {
            continue;
        }
        if !stack.is_empty() {
            stack.push('\n');
        }
        stack.push_str(line);
    }
    stack
}
