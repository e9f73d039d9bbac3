//! The whole program from outside: the real binary, a local Cloudflare with the real `workerd`, a real database.

#![expect(
    clippy::print_stdout,
    reason = "tests stop at what they did not expect, and visit the program from outside"
)]

mod agents;
mod alerts;
mod apply;
mod audit;
mod backups;
mod bad_input;
mod bare;
mod by_command;
mod by_hand;
mod canary;
mod connect_stream;
mod console;
mod day;
mod demo;
mod deploy;
mod door;
mod drift;
mod fault_matrix;
mod figures;
mod imports;
mod ingest_kill;
mod kept;
mod keys;
mod live_pages;
mod local_cloudflare;
mod outside_edits;
mod paths;
mod postgres;
mod preflight;
mod previews;
mod program;
mod proof;
mod random;
mod removal;
mod replicas;
mod revisions;
mod rotation;
mod routes;
mod sealed;
mod sign_in;
mod story;
mod sync;
mod token_check;
mod traffic;
mod traffic_engine;
mod traffic_pages;
mod twice;
mod unreadable;
mod verification;
mod watching;
mod webhook_receiver;
mod webhooks;
mod witness;
mod wrong_worlds;
mod zones;
