//! Answers of the Go libraries, recorded case by case in `tests/go/*.jsonl`: one object per line with the operation, its input
//! and either `result` or `error`.

use helmward_chart::{Json, go, yaml};
use serde_json::json;

/// Runs every case of a table and reports all that differ.
fn check(table: &str, answer: impl Fn(&str, &str, &Json) -> Result<String, String>) {
    let mut wrong = Vec::new();
    for line in table.lines() {
        let case: Json = serde_json::from_str(line).expect("a case is JSON");
        let expect = match case["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(case["result"].as_str().expect("a case has a result or an error").to_owned()),
        };
        let got = answer(case["op"].as_str().unwrap_or_default(), case["s"].as_str().unwrap_or_default(), &case["v"]);
        if got != expect {
            wrong.push(format!("{line}\n   got {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn yaml() {
    let text = |r: Result<Json, yaml::Error>| r.map(|v| go::json::to_string(&v)).map_err(|e| e.to_string());
    let bare = |e: yaml::Error| e.to_string().replace("error converting YAML to JSON: ", "");
    // Numbers of a map read by `fromYaml` are floats, and JSON writes both alike.
    let floats = |v: Json| go::json::from_str(&go::json::to_string(&v)).unwrap_or_default();
    check(include_str!("go/yaml.jsonl"), |op, s, v| match op {
        "load" => text(yaml::from_str(s)),
        "loadstrict" => yaml::from_str_strict(s).map(|v| go::json::to_string(&v)).map_err(bare),
        "loadmap" => text(yaml::map_from_str(s).map(|m| floats(Json::Object(m)))),
        "loadarr" => text(yaml::array_from_str(s).map(|l| floats(json!(l)))),
        "emit" => yaml::try_to_string(v).map_err(bare),
        "pretty" => Ok(yaml::to_string_pretty(v)),
        other => panic!("unknown operation {other}"),
    });
}
