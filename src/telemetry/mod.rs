//! Logs, metrics and the health listener. Edge.

mod health;
mod logs;
mod metrics;
mod process;

pub use health::{Gate, Readiness, health_router, metrics_router, serve};
pub use logs::{LogFilterError, LogFormat, init, subscriber};
pub use metrics::{BuildInfo, DriftClass, Metrics, Processing, ReconcileResult, ReleaseInfo, ResourceInfo, RollbackReason, SseClient};
