//! A local chart and the values of the command line, as Helm's own flags have them.

use super::failure::Failure;
use super::local;
use super::place::Place;
use crate::object::Json;
use crate::render::set::{self, Typing};
use clap::Args;
use helmward_chart::chart::{Chart, LoadError, LoadLimits, load_archive, load_tree};
use helmward_chart::render::{RenderError, ValuesSource};
use helmward_chart::template::{CallSite, Entropy, Time};
use helmward_chart::values;
use jiff::Timestamp;
use serde_json::Map;
use std::fs;
use std::io::Read;
use std::path::Path;

#[derive(Args, Debug, Clone, Default)]
pub(super) struct ValuesArgs {
    /// Values file, `-` for stdin; a later one wins
    #[arg(short = 'f', long = "values", value_name = "FILE", value_delimiter = ',')]
    files: Vec<String>,
    /// Values as key=value, several with commas
    #[arg(long, value_name = "LINE")]
    set: Vec<String>,
    /// As --set, and every value is a text
    #[arg(long, value_name = "LINE")]
    set_string: Vec<String>,
    /// As --set, and every value is JSON; or one JSON mapping
    #[arg(long, value_name = "LINE")]
    set_json: Vec<String>,
    /// As --set, and every value is the content of that file
    #[arg(long, value_name = "LINE")]
    set_file: Vec<String>,
    /// One key=value, whose value is taken as it stands
    #[arg(long, value_name = "KEY=VALUE")]
    set_literal: Vec<String>,
}

impl ValuesArgs {
    /// The values in Helm's order: files, then each kind of flag.
    pub(super) fn read(&self) -> Result<Map<String, Json>, Failure> {
        let mut out = Map::new();
        for file in &self.files {
            let text = content(file)?;
            let document = values::from_yaml(&text).map_err(|e| {
                let line = Place::line_in(&e.to_string());
                let place = line.and_then(|line| Place::new(file, String::from_utf8_lossy(&text), line, None));
                Failure::error(format!("failed to parse {file}: {e}")).hint("correct the YAML").at(place)
            })?;
            values::merge(&mut out, document);
        }
        for line in &self.set_json {
            let wrong = |e: String| Failure::error(format!("failed parsing --set-json data {line}: {e}"));
            if line.trim_start().starts_with('{') {
                let tree: Json = serde_json::from_str(line).map_err(|e| wrong(e.to_string()))?;
                let Json::Object(map) = values::with_floats(tree) else { return Err(wrong("it is no mapping".into())) };
                values::merge(&mut out, map);
            } else {
                set::apply(&mut out, line, Typing::Json).map_err(|e| wrong(e.to_string()))?;
            }
        }
        for (flag, lines, typing) in [("--set", &self.set, Typing::Guess), ("--set-string", &self.set_string, Typing::Text)] {
            for line in lines {
                set::apply(&mut out, line, typing).map_err(|e| Failure::error(format!("failed parsing {flag} data: {e}")))?;
            }
        }
        for line in &self.set_file {
            for pair in split(line, ',') {
                let Some((key, file)) = pair.split_once('=') else {
                    return Err(Failure::error(format!("failed parsing --set-file data: `{pair}` has no value; write {pair}=FILE")));
                };
                put(&mut out, "--set-file", key, &String::from_utf8_lossy(&content(file)?))?;
            }
        }
        for line in &self.set_literal {
            let Some((key, value)) = line.split_once('=') else {
                return Err(Failure::error(format!("failed parsing --set-literal data: `{line}` has no value; write {line}=VALUE")));
            };
            put(&mut out, "--set-literal", key, value)?;
        }
        Ok(out)
    }
}

impl ValuesArgs {
    /// The same values one by one, in Helm's order.
    pub(super) fn sources(&self) -> Result<Vec<ValuesSource>, Failure> {
        let mut out = Vec::new();
        for file in &self.files {
            if file == "-" {
                return Err(Failure::error("values from stdin have no place to name").hint("write them to a file, and give it with -f"));
            }
            out.push(ValuesSource::File { name: file.clone(), text: String::from_utf8_lossy(&content(file)?).into_owned() });
        }
        let flags: [(&str, &Vec<String>, fn(Self, String) -> Self); 5] = [
            ("--set-json", &self.set_json, |one, line| Self { set_json: vec![line], ..one }),
            ("--set", &self.set, |one, line| Self { set: vec![line], ..one }),
            ("--set-string", &self.set_string, |one, line| Self { set_string: vec![line], ..one }),
            ("--set-file", &self.set_file, |one, line| Self { set_file: vec![line], ..one }),
            ("--set-literal", &self.set_literal, |one, line| Self { set_literal: vec![line], ..one }),
        ];
        for (flag, lines, only) in flags {
            for line in lines {
                let values = only(Self::default(), line.clone()).read()?;
                out.push(ValuesSource::Set { name: format!("{flag} {line}"), values });
            }
        }
        Ok(out)
    }
}

