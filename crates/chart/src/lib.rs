#![doc = include_str!("../README.md")]
//!
//! # Map
//!
//! - [`chart`]: loading a chart from a tree of files, metadata, dependencies
//! - [`values`]: coalescing, `--set` paths, schema validation
//! - [`template`]: Go's text/template: lexer, parser, executor, and the functions of sprig and Helm
//! - [`yaml`]: YAML as Go's libraries read and write it
//! - [`go`]: other Go libraries whose output shows in manifests
//! - [`render`]: a chart, values, a release and capabilities to manifests, hooks, CRDs and notes
//! - [`lint`]: what is wrong, odd or missing in a chart, in Helm's words
//! - [`release`]: the release record as Helm stores it in Secrets

pub mod chart;
pub mod go;
pub mod lint;
pub mod release;
pub mod render;
pub mod template;
pub mod values;
pub mod yaml;

/// A JSON tree: the form in which values and documents cross this crate's border, where Go has `map[string]interface {}`.
pub type Json = serde_json::Value;
