//! The whole program from outside: the real binary, a local Cloudflare with the real `workerd`, a real database.

mod bad_input;
mod deploy;
mod local_cloudflare;
mod program;
mod removal;
mod story;
mod sync;
