//! A context of the engine with a program loaded into it, and nothing in reach that reaches outside.

pub mod ambient;
mod effects;
mod errors;
pub mod globals;
mod inspect;
mod json_global;
mod modules;
pub mod outlet;
mod spread;
pub mod web;

pub use errors::Thrown;

use self::ambient::Ambient;
use self::outlet::Outlet;
use super::contract::{self, Processor};
use super::json::plain::Layouts;
use super::program::Program;
use boa_engine::builtins::promise::PromiseState;
use boa_engine::context::ContextBuilder;
use boa_engine::{Context, JsError, JsResult, JsValue, Module, Script, Source};
use std::path::Path;
use std::rc::Rc;

/// A loaded program.
pub struct Sandbox {
    /// The engine.
    pub context: Context,
    /// What is around the running call.
    pub ambient: Rc<Ambient>,
    /// What is known about the shapes of plain data here.
    pub layouts: Layouts,
    /// The processor found in the program.
    pub processor: Processor,
}

impl Sandbox {
    /// Deepest nesting of JavaScript calls; Node's default is about ten thousand, and the engine's own
    /// stack is sized for this many calls through native functions.
    const MAX_CALLS: usize = 5000;
    const MAX_STACK_VALUES: usize = 1 << 20;

    /// Evaluates the program in a context of its own and finds its processor.
    ///
    /// # Errors
    /// What was thrown on the way, or that there is no processor.
    pub fn new(program: &Program) -> Result<Sandbox, Thrown> {
        Self::around(program, Ambient::default(), &program.env)
    }

    /// The same for a live worker, whose hooks reach outside by `outlet`; `env` is what they find in
    /// `process.env`.
    ///
    /// # Errors
    /// As [`Sandbox::new`].
    pub fn live(
        program: &Program,
        outlet: Rc<Outlet>,
        env: &[(String, String)],
    ) -> Result<Sandbox, Thrown> {
        Self::around(program, Ambient::live(outlet), env)
    }

    fn around(
        program: &Program,
        ambient: Ambient,
        env: &[(String, String)],
    ) -> Result<Sandbox, Thrown> {
        let ambient = Rc::new(ambient);
        let modules = Rc::new(modules::Modules::default());
        let jobs = Rc::new(modules::Jobs::new(ambient.clone()));
        let mut context = ContextBuilder::new()
            .clock(Rc::new(ambient::EventClock::new(ambient.clone())))
            .host_hooks(Rc::new(ambient::Hooks))
            .job_executor(jobs)
            .module_loader(modules.clone())
            .can_block(false)
            .build()
            .map_err(|e| Thrown::text(&e.to_string()))?;
        let limits = context.runtime_limits_mut();
        limits.set_recursion_limit(Self::MAX_CALLS);
        limits.set_stack_size_limit(Self::MAX_STACK_VALUES);
        context.insert_data(ambient.clone());
        ambient.begin_load();
        let mut layouts = Layouts::new(&mut context);
        let found = globals::install(&mut context, env, &program.env)
            .and_then(|()| evaluate(program, &modules, &mut context))
            .and_then(|value| contract::settle(value, &mut context));
        let processor = match found {
            Ok(value) => contract::read(&value, &mut layouts, &mut context),
            Err(error) => Err(Thrown::new(error, &mut context)),
        }?;
        ambient.loaded();
        Ok(Sandbox {
            context,
            ambient,
            layouts,
            processor,
        })
    }
}

/// Runs the program's entry and gives what stands for its processor (SPEC §9), or `undefined`.
fn evaluate(
    program: &Program,
    modules: &modules::Modules,
    context: &mut Context,
) -> JsResult<JsValue> {
    let Some(entry) = program.modules.first() else {
        return Ok(JsValue::undefined());
    };
    for module in &program.modules {
        modules.add(&module.name, &module.code);
    }
    if program.is_script {
        let source = Source::from_bytes(&entry.code).with_path(Path::new(&entry.name));
        let completion = Script::parse(source, None, context)?.evaluate(context)?;
        context.run_jobs()?;
        // A top-level const is no property of the global object; only a script sees it.
        let probe = "typeof processor === 'undefined' ? undefined : processor";
        let named = context.eval(Source::from_bytes(probe))?;
        return Ok(if named.is_undefined() {
            completion
        } else {
            named
        });
    }
    let module = parse(&entry.name, &entry.code, context)?;
    modules.put(&entry.name, module.clone());
    run(&module, context)?;
    contract::from_exports(&module, context)
}

fn parse(name: &str, code: &str, context: &mut Context) -> JsResult<Module> {
    let source = Source::from_bytes(code).with_path(Path::new(name));
    Module::parse(source, None, context)
}

fn run(module: &Module, context: &mut Context) -> JsResult<()> {
    let promise = module.load_link_evaluate(context);
    context.run_jobs()?;
    match promise.state() {
        PromiseState::Fulfilled(_) => Ok(()),
        PromiseState::Rejected(error) => Err(JsError::from_opaque(error)),
        PromiseState::Pending => Err(boa_engine::JsNativeError::error()
            .with_message("a module waits at its top level for something that never comes")
            .into()),
    }
}
