//! `values.yaml` and its schema (`rules.ValuesWithOverrides`).

use super::{Findings, Input, Severity};
use crate::Json;
use crate::values::{schema, tables_over};

const FILE: &str = "values.yaml";

pub(super) fn check(input: &Input<'_>, found: &mut Findings, log: &mut Vec<String>) {
    let Some(text) = &input.values_yaml else {
        found.rule(Severity::Info, FILE, Err("file does not exist".to_owned()));
        return;
    };
    let checked = crate::values::from_yaml(text)
        .map_err(|e| {
            // the type that Helm reads into here has a name of its own
            let why = e.to_string().replace("Go value of type map[string]interface {}", "Go value of type chartutil.Values");
            format!("unable to parse YAML: {why}")
        })
        .and_then(|values| {
            // only the chart's own schema and values: sub-charts are not looked at
            let values = tables_over(input.values, &values, log);
            match input.schema.as_deref().filter(|schema| !schema.is_empty()) {
                Some(schema) => schema::validate(schema, &Json::Object(values)),
                None => Ok(()),
            }
        });
    found.rule(Severity::Error, FILE, checked);
}
