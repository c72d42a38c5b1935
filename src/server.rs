//! HTTP over the service (SPEC §1–§3): routes, bodies, readers, limits. Nothing else knows HTTP.

pub mod access;
pub mod body;
pub mod bounds;
pub mod connection;
pub mod docs;
pub mod error;
pub mod input;
pub mod json;
pub mod metrics;
pub mod project;
pub mod query;
pub mod target;
