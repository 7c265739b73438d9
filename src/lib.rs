//! Helmward: a GitOps daemon in one binary.
//!
//! ```text
//! source ──► Snapshot ──► Rendered ──► Plan ──► Outcome ──► Health ──► Revision ──► Report
//!  edge       data         pure        pure      edge        pure       store        data
//!                                       ▲ live objects, read at the edge;
//!                                         release::observe + release::decide choose each step (pure)
//! ```
//!
//! Every arrow is a plain type that can be printed, stored and compared. The CLI, the page and the controllers
//! call the same functions on the same types; nothing is rendered, planned or judged in two places.
//!
//! # Code map
//!
//! Dependencies point down this list only (`tests/tidy.rs` enforces it):
//!
//! - [`app`]: composition root: opens edges, starts controllers, owns shutdown and readiness
//! - [`cli`]: one file per command, thin
//! - [`controller`]: shell loops: queue, source, release, bundle
//! - [`web`]: pages, JSON API, server-sent events; sees read-only views
//! - edges, the only modules that name gix, notify, kube, sled, `tokio::fs`, reqwest or the clock:
//!   [`git`], [`cluster`], [`store`], [`telemetry`]
//! - pure core, no I/O, clock, async or `kube::Client`: [`api`] (custom resources, conditions, reasons),
//!   [`object`] (ids, manifests), [`source`], [`render`], [`plan`], [`health`], [`release`]
//!
//! Sibling crates: `crates/chart` (the Helm-compatible engine) and `crates/kubemem` (a Kubernetes API in memory).

pub mod api;
pub mod app;
pub mod cli;
pub mod cluster;
pub mod controller;
pub mod git;
pub mod health;
pub mod object;
pub mod plan;
pub mod release;
pub mod render;
pub mod source;
pub mod store;
pub mod telemetry;
pub mod web;
