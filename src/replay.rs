//! The time machine: folds over a log, keyframes, seeking and stepping. Synchronous and free of any
//! engine; whoever can fold events implements [`reducer::Reducer`].

pub mod built_in;
pub mod moment;
pub mod reducer;
pub mod session;
pub mod timeline;

#[cfg(test)]
mod testing;
