//! Git sources by gix: bare shallow mirrors, cheap reference polling, blobs from the object database. Edge.
