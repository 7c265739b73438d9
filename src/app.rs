//! Composition root: opens edges, starts controllers, owns shutdown and readiness.
