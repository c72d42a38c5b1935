//! What each family's payload says in one line.

use super::Gist;
use crate::model::built_in::BuiltIn;
use crate::model::event::Millis;
use crate::model::peek::{elements, member, members, text_start};
use std::borrow::Cow;

/// Bytes of a JSON text that are looked at; a line holds fewer.
const LOOK_AT: usize = 2_000;
/// Members that hold what an event says, in order of preference.
const TELLING: [&str; 18] = [
    "text",
    "content",
    "message",
    "delta",
    "output",
    "result",
    "summary",
    "title",
    "reason",
    "error",
    "status",
    "description",
    "command",
    "cmd",
    "code",
    "script",
    "query",
    "prompt",
];
/// Members whose text says nothing to a person.
const DUMB: [&str; 6] = ["type", "role", "id", "object", "kind", "source"];
/// How deep to look for a text.
const DEPTH: usize = 6;

pub fn built_in(built_in: BuiltIn, payload: &[u8], gist: &mut Gist) {
    let slug = || text_of(payload, "slug");
    match built_in {
        BuiltIn::Initialized => {
            gist.part(&text_of(payload, "path"));
            let project = text_of(payload, "projectSlug");
            if !project.is_empty() {
                gist.part(&format!("project {project}"));
            }
        }
        BuiltIn::WokeUp => gist.part("re-opened after a restart"),
        BuiltIn::ChildStreamCreated => gist.part(&text_of(payload, "childPath")),
        BuiltIn::MetadataUpdated => pairs(member(payload, "metadata").unwrap_or(b"{}"), gist),
        BuiltIn::ErrorOccurred => says_or_pairs(payload, gist),
        BuiltIn::InvalidEventAppended => gist.part(&text_of(payload, "error")),
        BuiltIn::Paused | BuiltIn::Resumed => gist.part(&text_of(payload, "reason")),
        BuiltIn::CircuitBreakerConfigured => {
            if let Some(burst) = number(payload, &["burstCapacity"]) {
                gist.part(&format!("burst {burst}"));
            }
            if let Some(rate) = number(payload, &["refillRatePerMinute"]) {
                gist.part(&format!("refill {rate} a minute"));
            }
        }
        BuiltIn::AppendScheduled => {
            gist.part(&slug());
            schedule(payload, gist);
            appends(member(payload, "append"), gist);
        }
        BuiltIn::ScheduleConfigured => {
            gist.part(&slug());
            schedule(payload, gist);
            let inner = member(payload, "payloadJson").and_then(|v| text_start(v, LOOK_AT));
            appends(inner.as_deref().map(str::as_bytes), gist);
            next_run(payload, gist);
        }
        BuiltIn::ScheduleExecutionFinished => {
            gist.part(&slug());
            gist.part(&text_of(payload, "outcome"));
            next_run(payload, gist);
        }
        BuiltIn::ScheduleCancelled | BuiltIn::ScheduleExecutionStarted => gist.part(&slug()),
        BuiltIn::JsonataTransformerConfigured | BuiltIn::HtmlRendererConfigured => {
            gist.part(&slug());
            let matcher = text_of(payload, "matcher");
            if !matcher.is_empty() {
                gist.part(&format!("when {matcher}"));
            }
            let transform = text_of(payload, "transform");
            if !transform.is_empty() {
                gist.push(&format!(" → {transform}"));
            }
        }
        BuiltIn::SubscriptionConfigured => {
            gist.part(&slug());
            gist.part(&text_of(payload, "type"));
            gist.push(&format!(" {}", text_of(payload, "callbackUrl")));
        }
        BuiltIn::DynamicWorkerConfigured => {
            gist.part(&slug());
            if let Some(modules) = member(payload, "modules") {
                let names: Vec<_> = members(modules)
                    .filter_map(|item| text_start(item.key, LOOK_AT))
                    .take(8)
                    .collect();
                let count = members(modules).count();
                let s = if count == 1 { "" } else { "s" };
                gist.part(&format!("{count} module{s}: {}", names.join(", ")));
            } else {
                let script = member(payload, "script").unwrap_or(payload);
                if let Some(bytes) = text_bytes(script) {
                    gist.part(&format!("script of {}", size(bytes)));
                }
            }
        }
        // The value may be a secret.
        BuiltIn::DynamicWorkerEnvVarSet => gist.part(&text_of(payload, "key")),
    }
}

