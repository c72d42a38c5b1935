//! Modules of a program by name, and the jobs of promises: run while loading and in hooks, dropped in
//! a reducer.

use super::ambient::Ambient;
use boa_engine::job::{Job, JobExecutor, NativeAsyncJob, PromiseJob};
use boa_engine::module::{ModuleLoader, ModuleRequest, Referrer};
use boa_engine::{Context, JsNativeError, JsObject, JsResult, JsValue, Module, Source, js_string};
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::Path;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

/// The program's modules; each is parsed when first imported.
#[derive(Default)]
pub struct Modules {
    code: RefCell<FxHashMap<String, String>>,
    parsed: RefCell<FxHashMap<String, Module>>,
}

impl Modules {
    /// Makes a module importable by its name.
    pub fn add(&self, name: &str, code: &str) {
        self.code.borrow_mut().insert(name.into(), code.into());
    }

    /// Puts a parsed module in the place of its name.
    pub fn put(&self, name: &str, module: Module) {
        self.parsed.borrow_mut().insert(name.into(), module);
    }
}

impl ModuleLoader for Modules {
    async fn load_imported_module(
        self: Rc<Self>,
        _: Referrer,
        request: ModuleRequest,
        context: &RefCell<&mut Context>,
    ) -> JsResult<Module> {
        let name = request.specifier().to_std_string_lossy();
        if let Some(module) = self.parsed.borrow().get(&name) {
            return Ok(module.clone());
        }
        let code = self.code.borrow().get(&name).cloned();
        let Some(code) = code else {
            return Err(JsNativeError::typ()
                .with_message(format!(
                    "cannot import {name:?}: no such module in this program"
                ))
                .into());
        };
        let source = Source::from_bytes(&code).with_path(Path::new(&name));
        let module = Module::parse(source, None, &mut context.borrow_mut())?;
        self.parsed.borrow_mut().insert(name, module.clone());
        Ok(module)
    }

    fn init_import_meta(self: Rc<Self>, import_meta: &JsObject, _: &Module, context: &mut Context) {
        // A fresh ordinary object takes any property.
        let _ = import_meta.create_data_property(js_string!("main"), JsValue::new(false), context);
    }
}

/// A queue that runs to its end. A reducer is synchronous: what it leaves for later never runs, so
/// that `state(n)` cannot depend on it.
pub struct Jobs {
    ambient: Rc<Ambient>,
    promises: RefCell<VecDeque<PromiseJob>>,
    futures: RefCell<VecDeque<NativeAsyncJob>>,
}

impl Jobs {
    /// An empty queue.
    pub fn new(ambient: Rc<Ambient>) -> Jobs {
        Jobs {
            ambient,
            promises: RefCell::default(),
            futures: RefCell::default(),
        }
    }
}

impl JobExecutor for Jobs {
    fn enqueue_job(self: Rc<Self>, job: Job, _: &mut Context) {
        if self.ambient.is_reducing() {
            return;
        }
        match job {
            Job::PromiseJob(job) => self.promises.borrow_mut().push_back(job),
            Job::AsyncJob(job) => self.futures.borrow_mut().push_back(job),
            // Timers and finalizers have no time to run in.
            _ => {}
        }
    }

    fn run_jobs(self: Rc<Self>, context: &mut Context) -> JsResult<()> {
        loop {
            let promise = self.promises.borrow_mut().pop_front();
            if let Some(job) = promise {
                job.call(context)?;
                continue;
            }
            let future = self.futures.borrow_mut().pop_front();
            let Some(job) = future else { return Ok(()) };
            let cell = RefCell::new(&mut *context);
            let mut future = pin!(job.call(&cell));
            let waker = std::task::Waker::noop();
            // The only futures here are our module loads, which are ready at once.
            if let Poll::Ready(result) = future
                .as_mut()
                .poll(&mut std::task::Context::from_waker(waker))
            {
                result?;
            }
        }
    }
}
