//! Shell loops around the pure core: keyed queue, sources, releases, bundles.
//!
//! - [`queue`]: which key is due
//! - [`context`]: what all controllers share
//! - [`objects`]: custom resources, and who is woken by what
//! - [`source`]: Git sources
//! - [`mod@unit`]: HelmReleases and Kustomizations
//! - [`bootstrap`], [`requests`]: `--git URL --path DIR`; what people ask for on the page
//! - [`views`]: what the page reads

pub mod bootstrap;
pub mod context;
pub mod objects;
pub mod queue;
mod remote;
pub mod requests;
pub mod source;
pub mod tenancy;
pub mod unit;
pub mod views;