pub fn family(family: &str, payload: &[u8], gist: &mut Gist) {
    match family {
        "llm-request-started" => {
            gist.part(&text_of(payload, "model"));
            if let Some(messages) = member(payload, "messages").or_else(|| member(payload, "input"))
                && messages.starts_with(b"[")
            {
                let count = elements(messages).count();
                gist.part(&format!(
                    "{count} message{}",
                    if count == 1 { "" } else { "s" }
                ));
            }
            if let Some(count) = number(payload, &["messageCount"]) {
                gist.part(&format!("{count} messages"));
            }
        }
        "llm-request-completed" => {
            gist.part(&text_of(payload, "stopReason"));
            gist.part(&text_of(payload, "stop_reason"));
            usage(payload, gist);
            duration(payload, gist);
        }
        "llm-request-failed" | "llm-request-canceled" | "llm-request-cancelled" => {
            for key in ["error", "reason", "message"] {
                if let (true, Some(value)) = (gist.is_empty(), member(payload, key)) {
                    says(value, DEPTH, gist);
                }
            }
            duration(payload, gist);
        }
        "openai-response-event-added" => {
            let event = member(payload, "event").unwrap_or(payload);
            match text_of(event, "type") {
                kind if kind.ends_with(".delta") => chunk(payload, gist),
                kind => {
                    gist.part(&kind);
                    if let Some(error) = member(event, "error").or_else(|| {
                        member(member(event, "response")?, "error").filter(|e| *e != b"null")
                    }) {
                        let mut told = Gist::new(super::LONGEST);
                        says(error, DEPTH, &mut told);
                        gist.part(&told.finish());
                    }
                    usage(member(event, "response").unwrap_or(event), gist);
                }
            }
        }
        "tool-call" | "tool_call" => {
            for key in ["name", "tool", "toolName"] {
                if gist.is_empty() {
                    gist.part(&text_of(payload, key));
                }
            }
            let arguments = ["arguments", "args", "input", "parameters"];
            if let Some(value) = arguments.iter().find_map(|key| member(payload, key)) {
                // Some models hand their arguments over as JSON in a text.
                let inner = text_start(value, LOOK_AT).filter(|t| t.trim_start().starts_with('{'));
                let mut told = Gist::new(super::LONGEST);
                says_or_pairs(inner.as_deref().map_or(value, str::as_bytes), &mut told);
                gist.aside(&told.finish());
            }
        }
        "tool-result" | "tool_result" | "codemode-result-added" | "bashmode-result-added" => {
            outcome(payload, gist);
        }
        _ if family.ends_with("chunk") || family.ends_with("delta") => chunk(payload, gist),
        _ => says_or_pairs(payload, gist),
    }
}

/// The text a chunk adds, as it is.
pub fn chunk(payload: &[u8], gist: &mut Gist) {
    let inner = member(payload, "event").unwrap_or(payload);
    for key in ["text", "delta", "content", "chunk"] {
        match member(inner, key) {
            Some(value) if value.starts_with(b"\"") => {
                gist.push(&text_start(value, LOOK_AT).unwrap_or_default());
                return;
            }
            Some(value) if value.starts_with(b"{") || value.starts_with(b"[") => {
                says(value, DEPTH, gist);
                return;
            }
            _ => {}
        }
    }
    says(inner, DEPTH, gist);
}

fn outcome(payload: &[u8], gist: &mut Gist) {
    let error = member(payload, "error").filter(|e| !matches!(*e, b"null" | b"false" | b"\"\""));
    let is = |key, value: &[u8]| member(payload, key) == Some(value);
    let failed = is("ok", b"false") || is("success", b"false") || is("isError", b"true");
    if failed || error.is_some() {
        gist.part("failed");
        let mut told = Gist::new(super::LONGEST);
        match error {
            Some(error) => says(error, DEPTH, &mut told),
            None => says(payload, DEPTH, &mut told),
        }
        gist.part(&told.finish());
        return;
    }
    if is("ok", b"true") || is("success", b"true") {
        gist.part("ok");
    }
    let output = ["output", "result", "content", "stdout"];
    let Some(output) = output.iter().find_map(|key| member(payload, key)) else {
        let mut told = Gist::new(super::LONGEST);
        says(payload, DEPTH, &mut told);
        gist.aside(&told.finish());
        return;
    };
    gist.part(&size(text_bytes(output).unwrap_or(output.len())));
    let mut told = Gist::new(super::LONGEST);
    says_or_pairs(output, &mut told);
    gist.aside(&told.finish());
}

fn schedule(payload: &[u8], gist: &mut Gist) {
    let Some(schedule) = member(payload, "schedule") else {
        return;
    };
    let seconds = |key| number(schedule, &[key]).unwrap_or_default();
    gist.part(&match &*text_of(schedule, "kind") {
        "once-at" => format!("once at {}", text_of(schedule, "at")),
        "once-in" => format!("once in {} s", seconds("delaySeconds")),
        "every" => format!("every {} s", seconds("intervalSeconds")),
        "cron" => format!("cron {}", text_of(schedule, "cron")),
        other => other.to_owned(),
    });
}

fn appends(input: Option<&[u8]>, gist: &mut Gist) {
    let event_type = input
        .map(|input| text_of(input, "type"))
        .unwrap_or_default();
    if !event_type.is_empty() {
        gist.part(&format!("appends {event_type}"));
    }
}

fn next_run(payload: &[u8], gist: &mut Gist) {
    match member(payload, "nextRunAt") {
        Some(b"null") => gist.part("retired"),
        Some(value) => {
            let seconds = std::str::from_utf8(value)
                .ok()
                .and_then(|v| v.parse::<f64>().ok());
            let time = seconds.map(|s| Millis((s * 1_000.0) as i64).to_string());
            if let Some(time) = time {
                gist.part(&format!("next {}", time.replace(".000Z", "Z")));
            }
        }
        None => {}
    }
}

