//! A chart, values, a release and capabilities to manifests, hooks, CRDs and notes.
