//! Taking events: formats that come in, and the one writer that all of them go through.

pub mod body;
pub mod cloudevents;
pub mod commits;
mod patience;
pub mod ping;
pub mod writer;
