//! `Chart.yaml` (`rules.Chartfile`).

use serde_json::Map;

use super::address::{is_email, is_request_url, is_url};
use super::{Findings, Input, Severity};
use crate::Json;
use crate::chart::{chartfile_fields, paths, yaml_tree};
use crate::go::quote::quote;
use crate::go::semver::{Constraints, Version};

const FILE: &str = "Chart.yaml";

pub(super) fn check(input: &Input<'_>, found: &mut Findings) {
    let directory = if input.chart_yaml_is_directory { Err("should be a file, not a directory".to_owned()) } else { Ok(()) };
    found.rule(Severity::Error, FILE, directory);
    let read = input.chart_yaml.clone().and_then(|text| Ok((yaml_tree(&text)?, text)));
    let read = read.and_then(|(tree, _)| Ok((chartfile_fields(tree.clone())?, tree)));
    let (fields, tree) = match read {
        Ok(read) => read,
        Err(why) => {
            found.rule(Severity::Error, FILE, Err(format!("unable to parse YAML\n\t{why}")));
            return;
        }
    };
    let chart = Fields(fields);
    found.rule(Severity::Error, FILE, chart.name());
    found.rule(Severity::Error, FILE, chart.api_version());
    found.rule(Severity::Error, FILE, is_text(&tree, "version"));
    found.rule(Severity::Error, FILE, chart.version());
    found.rule(Severity::Error, FILE, is_text(&tree, "appVersion"));
    found.rule(Severity::Error, FILE, chart.maintainers());
    found.rule(Severity::Error, FILE, chart.sources());
    let icon = chart.text("icon");
    found.rule(Severity::Info, FILE, if icon.is_empty() { Err("icon is recommended".to_owned()) } else { Ok(()) });
    let bad_icon = !icon.is_empty() && !is_request_url(icon);
    found.rule(Severity::Error, FILE, if bad_icon { Err(format!("invalid icon URL '{icon}'")) } else { Ok(()) });
    found.rule(Severity::Error, FILE, chart.only_in_v2("type", "chart type is not valid in apiVersion", "It is valid in apiVersion"));
    let dependencies =
        chart.only_in_v2("dependencies", "dependencies are not valid in the Chart file with apiVersion", "They are valid in apiVersion");
    found.rule(Severity::Error, FILE, dependencies);
}

/// The fields that Helm's struct takes from the file.
struct Fields(Map<String, Json>);

impl Fields {
    fn text(&self, key: &str) -> &str {
        text(self.0.get(key))
    }

    fn list(&self, key: &str) -> &[Json] {
        self.0.get(key).and_then(Json::as_array).map_or(&[], Vec::as_slice)
    }

    fn name(&self) -> Result<(), String> {
        match self.text("name") {
            "" => Err("name is required".to_owned()),
            name if paths::base(name) != name => Err(format!("chart name {} is invalid", quote(name))),
            _ => Ok(()),
        }
    }

    fn api_version(&self) -> Result<(), String> {
        match self.text("apiVersion") {
            "" => Err("apiVersion is required. The value must be either \"v1\" or \"v2\"".to_owned()),
            "v1" | "v2" => Ok(()),
            other => Err(format!("apiVersion '{other}' is not valid. The value must be either \"v1\" or \"v2\"")),
        }
    }

    fn version(&self) -> Result<(), String> {
        let text = self.text("version");
        if text.is_empty() {
            return Err("version is required".to_owned());
        }
        let version = Version::parse(text).map_err(|_| format!("version '{text}' is not a valid SemVer"))?;
        let above_nothing = Constraints::parse(">0.0.0-0").map_err(|e| e.to_string())?;
        above_nothing.validate(&version).map_err(|why| format!("version {}", why.first().map_or("", String::as_str)))
    }

    fn maintainers(&self) -> Result<(), String> {
        for maintainer in self.list("maintainers") {
            if maintainer.is_null() {
                return Err("a maintainer entry is empty".to_owned());
            }
            let [name, email, url] = ["name", "email", "url"].map(|key| text(maintainer.get(key)));
            if name.is_empty() {
                return Err("each maintainer requires a name".to_owned());
            } else if !email.is_empty() && !is_email(email) {
                return Err(format!("invalid email '{email}' for maintainer '{name}'"));
            } else if !url.is_empty() && !is_url(url) {
                return Err(format!("invalid url '{url}' for maintainer '{name}'"));
            }
        }
        Ok(())
    }

    fn sources(&self) -> Result<(), String> {
        let wrong = self.list("sources").iter().map(|source| text(Some(source))).find(|source| !is_request_url(source));
        wrong.map_or(Ok(()), |source| Err(format!("invalid source URL '{source}'")))
    }

    fn only_in_v2(&self, key: &str, not_here: &str, but_there: &str) -> Result<(), String> {
        let version = self.text("apiVersion");
        if version == "v2" || (self.text(key).is_empty() && self.list(key).is_empty()) {
            return Ok(());
        }
        Err(format!("{not_here} '{version}'. {but_there} 'v2'"))
    }
}

fn text(value: Option<&Json>) -> &str {
    value.and_then(Json::as_str).unwrap_or_default()
}

fn is_text(tree: &Json, key: &str) -> Result<(), String> {
    let kind = match tree.get(key) {
        None | Some(Json::String(_)) => return Ok(()),
        Some(Json::Null) => "<nil>",
        Some(Json::Bool(_)) => "bool",
        Some(Json::Number(_)) => "float64",
        Some(Json::Array(_)) => "[]interface {}",
        Some(Json::Object(_)) => "map[string]interface {}",
    };
    Err(format!("{key} should be of type string but it's of type {kind}"))
}
