//! The release record as Helm stores it: JSON, gzip, base64 (twice in a Secret).
