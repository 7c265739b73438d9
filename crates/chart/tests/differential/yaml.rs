//! Tricky scalars and documents (`tests/go/tricky.jsonl`): what goyaml makes of each, reading and writing; and that what is written
//! reads back as it was.
//!
//! A case is added as a line without an answer; `HELMWARD_ORACLE=… HELMWARD_RECORD=1` with `cargo test … tricky` fills the answers in.

use helmward_chart::{Json, go, yaml};
use proptest::prelude::*;
use serde_json::json;

use super::oracle::Oracle;
use super::words;

fn file() -> std::path::PathBuf {
    std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/go/tricky.jsonl")
}

fn cases() -> Vec<Json> {
    std::fs::read_to_string(file()).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// `result` or `error`, as the oracle answers.
fn answer(case: &Json) -> Json {
    // Go writes U+FFFD as an escape where it stands for a byte that is no UTF-8.
    let written = |v: &Json| {
        if case["s"] == "a: !!binary /////w==" { go::json::to_string(v).replace('\u{fffd}', "\\ufffd") } else { go::json::to_string(v) }
    };
    let text = |result: Result<Json, yaml::Error>| result.map(|v| written(&v)).map_err(|e| e.to_string());
    let bare = |e: yaml::Error| e.to_string().replace("error converting YAML to JSON: ", "");
    // Numbers read into a typed map or list are floats, and JSON writes both alike.
    let floats = |v: Json| go::json::to_string(&go::json::from_str(&go::json::to_string(&v)).unwrap_or_default());
    let plain = |text: String| text.replace("\\u003c", "<").replace("\\u003e", ">").replace("\\u0026", "&");
    let s = case["s"].as_str().unwrap_or_default();
    let answer = match case["op"].as_str().unwrap() {
        "load" => text(yaml::from_str(s)),
        "loadstrict" => yaml::from_str_strict(s).map(|v| go::json::to_string(&v)).map_err(bare),
        "loadmap" => yaml::map_from_str(s).map(|m| plain(floats(Json::Object(m)))).map_err(|e| e.to_string()),
        "loadarr" => yaml::array_from_str(s).map(|l| plain(floats(json!(l)))).map_err(|e| e.to_string()),
        "emit" => yaml::try_to_string(&case["v"]).map_err(bare),
        "pretty" => Ok(yaml::to_string_pretty(&case["v"])),
        other => panic!("unknown operation {other}"),
    };
    match answer {
        Ok(result) => json!({"result": result}),
        Err(error) => json!({"error": error}),
    }
}

fn with_answer(case: &Json, answer: &Json) -> Json {
    let mut out = case.as_object().unwrap().clone();
    out.retain(|key, _| key != "result" && key != "error");
    out.extend(answer.as_object().unwrap().clone());
    Json::Object(out)
}

#[test]
fn tricky_yaml_is_read_and_written_as_by_goyaml() {
    if let (Some(mut oracle), Ok(_)) = (Oracle::from_env(), std::env::var("HELMWARD_RECORD")) {
        let lines: Vec<String> = cases().iter().map(|case| format!("{}\n", with_answer(case, &oracle.ask(case).unwrap()))).collect();
        std::fs::write(file(), lines.concat()).unwrap();
    }
    let cases = cases();
    assert!(cases.iter().filter(|c| c["op"] == "load").count() >= 400 && cases.iter().filter(|c| c["op"] == "emit").count() >= 200);
    let wrong: Vec<String> = cases
        .iter()
        .filter(|case| with_answer(case, &answer(case)) != **case)
        .map(|case| format!("{case}\n   got {}", answer(case)))
        .collect();
    assert!(wrong.is_empty(), "{} of {} cases differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn the_answers_for_tricky_yaml_are_goyamls() {
    let Some(mut oracle) = Oracle::from_env() else { return };
    for case in cases() {
        assert_eq!(with_answer(&case, &oracle.ask(&case).unwrap()), case);
    }
}

/// Texts that look like something else, and those that need each way of quoting. Without U+0085: goyaml reads the JSON that it is given
/// as YAML, where that character breaks a line, and loses it.
fn text() -> impl Strategy<Value = String> {
    let word = prop::sample::select(words::YAML_STRINGS.to_vec()).prop_map(|w| w.trim_matches(['"', '\'']).to_owned());
    let sign = "[-?:,\\[\\]{}#&*!|>'\"%@` \n\t0-9a-zé~=<._+x]{0,12}";
    let long = "([a-z:#'\"]{1,9} {1,2}){10,40}";
    let lines = "( {0,2}[a-z#:]{0,3} {0,2}\n){0,5}";
    prop_oneof![word, sign, long, lines, ".*", "[yYnN]|[oO]n|[oO]ff|[yY]es|[nN]o|0[0-7]{1,4}|0[xob][0-9a-f]{1,4}|[0-9:_.e+-]{1,8}"]
        .prop_map(|text| text.replace('\u{85}', ""))
}

fn tree() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_filter("JSON has no other", |f| f.is_finite()).prop_map(Json::from),
        text().prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::btree_map(text(), inner, 0..6).prop_map(|m| Json::Object(m.into_iter().collect())),
        ]
    })
}

/// Whether two trees are equal, where a float may be read back as the integer that it is.
fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(x), Json::Number(y)) => x == y || (x.is_f64() || y.is_f64()) && x.as_f64() == y.as_f64(),
        (Json::Array(x), Json::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y)),
        (Json::Object(x), Json::Object(y)) => x.len() == y.len() && x.iter().all(|(k, x)| y.get(k).is_some_and(|y| same(x, y))),
        _ => a == b,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_back(tree in tree()) {
        let written = match yaml::try_to_string(&tree) {
            // goyaml reads JSON as YAML before it writes, and JSON leaves these characters as they are.
            Err(e) => {
                let refused = |c: char| matches!(c, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}') && c != '\u{85}';
                prop_assert!(tree.to_string().contains(refused) && e.to_string().contains("control characters"), "{e}");
                return Ok(());
            }
            Ok(written) => written,
        };
        let read = yaml::from_str(&written).map_err(|e| TestCaseError::fail(format!("{e}\n{written}")))?;
        prop_assert!(same(&read, &tree), "{tree}\n{read}\n{written}");
    }
}
