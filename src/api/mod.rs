//! Serde types of every custom resource, condition and reason enums, and the generated CRDs. Pure.
