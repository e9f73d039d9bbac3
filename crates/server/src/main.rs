//! Edge Delivery.
fn main() {}
