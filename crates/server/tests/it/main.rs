//! The whole program from outside: the real binary, a local Cloudflare with the real `workerd`, a real database.

#![expect(
    clippy::print_stdout,
    reason = "tests stop at what they did not expect, and visit the program from outside"
)]

mod bad_input;
mod bare;
mod canary;
mod deploy;
mod door;
mod keys;
mod local_cloudflare;
mod postgres;
mod program;
mod removal;
mod replicas;
mod sign_in;
mod story;
mod sync;
mod watching;
mod webhook_receiver;
mod webhooks;
