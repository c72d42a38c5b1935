//! Lets the thread that draws go first.

/// How much less the calling thread asks for, in steps of `nice(2)`: enough that a thread that wakes
/// for a key is run at once, little enough to go on beside other programs.
#[cfg(target_os = "linux")]
const STEPS: i32 = 10;

/// Makes the calling thread, and the processes that it starts, step back behind the ones that did
/// not. On Linux a thread has a niceness of its own; elsewhere it is the process's, and stays.
pub fn step_back() {
    #[cfg(target_os = "linux")]
    // Refused, all goes on as it did.
    let _ = rustix::process::nice(STEPS);
}
