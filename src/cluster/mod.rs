//! The Kubernetes API: discovery, server-side apply, watches, the Lease, events, release Secrets. Edge.
