//! Finds the workers that a log configures (SPEC §8), with every version of their code.

use super::source::{Input, ModuleText, own_slug};
use crate::model::built_in::BuiltIn;
use crate::model::event::Event;
use crate::model::kind::Kind;
use crate::model::log::EventLog;
use crate::model::offset::Offset;
use crate::model::peek;
use crate::replay::session::Deployed;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

pub use crate::model::stream_state::worker::DEFAULT_SLUG;

/// One version of a worker's code.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Row of the event that configures it.
    pub row: usize,
    /// That event's offset, where it can be read.
    pub offset: Option<Offset>,
    /// The code, not prepared yet.
    pub input: Input,
    /// Its environment, as far as it may look at it: another environment is another version, as a
    /// worker is started anew to see it.
    pub env: Env,
}

/// `process.env`: what the `env-var-set` events of the stream gave so far.
pub type Env = Arc<BTreeMap<String, String>>;

/// A worker and its versions in row order; a configuration with the code that ran already is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Worker {
    /// Its slug.
    pub slug: Arc<str>,
    /// At least one.
    pub versions: Vec<Version>,
}

impl Worker {
    /// The version in force after `rows` events; `None` before its first configuration.
    #[must_use]
    pub fn version_at(&self, rows: usize) -> Option<&Version> {
        let later = self.versions.partition_point(|v| v.row < rows);
        self.versions[..later].last()
    }
}

/// A configuration that configures nothing, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Trouble {
    /// Row of the event.
    pub row: usize,
    /// Its offset, where it can be read.
    pub offset: Option<Offset>,
    /// What is wrong, in words a person can act on.
    pub what: String,
}

/// All workers of a log, as far as it was looked through. Grows with the log by further calls of
/// [`Deployments::find_in`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deployments {
    /// In the order of their first configuration.
    pub workers: Vec<Worker>,
    /// In row order.
    pub troubles: Vec<Trouble>,
    /// The environment after the rows that were looked through.
    pub env: Env,
}

impl Deployments {
    /// Looks through a whole log whose columns are known.
    #[must_use]
    pub fn find(log: &dyn EventLog) -> Deployments {
        let mut found = Deployments::default();
        found.find_in(log, 0..log.len());
        found
    }

    /// Looks through some rows; calls must come in row order and not overlap. Gives the row to go on
    /// from: less than `rows.end` where the log cannot tell a row's kind yet.
    pub fn find_in(&mut self, log: &dyn EventLog, rows: Range<usize>) -> usize {
        for row in rows.clone() {
            match log.kind(row) {
                None => return row,
                Some(Kind::Processor) => self.look(log, row),
                Some(_) => {}
            }
        }
        rows.end
    }

    /// The worker with this slug.
    #[must_use]
    pub fn worker(&self, slug: &str) -> Option<&Worker> {
        self.workers.iter().find(|w| &*w.slug == slug)
    }

    /// The version that the event at `row` configures.
    #[must_use]
    pub fn version(&self, slug: &str, row: usize) -> Option<&Version> {
        let versions = &self.worker(slug)?.versions;
        versions.iter().find(|v| v.row == row)
    }

    /// The same for the session: slugs and rows.
    #[must_use]
    pub fn deployed(&self) -> Vec<Deployed> {
        self.workers
            .iter()
            .map(|worker| Deployed {
                slug: worker.slug.clone(),
                rows: worker.versions.iter().map(|v| v.row).collect(),
            })
            .collect()
    }

    fn look(&mut self, log: &dyn EventLog, row: usize) {
        let Some(columns) = log.row(row) else { return };
        let built_in = BuiltIn::parse(&columns.event_type);
        let Some(raw) = log.raw(row) else { return };
        let offset = columns.offset;
        let looked = match built_in {
            Some(BuiltIn::DynamicWorkerConfigured) => {
                configuration(&raw).map(|(slug, input)| self.add(slug, row, offset, input))
            }
            Some(BuiltIn::DynamicWorkerEnvVarSet) => {
                variable(&raw).map(|(key, value)| self.set(key, value, row, offset))
            }
            _ => Ok(()),
        };
        if let Err(what) = looked {
            self.troubles.push(Trouble { row, offset, what });
        }
    }

    fn add(&mut self, slug: String, row: usize, offset: Option<Offset>, input: Input) {
        let env = if reads_env(&input) {
            Arc::clone(&self.env)
        } else {
            Env::default()
        };
        let version = Version {
            row,
            offset,
            input,
            env,
        };
        match self.workers.iter_mut().find(|w| *w.slug == *slug) {
            None => self.workers.push(Worker {
                slug: slug.into(),
                versions: vec![version],
            }),
            Some(worker) => {
                let last = worker.versions.last();
                if last.is_none_or(|v| v.input != version.input || v.env != version.env) {
                    worker.versions.push(version);
                }
            }
        }
    }

    fn set(&mut self, key: String, value: String, row: usize, offset: Option<Offset>) {
        if self.env.get(&key) == Some(&value) {
            return;
        }
        Arc::make_mut(&mut self.env).insert(key, value);
        for worker in &mut self.workers {
            if let Some(last) = worker.versions.last()
                && reads_env(&last.input)
            {
                worker.versions.push(Version {
                    row,
                    offset,
                    input: last.input.clone(),
                    env: Arc::clone(&self.env),
                });
            }
        }
    }
}

