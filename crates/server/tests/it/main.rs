//! The whole program from outside: the real binary, a local Cloudflare with the real `workerd`, a real database.

mod bad_input;
mod bare;
mod deploy;
mod door;
mod keys;
mod local_cloudflare;
mod program;
mod removal;
mod replicas;
mod sign_in;
mod story;
mod sync;
