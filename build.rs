//! How the binary is linked.
#![allow(clippy::disallowed_methods, reason = "cargo tells a build script of its target by the environment")]

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |part: &str| env::var(format!("CARGO_CFG_TARGET_{part}")).unwrap_or_default();
    // A binary that can lie anywhere has a hundred thousand addresses to set right at each start: two milliseconds, a quarter of
    // what a small chart takes. It lies at a fixed place instead, as Go's programs do.
    if target("OS") == "linux" && target("ENV") == "gnu" {
        println!("cargo:rustc-link-arg-bin=helmward=-no-pie");
    }
}
