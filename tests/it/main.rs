//! Tests that cross a module's border: one binary, a module per boundary.

mod cli;
mod crds;
