//! Carries out what the screen and the commands want done outside.

pub mod open;
