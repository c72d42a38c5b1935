//! The binary: parse, dispatch, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    // The processor's box is this same binary; nothing else may run in that process.
    if args.get(1).is_some_and(|word| word == "__box") {
        return evtui::processor::child::run();
    }
    evtui::cli::main(args)
}
