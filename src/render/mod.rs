//! From a snapshot and values to ordered manifests: charts, plain manifests, values merging, ownership metadata. Pure.
