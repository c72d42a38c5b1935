//! `evtui deploy`: a processor from a file, checked and sent to a stream as a dynamic worker.

mod bundle;
mod esbuild;

use self::bundle::Bundle;
use super::Outcome;
use super::args::ServiceArgs;
use super::failure::{Failure, NO};
use super::service::{connect, failure, may_append, stream_path};
use crate::config::settings::Settings;
use crate::model::built_in::BuiltIn;
use crate::processor::host::BoxReducer;
use crate::processor::limits::Limits;
use crate::processor::source::{self, Culprit, map_bundle};
use crate::replay::reducer::{Reducer, ReducerError};
use anyhow::{Context, Result};
use clap::{Args, ValueHint};
use serde_json::json;
use std::path::{Path, PathBuf};

/// `evtui deploy`
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
The file's relative imports go along, types are stripped. Packages from npm are bundled by esbuild
where it is on PATH. The code is loaded here first: what would not load is not sent. Prints the
stored event.

Examples:
  evtui deploy /yourname/agent --file agent.ts
  evtui deploy /yourname/agent --file agent.ts --slug agent --url http://127.0.0.1:7070
  evtui deploy /yourname/agent --file agent.ts --env MODEL=gpt-4o-mini --env MODEL_URL")]
pub struct DeployArgs {
    /// The stream that becomes an agent
    #[arg(value_name = "PATH")]
    pub path: String,

    /// The processor, in JavaScript or TypeScript
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,

    /// The worker's name on the stream; one of the same name is replaced [default: the processor's
    /// own slug, or the file's name]
    #[arg(long, value_name = "SLUG")]
    pub slug: Option<String>,

    /// First set this in `process.env` of the stream's workers; without =VALUE, to what it is here.
    /// It is kept in the stream: a key belongs in a secret
    #[arg(long, value_name = "KEY[=VALUE]")]
    pub env: Vec<String>,

    #[command(flatten)]
    pub service: ServiceArgs,
}

/// Checks the processor and sends it.
///
/// # Errors
/// It cannot be loaded, the service refuses it or cannot be reached.
pub fn run(args: &DeployArgs, settings: &Settings) -> Result<Outcome> {
    may_append(settings)?;
    let path = stream_path(&args.path)?;
    let env = args
        .env
        .iter()
        .map(|text| variable(text))
        .collect::<Result<Vec<_>, Failure>>()?;
    if args
        .slug
        .as_ref()
        .is_some_and(|slug| slug.trim().is_empty())
    {
        return Err(Failure::new("--slug must not be empty").into());
    }
    let mut bundle = Bundle::of(&args.file)?;
    check(&args.file, &bundle, settings)?;
    let slug = match &args.slug {
        Some(slug) => slug.clone(),
        None => source::own_slug(&bundle.text).unwrap_or_else(|| stem(&args.file)),
    };
    bundle.code.insert("slug".to_owned(), json!(slug));
    let connected = connect(&args.service, settings)?;
    let remote = &connected.remote;
    for (key, value) in env {
        let event = json!({
            "type": BuiltIn::DynamicWorkerEnvVarSet.to_string(),
            "payload": {"key": key, "value": value},
        });
        remote
            .wait(remote.client().append(&path, event.to_string()))
            .context("the connection is closed")?
            .map_err(|trouble| failure(&format!("set {key} on {path}"), &trouble))?;
    }
    let event = json!({
        "type": BuiltIn::DynamicWorkerConfigured.to_string(),
        "payload": bundle.code,
    });
    super::append::send(remote, &path, event.to_string())
}

/// Reads an `--env`.
fn variable(text: &str) -> Result<(&str, String), Failure> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, value.to_owned()),
        None => match std::env::var(text) {
            Ok(value) => (text, value),
            Err(error) => {
                let what = format!("cannot take --env {text} from the environment: {error}");
                return Err(Failure::new(what).hint(format!("--env {text}=VALUE")));
            }
        },
    };
    if key.trim().is_empty() {
        return Err(Failure::new(format!("--env {text} names no variable")));
    }
    Ok((key, value))
}

fn stem(file: &Path) -> String {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy());
    stem.map_or_else(|| "processor".to_owned(), |stem| stem.into_owned())
}

/// Loads it in the box, as the service will.
fn check(file: &Path, bundle: &Bundle, settings: &Settings) -> Result<()> {
    let exe = std::env::current_exe().context("cannot find evtui's own binary")?;
    let limits = Limits {
        reduce_timeout: settings.reduce_timeout.value,
        ..Limits::default()
    };
    let form = BoxReducer::new(exe, bundle.program.clone(), limits).form();
    let Err(error) = form else { return Ok(()) };
    let ReducerError::Load(message) = error else {
        return Err(unloadable(file, &error.to_string()).into());
    };
    let why = placed(file, bundle, &message).unwrap_or(message);
    Err(unloadable(file, &why).into())
}

/// What loading says, with the place in the person's files where it does not say that itself.
fn placed(file: &Path, bundle: &Bundle, message: &str) -> Option<String> {
    let modules = &bundle.program.modules;
    if message.starts_with("this code gives ") || message.starts_with("the processor") {
        // It was loaded, and is none: nothing was thrown that would have a place.
        let member = ["reduce", "initialState"]
            .into_iter()
            .find(|member| message.starts_with(&format!("the processor's {member} ")));
        let culprit = member.map_or(Culprit::Processor, Culprit::Member);
        let text = std::fs::read_to_string(file).ok()?;
        let problem = source::blame(&file.to_string_lossy(), &text, culprit, message)?;
        return Some(problem.to_string());
    }
    let missing = message.strip_prefix("SyntaxError: could not find export `");
    if let Some((name, _)) = missing.and_then(|rest| rest.split_once('`')) {
        let why = format!("what it imports from has no export `{name}`");
        let culprit = Culprit::Import(name);
        let problem = modules
            .iter()
            .find_map(|module| source::blame(&module.name, &module.original, culprit, &why))?;
        return Some(problem.to_string());
    }
    let map = bundle.source_map.as_ref()?;
    let module = modules.first()?;
    Some(map_bundle(message, &module.name, &bundle.text, map))
}

fn unloadable(file: &Path, why: &str) -> Failure {
    Failure::new(format!("cannot deploy {}: {why}", file.display())).code(NO)
}
