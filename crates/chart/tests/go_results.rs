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
        let got = answer(case["op"].as_str().unwrap_or_default(), case["s"].as_str().unwrap_or_default(), &case);
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
    check(include_str!("go/yaml.jsonl"), |op, s, case| match op {
        "load" => text(yaml::from_str(s)),
        "loadstrict" => yaml::from_str_strict(s).map(|v| go::json::to_string(&v)).map_err(bare),
        "loadmap" => text(yaml::map_from_str(s).map(|m| floats(Json::Object(m)))),
        "loadarr" => text(yaml::array_from_str(s).map(|l| floats(json!(l)))),
        "emit" => yaml::try_to_string(&case["v"]).map_err(bare),
        "pretty" => Ok(yaml::to_string_pretty(&case["v"])),
        other => panic!("unknown operation {other}"),
    });
}

#[test]
fn semver() {
    use go::semver::{Constraints, Version};
    check(include_str!("go/semver.jsonl"), |op, s, case| {
        let told = |e: go::GoError| e.to_string();
        match op {
            "semver" => {
                let v = Version::parse(s).map_err(told)?;
                let next = [v.inc_major(), v.inc_minor(), v.inc_patch()].map(|v| v.original).join(" ");
                Ok(format!("{} {} {} {:?} {:?} {} {v}|{next}", v.major, v.minor, v.patch, v.prerelease, v.metadata, v.original))
            }
            "semverstrict" => Version::parse_strict(s).map(|v| v.to_string()).map_err(told),
            "constraint" => {
                let constraint = Constraints::parse(s).map_err(told)?;
                let v = Version::parse(case["t"].as_str().unwrap_or_default()).map_err(told)?;
                Ok(format!("{} {constraint} {}", constraint.check(&v), constraint.validate(&v).err().unwrap_or_default().join(";")))
            }
            other => panic!("unknown operation {other}"),
        }
    });
}

#[test]
fn strings() {
    use go::strings::*;
    check(include_str!("go/strings.jsonl"), |op, s, case| {
        let number = |i: usize| case["v"][i].as_i64().unwrap_or_default();
        let second = case["t"].as_str().unwrap_or_default();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(match (op, second) {
            ("fn1", "title") => title(s),
            ("fn1", "untitle") => untitle(s),
            ("fn1", "swapcase") => swap_case(s),
            ("fn1", "initials") => initials(s.as_bytes()),
            ("fn1", "nospace") => String::from_utf8_lossy(&no_space(s.as_bytes())).into_owned(),
            ("fn1", "camelcase") => camel_case(s),
            ("fn1", "snakecase") => snake_case(s),
            ("fn1", "kebabcase") => kebab_case(s),
            ("abbrev", _) => text(abbrev(number(0), s.as_bytes())),
            ("abbrevboth", _) => text(abbrev_both(number(0), number(1), s.as_bytes())),
            ("wrap", _) => text(wrap(number(0), s.as_bytes())),
            ("wrapWith", separator) => text(wrap_with(number(0), separator.as_bytes(), s.as_bytes())),
            other => panic!("unknown operation {other:?}"),
        })
    });
}

#[test]
fn time() {
    use go::time::{Duration, Time, Zone};
    check(include_str!("go/time.jsonl"), |op, s, case| {
        let told = |e: go::GoError| e.to_string();
        let second = case["t"].as_str().unwrap_or_default();
        match op {
            "timefmt" => {
                let (seconds, nanos) = (case["v"][0].as_i64().unwrap_or_default(), case["v"][1].as_u64().unwrap_or_default());
                Ok(Time::unix(seconds, nanos as u32).in_zone(&Zone::load(second).map_err(told)?).format(s))
            }
            "timeparse" => {
                let time = Time::parse_in(s, second, &Zone::Utc).map_err(told)?;
                let (name, offset) = time.zone().at(time.seconds());
                Ok(format!("{} {} {name} {offset}", time.seconds(), time.nanos()))
            }
            "duration" => {
                let d = Duration::parse(s).map_err(told)?;
                let (seconds, hours) = (go::num::float(d.seconds()), go::num::float(d.hours()));
                Ok(format!("{} {d} {} {} {seconds} {hours}", d.0, d.round(Duration::SECOND), d.truncate(Duration(60_000_000_000))))
            }
            "durationRound" => Ok(Duration::parse(s).unwrap_or_default().largest_unit()),
            other => panic!("unknown operation {other}"),
        }
    });
}

#[test]
fn strvals() {
    use helmward_chart::values::strvals;
    check(include_str!("go/strvals.jsonl"), |op, s, case| {
        let mut tree = case["v"].as_object().cloned().unwrap_or_default();
        let done = match op {
            "set" => strvals::set(&mut tree, s),
            "setstring" => strvals::set_string(&mut tree, s),
            "setliteral" => strvals::set_literal(&mut tree, s),
            "setjson" => strvals::set_json(&mut tree, s),
            "setfile" => strvals::set_file(&mut tree, s, &mut |path| Ok(Json::from(format!("FILE:{path}")))),
            other => panic!("unknown operation {other}"),
        };
        done.map(|()| go::json::to_string(&Json::Object(tree))).map_err(|e| e.to_string())
    });
}

#[test]
fn strvals_budget() {
    let line: String = (0..200).map(|i| format!("a{i}[65536]=x,")).collect();
    let error = helmward_chart::values::strvals::set(&mut serde_json::Map::new(), &line).expect_err("too many items");
    assert!(error.to_string().contains("more than 262144 items"), "{error}");
}
