//! Release records are written byte for byte as Helm writes them.
//!
//! `fixtures/releases.jsonl` has what Go's encoder makes of two records, a full one and one with nothing in it, built from
//! the structs of helm.sh/helm/v3/pkg/release at v3.22.0.

#![allow(clippy::unwrap_used)]

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use helmward_chart::release::{Parts, Release, decode, encode};
use serde_json::json;

const RECORDS: &str = include_str!("fixtures/releases.jsonl");

fn text(release: &Release) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(STANDARD.decode(encode(release)).unwrap().as_slice()).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_record_that_was_read_is_written_as_it_was() {
    let lines: Vec<&str> = RECORDS.lines().collect();
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert_eq!(text(&decode(STANDARD.encode(line).as_bytes()).unwrap()), *line);
    }
}

#[test]
fn a_new_record_has_the_fields_of_helm_in_their_order() {
    let line = RECORDS.lines().next().unwrap();
    let of: serde_json::Value = serde_json::from_str(line).unwrap();
    let release = Release::new(Parts {
        name: "web",
        namespace: "shop",
        version: 3,
        status: "deployed",
        description: "Install complete",
        first_deployed: "2026-01-02T03:04:05.123456789Z",
        last_deployed: "2026-01-02T03:04:05Z",
        notes: "hi",
        chart: of["chart"].clone(),
        config: json!({"a": [null, true, "x"], "b": 1.5}),
        manifest: "---\nkind: Service <&>\n",
        hooks: of["hooks"].clone(),
    });
    assert_eq!(text(&release), line);
}
