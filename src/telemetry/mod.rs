//! Logs, metrics and the health listener. Edge.

mod health;
mod logs;
mod metrics;
mod process;

pub use health::{Readiness, ReadinessHandle, health_router, metrics_router, serve, serve_health, serve_metrics};
pub use logs::{LogFilterError, LogFormat, init, subscriber};
pub use metrics::{BuildInfo, DriftClass, Metrics, Processing, ReconcileResult, ResourceInfo, SseClient};
