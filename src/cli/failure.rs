//! Errors in one shape: what was being done, to what, why it failed, what to try.

use std::fmt;
use std::process::ExitCode;

/// Exit code of a question answered with no, of a divergence, of something not found.
pub const NO: u8 = 1;
/// Exit code of wrong usage and of failed input or output.
pub const USAGE: u8 = 2;
/// Exit code of something that evtui refuses to do.
pub const REFUSED: u8 = 3;
/// Exit code of a program ended by Ctrl-c.
pub const INTERRUPTED: u8 = 130;

/// An error that also says what to try. Printed as `evtui: WHAT: WHY` and `try: HINT`.
#[derive(Debug)]
pub struct Failure {
    what: String,
    hint: Option<String>,
    code: u8,
}

impl Failure {
    /// A failure with exit code [`USAGE`]; `what` reads like `cannot open x.jsonl: no such file`.
    #[must_use]
    pub fn new(what: impl fmt::Display) -> Failure {
        Failure {
            what: what.to_string(),
            hint: None,
            code: USAGE,
        }
    }

    /// Something to try, as a command or a sentence.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    /// Another exit code.
    #[must_use]
    pub fn code(mut self, code: u8) -> Failure {
        self.code = code;
        self
    }
}

impl From<crate::runtime::target::NoTarget> for Failure {
    fn from(missing: crate::runtime::target::NoTarget) -> Failure {
        Failure::new(missing.what).hint(missing.hint)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

/// Tells the person on standard error, and gives the exit code. A reader of standard output that
/// went away (`evtui events x | head`) is success.
#[must_use]
pub fn report(error: &anyhow::Error) -> ExitCode {
    let broken_pipe = error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    });
    if broken_pipe {
        return ExitCode::SUCCESS;
    }
    eprintln!("evtui: {error:#}");
    match error.downcast_ref::<Failure>() {
        Some(failure) => {
            if let Some(hint) = &failure.hint {
                eprintln!("try: {hint}");
            }
            ExitCode::from(failure.code)
        }
        None => ExitCode::from(USAGE),
    }
}
