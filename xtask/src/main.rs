//! Routines.
fn main() {}
