//! Cloudflare on loopback: its API and its edge, with the real `workerd` behind it.

pub mod edge;
