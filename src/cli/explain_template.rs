//! `helmward template --explain`: which template and which values made a line or an object.

use super::chart::unrenderable;
use super::failure::{Exit, Failure};
use super::output::Console;
use helmward_chart::render::{ExplainError, ExplainedLine, Input, Query, TemplateOptions, ValuesSource, explain, trace_with_log};
use std::fmt::Write;
use std::path::Path;

/// Renders the chart of this path with its trace, and prints what made the lines that the query names. `sources` are the values
/// of the input, one by one.
pub(super) fn explain_template(
    input: &Input<'_>,
    path: &Path,
    options: &TemplateOptions,
    sources: &[ValuesSource],
    query: &str,
    console: &Console,
) -> Result<Exit, Failure> {
    let failed = |e: ExplainError| match e {
        ExplainError::Render(e) => unrenderable(path, &e),
        other => Failure::error(other.to_string()).hint("`helmward template` without --explain shows what there is"),
    };
    let query: Query = query.parse().map_err(failed)?;
    let mut log = Vec::new();
    let traced = trace_with_log(input, &mut log);
    log.iter().for_each(|warning| console.note(warning));
    let traced = traced.map_err(|e| unrenderable(path, &e))?;
    let lines = explain(&traced, options, sources, &query).map_err(failed)?;
    console.data(&text(&lines))?;
    Ok(Exit::Ok)
}

/// A line of the output, and below it its template, the calls that led there and the values in it.
fn text(lines: &[ExplainedLine]) -> String {
    let mut out = String::new();
    let mut put = |line: String| {
        // writing into a String does not fail
        let _ = writeln!(out, "{}", line.trim_end());
    };
    for line in lines {
        put(format!("{:>5} {}", line.number, line.text));
        for (i, place) in line.places().iter().enumerate() {
            put(format!("      {} {place}", if i == 0 { "written at " } else { "called from" }));
        }
        if line.places().is_empty() {
            put("      of no template".to_owned());
        }
        for value in line.values() {
            let origin = value.origin.as_ref().map_or_else(
                || "unknown place".to_owned(),
                |origin| match origin.line {
                    Some(line) => format!("{}:{line}", origin.source),
                    None => origin.source.clone(),
                },
            );
            put(format!(
                "      {} {} at {origin}",
                if value.is_key {
                    "key        "
                } else if value.exact {
                    "value      "
                } else {
                    "made of    "
                },
                value.path
            ));
        }
        if !line.complete() {
            put("      and perhaps of other values".to_owned());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use helmward_chart::render::{Origin, Part, Reached, TemplatePlace};

    #[test]
    fn a_line_is_shown_with_its_places_and_values() {
        let place = |line| TemplatePlace { file: "c/templates/x.yaml".to_owned(), line };
        let reached =
            |path: &str, exact, origin| Reached { path: path.to_owned(), steps: vec![path.to_owned()], origin, exact, is_key: path == "k" };
        let part = Part {
            text: "a: 1".to_owned(),
            places: vec![place(2), place(7)],
            values: vec![
                reached("a", true, Some(Origin { source: "v.yaml".to_owned(), line: Some(3) })),
                reached("b", false, Some(Origin { source: "--set b=1".to_owned(), line: None })),
                reached("c", false, None),
                reached("k", true, None),
            ],
            complete: false,
        };
        let lines = [
            ExplainedLine { number: 1, text: "---".to_owned(), parts: Vec::new() },
            ExplainedLine { number: 2, text: "a: 1".to_owned(), parts: vec![part] },
        ];
        let want = "    1 ---\n      of no template\n    2 a: 1\n      written at  c/templates/x.yaml:2\n\
                    \x20     called from c/templates/x.yaml:7\n      \
                    value       a at v.yaml:3\n      made of     b at --set b=1\n      made of     c at unknown place\n\
                    \x20     key         k at unknown place\n      and perhaps of other values\n";
        assert_eq!(text(&lines), want);
    }
}
