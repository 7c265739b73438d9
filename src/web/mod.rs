//! The page, the JSON API and server-sent events; sees read-only views only.
