//! Sequences that are known to differ, with the cause; `docs/shortcomings.md` lists the causes.

pub(crate) const KNOWN: &[(&str, &str)] = &[];
