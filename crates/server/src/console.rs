//! The console: pages rendered here, which work without scripts.
//!
//! One file per page with its view struct and its handlers; templates stand in `templates/`, style sheet and scripts in
//! `console-assets/`.

#![allow(dead_code, reason = "the handlers follow")]

pub(crate) mod activity;
pub(crate) mod agents;
pub(crate) mod assets;
pub(crate) mod connections;
pub(crate) mod deployments;
pub(crate) mod door;
pub(crate) mod failure;
pub(crate) mod overview;
pub(crate) mod parts;
pub(crate) mod settings;
pub(crate) mod shell;
pub(crate) mod sites;
pub(crate) mod variants;
pub(crate) mod visit;

#[cfg(test)]
mod samples;
