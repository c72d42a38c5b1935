//! From a log and what the person asked for to a session that folds it: the one place that joins
//! the workers found in a log, the processor given by hand and the engine. Headless commands and
//! the screen both begin here.

use crate::model::log::EventLog;
use crate::processor::deployments::{self, Deployments, Trouble};
use crate::processor::host::BoxReducer;
use crate::processor::limits::Limits;
use crate::processor::program::Program;
use crate::processor::source::{Input, prepare};
use crate::replay::built_in::BuiltInReducer;
use crate::replay::reducer::{Reducer, ReducerError};
use crate::replay::session::{CodeId, Factory, Session, Who};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who folds, and within which limits.
#[derive(Clone, Debug)]
pub struct Options {
    /// A processor on disk, before any that the log configures.
    pub processor: Option<PathBuf>,
    /// Of the workers that the log configures, this one.
    pub worker: Option<String>,
    /// What one event may cost.
    pub limits: Limits,
    /// Bytes of keyframes.
    pub keyframe_memory: usize,
}

/// A session and the workers that its log configures, looked for as the log becomes known.
pub struct Desk {
    /// The states of the log.
    pub session: Session,
    found: Arc<Mutex<Deployments>>,
    looked_to: usize,
    file: Option<Arc<str>>,
    wanted: Option<String>,
    input: Option<Input>,
}

impl Desk {
    /// Sets up a session; nothing is looked for or folded yet.
    ///
    /// # Errors
    /// The processor file cannot be read or prepared, or this program's own binary (which runs the
    /// engine) cannot be found.
    pub fn new(log: Arc<dyn EventLog>, options: &Options) -> Result<Desk> {
        let exe = std::env::current_exe().context("cannot find evtui's own binary")?;
        let input = options.processor.clone().map(Input::File);
        if let Some(input) = &input {
            prepare(input)?;
        }
        let found: Arc<Mutex<Deployments>> = Arc::default();
        let limits = options.limits;
        let (shared, given) = (Arc::clone(&found), input.clone());
        let factory: Factory = Box::new(move |code| {
            let found = match code {
                CodeId::BuiltIn => return Ok(Box::new(BuiltInReducer::new(deployments::named))),
                CodeId::File(_) => given
                    .clone()
                    .map(|input| (input, Arc::clone(&lock(&shared).env))),
                CodeId::Deployment { slug, row } => lock(&shared)
                    .version(slug, *row)
                    .map(|v| (v.input.clone(), Arc::clone(&v.env))),
            };
            let (input, env) =
                found.ok_or_else(|| ReducerError::Load("no such processor".to_owned()))?;
            let mut program =
                prepare(&input).map_err(|error| ReducerError::Load(error.to_string()))?;
            program.env = Arc::unwrap_or_clone(env).into_iter().collect();
            let reducer: Box<dyn Reducer> = Box::new(BoxReducer::new(exe.clone(), program, limits));
            Ok(reducer)
        });
        Ok(Desk {
            session: Session::new(log, factory, options.keyframe_memory),
            found,
            looked_to: 0,
            file: options
                .processor
                .as_ref()
                .map(|path| path.display().to_string().into()),
            wanted: options.worker.clone(),
            input,
        })
    }

    /// Looks for workers in the rows that became known since the last look. True when there is
    /// something new.
    pub fn look(&mut self) -> bool {
        let log = Arc::clone(self.session.log());
        let len = log.len();
        if len < self.looked_to {
            // Truncated: another log by now.
            self.looked_to = 0;
            *lock(&self.found) = Deployments::default();
        }
        let (deployed, news) = {
            let mut found = lock(&self.found);
            let count = |found: &Deployments| {
                let versions = found.workers.iter().map(|w| w.versions.len());
                versions.sum::<usize>() + found.troubles.len()
            };
            let before = count(&found);
            self.looked_to = found.find_in(&*log, self.looked_to..len);
            (found.deployed(), count(&found) != before)
        };
        if news {
            self.session.set_deployed(deployed);
        }
        news
    }

    /// Everyone whose state can be looked at: the file, the workers in the order of their first
    /// configuration, the service itself.
    #[must_use]
    pub fn all(&self) -> Vec<Who> {
        let file = self.file.iter().map(|name| Who::File(Arc::clone(name)));
        let workers = self.session.deployed().iter();
        let workers = workers.map(|deployed| Who::Worker(Arc::clone(&deployed.slug)));
        file.chain(workers).chain([Who::BuiltIn]).collect()
    }

    /// Whose state was asked for, or the best guess: the file, else the worker with the wanted
    /// slug, else the first worker, else the service itself.
    ///
    /// # Errors
    /// The wanted slug is not configured by what was looked at so far; names those that are.
    pub fn chosen(&self) -> Result<Who> {
        let all = self.all();
        let Some(wanted) = &self.wanted else {
            // There is always the built-in state at the end.
            return Ok(all.into_iter().next().unwrap_or(Who::BuiltIn));
        };
        let slugs: Vec<&str> = all
            .iter()
            .filter_map(|who| match who {
                Who::Worker(slug) => Some(&**slug),
                Who::File(_) | Who::BuiltIn => None,
            })
            .collect();
        match slugs.iter().find(|slug| *slug == wanted) {
            Some(slug) => Ok(Who::Worker((*slug).into())),
            None if slugs.is_empty() => {
                bail!("no worker {wanted:?}: the log configures none");
            }
            None => bail!(
                "no worker {wanted:?}: the log configures {}",
                slugs.join(", ")
            ),
        }
    }

    /// Configurations in the log that configure nothing, and why.
    #[must_use]
    pub fn troubles(&self) -> Vec<Trouble> {
        lock(&self.found).troubles.clone()
    }

    /// The code of `who` in force after `rows` events, for the source pane; `None` for the service
    /// itself.
    ///
    /// # Errors
    /// The code cannot be prepared: what and where.
    pub fn program(&self, who: &Who, rows: usize) -> Result<Option<Program>> {
        let input = match who {
            Who::BuiltIn => return Ok(None),
            Who::File(_) => self.input.clone(),
            Who::Worker(slug) => {
                let found = lock(&self.found);
                found.worker(slug).and_then(|worker| {
                    let version = worker.version_at(rows).or(worker.versions.first());
                    version.map(|version| version.input.clone())
                })
            }
        };
        let program = input.map(|input| prepare(&input)).transpose()?;
        Ok(program)
    }
}

/// What a panicking thread left behind is still a list of deployments.
fn lock(found: &Mutex<Deployments>) -> MutexGuard<'_, Deployments> {
    found.lock().unwrap_or_else(PoisonError::into_inner)
}
