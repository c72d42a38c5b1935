//! `evtui deploy`: a processor from a file, checked and sent to a stream as a dynamic worker.

use super::Outcome;
use super::args::ServiceArgs;
use super::failure::{Failure, NO};
use super::service::{connect, may_append, stream_path};
use crate::config::settings::Settings;
use crate::model::built_in::BuiltIn;
use crate::processor::host::BoxReducer;
use crate::processor::limits::Limits;
use crate::processor::program::Program;
use crate::processor::source::{self, Input, ModuleText, SourceError, prepare};
use crate::replay::reducer::Reducer;
use anyhow::{Context, Result};
use clap::{Args, ValueHint};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `evtui deploy`
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
The file's relative imports go along. Packages from npm are bundled by esbuild where it is on PATH.
The code is loaded here first: what would not load is not sent. Prints the stored event.

Examples:
  evtui deploy /yourname/agent --file agent.ts
  evtui deploy /yourname/agent --file agent.ts --slug agent --url http://127.0.0.1:7070")]
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

    #[command(flatten)]
    pub service: ServiceArgs,
}

/// What is sent.
struct Bundle {
    input: Input,
    program: Program,
    /// Of the processor itself.
    text: String,
}

/// Checks the processor and sends it.
///
/// # Errors
/// It cannot be loaded, the service refuses it or cannot be reached.
pub fn run(args: &DeployArgs, settings: &Settings) -> Result<Outcome> {
    may_append(settings)?;
    let path = stream_path(&args.path)?;
    let bundle = bundle(&args.file)?;
    check(&args.file, bundle.program, settings)?;
    let slug = match &args.slug {
        Some(slug) if slug.trim().is_empty() => {
            return Err(Failure::new("--slug must not be empty").into());
        }
        Some(slug) => slug.clone(),
        None => source::own_slug(&bundle.text).unwrap_or_else(|| stem(&args.file)),
    };
    let mut payload = Map::from_iter([("slug".to_owned(), json!(slug))]);
    match bundle.input {
        Input::Modules(modules) => {
            let modules = modules.into_iter().map(|(name, module)| match module {
                ModuleText::Code(text) => (name, Value::from(text)),
                ModuleText::Json(text) | ModuleText::Text(text) => (name, json!({ "text": text })),
            });
            payload.insert("modules".into(), modules.collect());
        }
        _ => {
            payload.insert("script".into(), bundle.text.into());
        }
    }
    let event = json!({
        "type": BuiltIn::DynamicWorkerConfigured.to_string(),
        "payload": payload,
    });
    let connected = connect(&args.service, settings)?;
    super::append::send(&connected.remote, &path, event.to_string())
}

fn stem(file: &Path) -> String {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy());
    stem.map_or_else(|| "processor".to_owned(), |stem| stem.into_owned())
}

/// The file with all that it imports.
fn bundle(file: &Path) -> Result<Bundle> {
    let program = match prepare(&Input::File(file.to_owned())) {
        Ok(program) => program,
        Err(error) if error.wants_packages() => return esbuild(file, &error),
        Err(error) => return Err(unloadable(file, &error.to_string()).into()),
    };
    let own: Vec<_> = program.modules.iter().filter(|m| !m.is_ours()).collect();
    let Some(entry) = own.first() else {
        return Err(unloadable(file, "there is nothing in it").into());
    };
    let text = entry.original.clone();
    if own.len() == 1 {
        let slug = stem(file);
        let input = Input::Script {
            slug,
            text: text.clone(),
        };
        return Ok(Bundle {
            input,
            program,
            text,
        });
    }
    let names: Vec<&str> = own.iter().map(|module| module.name.as_str()).collect();
    let folder = common_folder(&names);
    let inside = |name: &str| name[folder.len()..].to_owned();
    let modules: BTreeMap<String, ModuleText> = own
        .iter()
        .map(|module| {
            (
                inside(&module.name),
                ModuleText::Code(module.original.clone()),
            )
        })
        .collect();
    let entry = inside(&entry.name);
    let input = Input::Modules(modules);
    // What is sent is what is checked.
    let program = prepare(&input).map_err(|error| unloadable(file, &error.to_string()))?;
    if program.modules.first().map(|module| module.name.as_str()) != Some(entry.as_str()) {
        let why = format!(
            "among its modules, {entry} would not be taken for the processor: call the file processor.ts"
        );
        return Err(unloadable(file, &why).into());
    }
    Ok(Bundle {
        input,
        program,
        text,
    })
}

/// The folder that all of these are in, with its slash; may be empty.
fn common_folder(names: &[&str]) -> String {
    let folder = |name: &str| name.rfind('/').map_or(0, |slash| slash + 1);
    let first = names.first().copied().unwrap_or_default();
    let mut common = &first[..folder(first)];
    while !names.iter().all(|name| name.starts_with(common)) {
        common = &common[..folder(common.trim_end_matches('/'))];
    }
    common.to_owned()
}

/// One script of a file that imports packages.
fn esbuild(file: &Path, error: &SourceError) -> Result<Bundle> {
    let output = Command::new("esbuild")
        .arg(file)
        .args([
            "--bundle",
            "--format=esm",
            "--platform=browser",
            "--target=es2022",
            "--log-level=warning",
        ])
        .args(source::sdk_packages().map(|package| format!("--external:{package}")))
        .output();
    let output = match output {
        Ok(output) => output,
        Err(missing) if missing.kind() == ErrorKind::NotFound => {
            return Err(unloadable(file, &error.to_string())
                .hint("with esbuild on PATH, deploy bundles packages: npm install --global esbuild")
                .into());
        }
        Err(other) => return Err(other).context("cannot run esbuild"),
    };
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        let why = format!(
            "esbuild cannot bundle it ({}):\n{}",
            output.status,
            told.trim()
        );
        return Err(unloadable(file, &why).into());
    }
    let text = String::from_utf8(output.stdout)
        .map_err(|_| unloadable(file, "esbuild's bundle is not UTF-8"))?;
    let input = Input::Script {
        slug: stem(file),
        text: text.clone(),
    };
    let program = prepare(&input).map_err(|error| unloadable(file, &error.to_string()))?;
    Ok(Bundle {
        input,
        program,
        text,
    })
}

/// Loads it in the box, as the service will.
fn check(file: &Path, program: Program, settings: &Settings) -> Result<()> {
    let exe = std::env::current_exe().context("cannot find evtui's own binary")?;
    let limits = Limits {
        reduce_timeout: settings.reduce_timeout.value,
        ..Limits::default()
    };
    BoxReducer::new(exe, program, limits)
        .form()
        .map(|_| ())
        .map_err(|error| unloadable(file, &error.to_string()).into())
}

fn unloadable(file: &Path, why: &str) -> Failure {
    Failure::new(format!("cannot deploy {}: {why}", file.display())).code(NO)
}

#[cfg(test)]
mod tests {
    use super::common_folder;

    #[test]
    fn the_folder_that_all_are_in() {
        for (names, expected) in [
            (&["a.ts"][..], ""),
            (&["x/a.ts", "x/b.ts"], "x/"),
            (&["x/a.ts", "x/y/b.ts"], "x/"),
            (&["x/y/a.ts", "x/z/b.ts"], "x/"),
            (&["/r/x/a.ts", "/r/xy/b.ts"], "/r/"),
            (&["../a/b.ts", "../c.ts"], "../"),
            (&["x/a.ts", "b.ts"], ""),
        ] {
            assert_eq!(common_folder(names), expected, "{names:?}");
        }
    }
}
