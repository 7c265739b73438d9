//! The same scenarios on kubemem and on a real kube-apiserver: the binary, a Git server, a cluster, and nothing else.
//!
//! `cargo test --test contract` runs them on kubemem. With `HELMWARD_TEST_KUBECONFIG` set to a throwaway cluster's kubeconfig
//! (`tests/contract/cluster.sh`), they run there.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stderr, missing_docs, unreachable_pub)]

mod adoption;
mod chart;
mod charts;
mod crash;
mod crds;
mod dependencies;
mod edges;
mod errors;
mod examples;
mod expressions;
mod fields;
mod gitserver;
mod helm;
mod hooks;
mod matrix;
mod monorepo;
mod operator;
mod pieces;
mod protection;
mod rendering;
mod rollback;
mod small;
mod start;
mod story;
mod supersession;
mod tenants;
mod text;
mod validation;
mod values;
mod webhook;
mod workloads;
mod world;