fn usage(payload: &[u8], gist: &mut Gist) {
    let Some(usage) = member(payload, "usage") else {
        return;
    };
    let input = number(
        usage,
        &["input", "input_tokens", "inputTokens", "prompt_tokens"],
    );
    let output = number(
        usage,
        &[
            "output",
            "output_tokens",
            "outputTokens",
            "completion_tokens",
        ],
    );
    match (input, output) {
        (Some(input), Some(output)) => gist.part(&format!("{input} → {output} tok")),
        (Some(tokens), None) | (None, Some(tokens)) => gist.part(&format!("{tokens} tok")),
        (None, None) => {}
    }
}

fn duration(payload: &[u8], gist: &mut Gist) {
    let millis = ["durationMs", "duration_ms", "elapsedMs"]
        .iter()
        .find_map(|key| {
            std::str::from_utf8(member(payload, key)?)
                .ok()?
                .parse::<f64>()
                .ok()
        });
    match millis {
        Some(ms) if ms < 1_000.0 => gist.part(&format!("{ms:.0} ms")),
        Some(ms) => gist.part(&format!("{:.1} s", ms / 1_000.0)),
        None => {}
    }
}

/// What the payload says; when nothing in it is text, its members as `key value`.
fn says_or_pairs(value: &[u8], gist: &mut Gist) {
    says(value, DEPTH, gist);
    if gist.is_empty() {
        pairs(value, gist);
    }
}

/// Adds the first text-like thing in a value, or all texts of an array.
fn says(value: &[u8], depth: usize, gist: &mut Gist) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    match value.first() {
        Some(b'"') => gist.push(&text_start(value, LOOK_AT).unwrap_or_default()),
        Some(b'[') => {
            for item in elements(value) {
                if gist.is_full() {
                    return;
                }
                gist.push(" ");
                if matches!(item.value.first(), Some(b'-' | b'0'..=b'9')) {
                    gist.push(&String::from_utf8_lossy(item.value));
                } else {
                    says(item.value, depth, gist);
                }
            }
        }
        Some(b'{') => {
            for key in TELLING {
                if let Some(found) = member(value, key)
                    && said(found, depth, gist)
                {
                    return;
                }
            }
            // Any other text that is no identifier, then whatever lies deeper.
            let rest = || members(value).filter(|m| !DUMB.iter().any(|d| m.is(d)) && !is_id(m.key));
            let text = rest().find(|m| m.value.len() > 2 && m.value.starts_with(b"\""));
            if let Some(found) = text {
                says(found.value, depth, gist);
                return;
            }
            for found in rest().filter(|m| matches!(m.value.first(), Some(b'{' | b'['))) {
                if said(found.value, depth, gist) {
                    return;
                }
            }
        }
        _ => {}
    }
}

/// [`says`], and whether there was anything to say.
fn said(value: &[u8], depth: usize, gist: &mut Gist) -> bool {
    let before = gist.chars();
    says(value, depth, gist);
    gist.chars() > before
}

fn is_id(key: &[u8]) -> bool {
    [&b"Id\""[..], b"_id\"", b"ID\""]
        .iter()
        .any(|end| key.ends_with(end))
}

/// `key value` of the members that are short.
fn pairs(value: &[u8], gist: &mut Gist) {
    for item in members(value).take(12) {
        let key = text_start(item.key, LOOK_AT).unwrap_or_default();
        match item.value.first() {
            Some(b'{') => gist.part(&format!("{key} {{{}}}", members(item.value).count())),
            Some(b'[') => gist.part(&format!("{key} [{}]", elements(item.value).count())),
            Some(b'"') => {
                let text = text_start(item.value, LOOK_AT).unwrap_or_default();
                gist.part(&format!("{key} {text}"));
            }
            _ => gist.part(&format!("{key} {}", String::from_utf8_lossy(item.value))),
        }
    }
    if gist.is_empty() && !matches!(value.first(), Some(b'{' | b'[')) {
        gist.push(&String::from_utf8_lossy(&value[..value.len().min(LOOK_AT)]));
    }
}

/// The text of a member; empty when there is none.
fn text_of(object: &[u8], key: &str) -> String {
    member(object, key)
        .and_then(|value| text_start(value, LOOK_AT))
        .map(Cow::into_owned)
        .unwrap_or_default()
}

/// The first of these members that is a number, with thousands separated.
fn number(object: &[u8], keys: &[&str]) -> Option<String> {
    let value = keys.iter().find_map(|key| member(object, key))?;
    let text = std::str::from_utf8(value).ok()?;
    let whole: u64 = match text.parse() {
        Ok(whole) => whole,
        Err(_) => return text.parse::<f64>().ok().map(|n| n.to_string()),
    };
    Some(thousands(whole))
}

/// `1,204`.
fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes of a raw JSON string's text, escapes counted as written.
fn text_bytes(value: &[u8]) -> Option<usize> {
    Some(value.strip_prefix(b"\"")?.len().saturating_sub(1))
}

/// `2.1 kB`.
fn size(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
