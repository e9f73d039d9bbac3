//! What a site owner wants, what exists at Cloudflare, and which steps close the gap.
//!
//! Values and pure functions only: no I/O, no async, no clock, no randomness. Whoever needs the time or a new id
//! passes it in.

pub mod agents;
pub mod alert;
pub mod connection;
pub mod deployment;
pub mod desired;
pub mod edge;
pub mod identity;
pub mod ids;
pub mod lint;
mod markup;
pub mod names;
pub mod observed;
pub mod path;
pub mod plan;
pub mod preview;
pub mod proof;
pub mod reading;
pub mod route_pattern;
pub mod secret;
pub mod time;
pub mod traffic;
pub mod variant;
pub mod visit;