fn put(tree: &mut Map<String, Json>, flag: &str, key: &str, text: &str) -> Result<(), Failure> {
    set::apply_literal(tree, key, text).map_err(|e| Failure::error(format!("failed parsing {flag} data: {e}")))
}

/// The parts between separators that no backslash precedes.
fn split(line: &str, separator: char) -> Vec<String> {
    let (mut parts, mut part, mut plain) = (Vec::new(), String::new(), true);
    for c in line.chars() {
        if c == separator && plain {
            parts.push(std::mem::take(&mut part));
        } else {
            part.push(c);
        }
        plain = c != '\\' || !plain;
    }
    parts.push(part);
    parts
}

fn content(file: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let result =
        if file == "-" { std::io::stdin().lock().read_to_end(&mut bytes).map(|_| ()) } else { fs::read(file).map(|read| bytes = read) };
    result.map(|()| bytes).map_err(|e| Failure::error(format!("read values file {file}: {e}")).hint("check the path"))
}

/// Loads a chart from a directory or an archive.
pub(super) fn load(path: &Path) -> Result<Chart, Failure> {
    let limits = LoadLimits::default();
    let loaded = if path.is_dir() {
        load_tree(local::tree(path)?, &limits)
    } else {
        let bytes = fs::read(path).map_err(|e| {
            Failure::error(format!("read chart {}: {e}", path.display()))
                .hint("give the path of a chart's directory or archive; charts in repositories are not fetched here")
        })?;
        load_archive(&bytes, &limits)
    };
    loaded.map_err(|e| {
        let place = match &e {
            LoadError::Yaml { file, why } => Place::line_in(why).and_then(|line| Place::of_file(&path.join(file), line, None)),
            _ => None,
        };
        Failure::error(format!("{}: {e}", path.display())).at(place)
    })
}

/// Why a chart of this path cannot be rendered, with the lines of the template.
pub(super) fn unrenderable(path: &Path, error: &RenderError) -> Failure {
    let failure = Failure::error(format!("{}: {error}", path.display()));
    let Some(location) = error.location() else { return failure };
    // templates are named by the chart, whatever its directory is called
    let inside = location.file.split_once('/').map_or(&*location.file, |(_, inside)| inside);
    let place = Place::of_file(&path.join(inside), location.line, location.column);
    failure.hint("correct the template or the values that it reads").at(place)
}

/// Random bytes of the system: a person's own render need not be the same twice.
pub(super) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, _: &CallSite, out: &mut [u8]) {
        getrandom::fill(out).expect("the system gives random bytes");
    }
}

pub(super) fn now() -> Time {
    let now = Timestamp::now();
    Time::unix(now.as_second(), now.subsec_nanosecond().unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn flags_are_merged_in_helms_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        fs::write(path("a.yaml"), "a: 1\nb: {x: 1, z: 2}\n").unwrap();
        fs::write(path("b.yaml"), "b: {z: 3}\n").unwrap();
        fs::write(path("text"), "x,y={z}").unwrap();
        let args = ValuesArgs {
            files: vec![path("a.yaml"), path("b.yaml")],
            set: vec!["b.x=7,c={p,q}".into()],
            set_string: vec!["d=7".into()],
            set_json: vec![r#"e={"k":[1,"2"]},f[0]=true"#.into(), r#"{"g":{"h":null}}"#.into()],
            set_file: vec![format!("i={},j.k={}", path("text"), path("text"))],
            set_literal: vec!["l=a,b=c".into()],
        };
        let want = json!({"a": 1.0, "b": {"x": 7, "z": 3.0}, "c": ["p", "q"], "d": "7", "e": {"k": [1.0, "2"]}, "f": [true],
            "g": {"h": null}, "i": "x,y={z}", "j": {"k": "x,y={z}"}, "l": "a,b=c"});
        assert_eq!(Json::Object(args.read().unwrap()), want);
        let wrong = ValuesArgs { set_json: vec!["a={".into()], ..ValuesArgs::default() };
        assert!(wrong.read().unwrap_err().message.contains("--set-json"));
    }
}
