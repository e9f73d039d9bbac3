//! The running program's shared parts.