/// True when the code may look at `process.env`; most code does not.
#[must_use]
pub fn reads_env(input: &Input) -> bool {
    let says = |text: &str| memchr::memmem::find(text.as_bytes(), b"env").is_some();
    match input {
        Input::File(_) => true,
        Input::Script { text, .. } => says(text),
        Input::Modules(modules) => modules.values().any(|module| match module {
            ModuleText::Code(text) => says(text),
            ModuleText::Json(_) | ModuleText::Text(_) => false,
        }),
    }
}

/// Name and value of one environment variable.
fn variable(raw: &[u8]) -> Result<(String, String), String> {
    let payload = peek::member(raw, "payload").ok_or("the environment variable has no payload")?;
    let payload: Value =
        serde_json::from_slice(payload).map_err(|e| format!("the payload cannot be read: {e}"))?;
    let text = |key: &str| match payload.get(key) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(format!(
            "payload.{key} must be a string, not {}",
            article(other)
        )),
        None => Err(format!("the payload has no `{key}`")),
    };
    Ok((text("key")?, text("value")?))
}

/// A configuration in the seed's form, its payload nothing but source, as the one it stands for
/// (SPEC §8), so that a state made of it names the worker as it is run; any other event as it is.
#[must_use]
pub fn named(event: &Event) -> Cow<'_, Event> {
    let Value::String(source) = &event.payload else {
        return Cow::Borrowed(event);
    };
    if BuiltIn::parse(&event.event_type) != Some(BuiltIn::DynamicWorkerConfigured) {
        return Cow::Borrowed(event);
    }
    let slug = own_slug(source).unwrap_or_else(|| DEFAULT_SLUG.into());
    Cow::Owned(Event {
        payload: json!({"slug": slug, "script": source}),
        ..event.clone()
    })
}

/// Slug and code of one configuration event, given as JSON (SPEC §8).
///
/// # Errors
/// In words a person can act on, when it configures nothing.
pub fn configuration(raw: &[u8]) -> Result<(String, Input), String> {
    let payload = peek::member(raw, "payload").ok_or("the configuration has no payload")?;
    let payload: Value =
        serde_json::from_slice(payload).map_err(|e| format!("the payload cannot be read: {e}"))?;
    match payload {
        Value::String(text) => script(None, text),
        Value::Object(payload) => from_object(payload),
        other => Err(format!(
            "the payload must be {{slug, script}}, {{slug, modules}} or source as a string, not {}",
            article(&other)
        )),
    }
}

fn script(slug: Option<String>, text: String) -> Result<(String, Input), String> {
    if text.trim().is_empty() {
        return Err("the processor's source is empty".into());
    }
    let slug = slug
        .or_else(|| own_slug(&text))
        .unwrap_or_else(|| DEFAULT_SLUG.into());
    let input = Input::Script {
        slug: slug.clone(),
        text,
    };
    Ok((slug, input))
}

fn from_object(mut payload: Map<String, Value>) -> Result<(String, Input), String> {
    let slug = match payload.remove("slug") {
        None | Some(Value::Null) => None,
        Some(Value::String(slug)) if !slug.trim().is_empty() => Some(slug),
        Some(other) => {
            return Err(format!(
                "payload.slug must be a string that is not empty, not {}",
                article(&other)
            ));
        }
    };
    let mut take = |key| payload.remove(key).filter(|value| !value.is_null());
    match (take("script"), take("modules")) {
        (Some(_), Some(_)) => {
            Err("the payload has both `script` and `modules`; exactly one is allowed".into())
        }
        (None, None) => Err("the payload has neither `script` nor `modules`".into()),
        (Some(Value::String(text)), None) => script(slug, text),
        (Some(other), None) => Err(format!(
            "payload.script must be source as a string, not {}",
            article(&other)
        )),
        (None, Some(Value::Object(modules))) => {
            if modules.is_empty() {
                return Err("payload.modules is empty".into());
            }
            let files = modules
                .into_iter()
                .map(|(name, value)| module(&name, value).map(|text| (name, text)))
                .collect::<Result<_, _>>()?;
            Ok((
                slug.unwrap_or_else(|| DEFAULT_SLUG.into()),
                Input::Modules(files),
            ))
        }
        (None, Some(other)) => Err(format!(
            "payload.modules must be an object of file names and sources, not {}",
            article(&other)
        )),
    }
}

/// A module is its source, or an object that names what it is, as worker loaders have it.
fn module(name: &str, value: Value) -> Result<ModuleText, String> {
    let wrong = |what: &str| {
        Err(format!(
            "payload.modules[{name:?}] must be source as a string, not {what}"
        ))
    };
    let mut object = match value {
        Value::String(text) => return Ok(ModuleText::Code(text)),
        Value::Object(object) if object.len() == 1 => object,
        other => return wrong(article(&other)),
    };
    for key in ["js", "ts", "esModule"] {
        if let Some(Value::String(text)) = object.get_mut(key) {
            return Ok(ModuleText::Code(std::mem::take(text)));
        }
    }
    if let Some(Value::String(text)) = object.get_mut("text") {
        return Ok(ModuleText::Text(std::mem::take(text)));
    }
    match object.get("json") {
        Some(json) => Ok(ModuleText::Json(json.to_string())),
        None => wrong("an object of that shape"),
    }
}

fn article(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(text) if text.trim().is_empty() => "an empty string",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
