//! What is wrong with an object, by field.

/// An object that cannot be used: which one, which field, what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{object}: {path} {problem}; {advice}")]
pub struct ApiError {
    /// `HelmRelease apps/web`.
    pub object: String,
    /// `spec.chart.spec.sourceRef.kind`.
    pub path: String,
    /// What is wrong, as the rest of a sentence that begins with the path.
    pub problem: String,
    /// What to do.
    pub advice: String,
}
