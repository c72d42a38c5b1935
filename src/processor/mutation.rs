//! Tells whether a program ever changes an object that it did not make in the same call.

use oxc_ast::ast::Program;
use oxc_semantic::Scoping;

/// What one module's functions change.
#[derive(Debug, Default)]
pub struct Facts {
    mutates: bool,
}

/// Looks at one module, before its types are stripped.
#[must_use]
pub fn analyse(_program: &Program<'_>, _scoping: &Scoping) -> Facts {
    Facts { mutates: true }
}

impl Facts {
    /// True when no module changes what an earlier call may have kept.
    #[must_use]
    pub fn never_mutates(facts: &[Facts]) -> bool {
        facts.iter().all(|f| !f.mutates)
    }
}
