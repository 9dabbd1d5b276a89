//! Starts Watchbook.
fn main() {}
