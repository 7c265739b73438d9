//! `-f` and the kinds of `--set`, in the order of Helm's `cli/values`.

use super::{Compat, failed};
use crate::cli::failure::Failure;
use crate::cli::place::Place;
use crate::object::Json;
use clap::Args;
use helmward_chart::go::{GoError, json};
use helmward_chart::render::ValuesSource;
use helmward_chart::values::{self, strvals};
use serde_json::Map;
use std::fs;
use std::io::{ErrorKind, Read};

#[derive(Args, Debug, Clone, Default)]
pub(in crate::cli) struct ValuesArgs {
    /// Values file, `-` for stdin; several with commas, a later one wins
    #[arg(short = 'f', long = "values", value_name = "FILE")]
    files: Vec<String>,
    /// Values as key=value, several with commas
    #[arg(long, value_name = "LINE")]
    set: Vec<String>,
    /// As --set, and every value is a text
    #[arg(long, value_name = "LINE")]
    set_string: Vec<String>,
    /// As --set, and every value is JSON; with --helm-compat 4 one JSON mapping, too
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
    pub(in crate::cli) fn read(&self, compat: Compat) -> Result<Map<String, Json>, Failure> {
        let mut out = Map::new();
        for file in &self.files {
            let text = content(file).map_err(failed)?;
            let document = values::from_yaml(&text).map_err(|e| {
                let line = Place::line_in(&e.to_string());
                let place = line.and_then(|line| Place::new(file, String::from_utf8_lossy(&text), line, None));
                failed(format!("failed to parse {file}: {e}")).hint("correct the YAML").at(place)
            })?;
            values::merge(&mut out, document);
        }
        for line in &self.set_json {
            let whole = line.trim();
            if compat == Compat::Helm4 && whole.starts_with('{') {
                let map = json::map_from_str(whole).map_err(|_| failed(format!("failed parsing --set-json data JSON: {line}")))?;
                values::merge(&mut out, map);
            } else {
                strvals::set_json(&mut out, line).map_err(|_| failed(format!("failed parsing --set-json data {line}")))?;
            }
        }
        let wrong = |flag: &'static str| move |e: GoError| failed(format!("failed parsing {flag} data: {e}"));
        for line in &self.set {
            strvals::set(&mut out, line).map_err(wrong("--set"))?;
        }
        for line in &self.set_string {
            strvals::set_string(&mut out, line).map_err(wrong("--set-string"))?;
        }
        for line in &self.set_file {
            let mut read = |path: &str| content(path).map(|bytes| String::from_utf8_lossy(&bytes).into()).map_err(GoError::new);
            strvals::set_file(&mut out, line, &mut read).map_err(wrong("--set-file"))?;
        }
        for line in &self.set_literal {
            strvals::set_literal(&mut out, line).map_err(wrong("--set-literal"))?;
        }
        Ok(out)
    }
}

impl ValuesArgs {
    /// The same values one by one, in Helm's order.
    pub(in crate::cli) fn sources(&self, compat: Compat) -> Result<Vec<ValuesSource>, Failure> {
        let mut out = Vec::new();
        for file in &self.files {
            if file.trim() == "-" {
                return Err(Failure::error("values from stdin have no place to name").hint("write them to a file, and give it with -f"));
            }
            let text = content(file).map_err(failed)?;
            out.push(ValuesSource::File { name: file.clone(), text: String::from_utf8_lossy(&text).into_owned() });
        }
        type Only = fn(ValuesArgs, String) -> ValuesArgs;
        let flags: [(&str, &Vec<String>, Only); 5] = [
            ("--set-json", &self.set_json, |one, line| Self { set_json: vec![line], ..one }),
            ("--set", &self.set, |one, line| Self { set: vec![line], ..one }),
            ("--set-string", &self.set_string, |one, line| Self { set_string: vec![line], ..one }),
            ("--set-file", &self.set_file, |one, line| Self { set_file: vec![line], ..one }),
            ("--set-literal", &self.set_literal, |one, line| Self { set_literal: vec![line], ..one }),
        ];
        for (flag, lines, only) in flags {
            for line in lines {
                let values = only(Self::default(), line.clone()).read(compat)?;
                out.push(ValuesSource::Set { name: format!("{flag} {line}"), values });
            }
        }
        Ok(out)
    }
}

fn content(file: &str) -> Result<Vec<u8>, String> {
    if file.trim() == "-" {
        let mut bytes = Vec::new();
        return std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes).map_err(|e| format!("read /dev/stdin: {e}"));
    }
    if let Some((scheme @ ("http" | "https" | "oci"), _)) = file.split_once("://") {
        return Err(format!(
            "{file}: values are not fetched over {scheme} here; fetch the file and give its path, or give it to -f - on stdin"
        ));
    }
    fs::read(file).map_err(|e| os_error(file, &e))
}

/// As Go writes a failed system call on a file.
pub(super) fn os_error(path: &str, error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => format!("open {path}: no such file or directory"),
        ErrorKind::PermissionDenied => format!("open {path}: permission denied"),
        ErrorKind::IsADirectory => format!("read {path}: is a directory"),
        ErrorKind::NotADirectory => format!("open {path}: not a directory"),
        _ => format!("open {path}: {error}"),
    }
}
