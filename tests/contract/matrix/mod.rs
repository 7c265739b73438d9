//! Every request and every store write of an action as a moment to die at (`crash`), and every verb with every fault (`faults`).
//!
//! - `story`: the actions, and what each must come to
//! - `verdict`: whether a cluster has come to it
//! - `wire`: what lies between the daemon and the API server, and is cut; `stand`: a world with it
//! - `moment`: a moment, and how the daemon is stopped exactly there
//! - `crash`: the crash matrix, on kubemem as a process of its own or on real control planes
//! - `faults`: the fault matrix
//!
//! `HELMWARD_MATRIX_WORKERS` clusters are worked on at a time (3). `HELMWARD_MATRIX_EVERY` takes every n-th moment only.
//! `HELMWARD_MATRIX_ONLY` names a single moment as it is printed, such as `upgrade/api 17 after/state lost`.
//! `HELMWARD_MATRIX_KUBECONFIGS`, separated by colons, are the real control planes, one for each worker.

mod crash;
mod faults;
mod moment;
mod stand;
mod story;
mod verdict;
mod wire;
