//! The edge: a request's Host decides the zone, the zone's routes decide the Worker, and what no Worker takes
//! goes to the zone's origin.

pub mod pattern;
