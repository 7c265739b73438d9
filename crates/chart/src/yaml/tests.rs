//! What is our own here: limits, positions, streams. How Go's libraries answer is in `tests/go/yaml.jsonl`.

use super::*;
use crate::go::json;
use serde_json::json;

/// Reads the text and writes it as compact JSON, or the error.
fn load(text: &str) -> String {
    from_str(text).map_or_else(|e| e.to_string().replace("error converting YAML to JSON: ", "ERR "), |v| json::to_string_raw(&v))
}

#[test]
fn hostile_texts_end_quickly() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(load(&deep).starts_with("ERR yaml: exceeded max depth"), "{}", load(&deep));
    let deepest = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert_eq!(load(&deepest), deepest);
    assert_eq!(to_string(&from_str(&deepest).unwrap()).lines().count(), 1);
    let mut nested = String::new();
    (0..2_000).for_each(|i| nested.push_str(&format!("{}a:\n", " ".repeat(i))));
    assert!(load(&nested).contains("exceeded max depth"));
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    (1..10).for_each(|i| bomb.push_str(&format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(","))));
    assert_eq!(load(&bomb), "ERR yaml: document contains excessive aliasing");
}

#[test]
fn positions_name_the_line_of_each_value() {
    let spanned = from_str_spanned("a:\n  b/c: 1\n  d:\n  - x\n  - y: 2\n").unwrap();
    let found: Vec<(&str, u32)> = spanned.positions.iter().map(|p| (p.pointer.as_str(), p.line)).collect();
    assert_eq!(found, [("/a", 1), ("/a/b~1c", 2), ("/a/d", 3), ("/a/d/0", 4), ("/a/d/1", 5), ("/a/d/1/true", 5)]);
}

#[test]
fn streams_split_at_their_marks() {
    let stream = "# head\n---\na: 1\n---\n# only a comment\n--- # note\nb: |\n  ---\n---\n\nc: x: y\n";
    let lines: Vec<u32> = documents(stream).iter().map(|d| d.line).collect();
    assert_eq!(lines, [3, 6, 10]);
    assert_eq!(
        from_str_all(stream).unwrap_err().to_string(),
        "error converting YAML to JSON: yaml: line 11: mapping values are not allowed in this context"
    );
    assert_eq!(from_str_all("a: 1\n---\nb: 2\n").unwrap(), [(1, json!({"a": 1})), (3, json!({"b": 2}))]);
}
