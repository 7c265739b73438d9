//! Shell loops around the pure core: keyed queue, sources, releases, bundles.

pub mod queue;
pub mod views;
