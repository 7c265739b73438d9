//! Values: coalescing as Helm does it, `--set` paths, schema validation.
