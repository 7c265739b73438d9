//! Logs, metrics and the health listener. Edge.
