//! Shell loops around the pure core.

pub mod queue;
pub mod views;
