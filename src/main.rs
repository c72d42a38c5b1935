//! The binary: parse, dispatch, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The processor's box is this same binary; nothing else may run in that process.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == "__box")
    {
        return evtui::processor::child::run();
    }
    ExitCode::SUCCESS
}
