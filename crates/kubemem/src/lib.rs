//! A Kubernetes API in memory: an axum router for tests and demos.
