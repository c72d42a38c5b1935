//! JavaScript in a box: finding a processor, preparing its source, running it without hooks.

pub mod child;
mod contract;
pub mod deployments;
mod frames;
pub mod host;
mod json;
pub mod jsonata;
pub mod limits;
pub mod mutation;
mod process;
pub mod program;
mod rewrite;
mod sandbox;
pub mod source;
pub mod worker;
