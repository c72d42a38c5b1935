//! `evtui resume`: opens a paused stream's gate.

use super::Outcome;
use super::pause::{GateArgs, gate};
use crate::config::settings::Settings;
use crate::model::built_in::BuiltIn;
use anyhow::Result;

/// Resumes the stream.
///
/// # Errors
/// The service refuses or cannot be reached.
pub fn run(args: &GateArgs, settings: &Settings) -> Result<Outcome> {
    gate(BuiltIn::Resumed, args, settings)
}
