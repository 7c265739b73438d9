//! Loading a chart from a tree of files: metadata, dependencies, ignore rules.
