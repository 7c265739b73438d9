//! Schemas that are none: judged by the schema of their draft, as `jsonschema.Compiler` of Helm's validator does.

use std::sync::LazyLock;

use jsonschema::{Draft, Validator};
use serde_json::json;

use super::report;
use crate::Json;
use crate::template::re2_syntax;

/// All that is wrong with a schema, in Helm's words.
pub(super) fn complaint(draft: Draft, schema: &Json) -> Option<String> {
    let errors = judge(draft)?.iter_errors(schema).collect();
    // The one step is the reference to the draft's schema.
    report::report(&Json::Null, errors, 1, false).map(|tree| heading(draft) + &tree)
}

/// What stands before the complaints.
pub(super) fn heading(draft: Draft) -> String {
    let url = url(draft);
    format!("\"file:///values.schema.json#\" is not valid against metaschema: jsonschema validation failed with '{url}#'\n")
}

/// Whether something that looks like a pattern is none in Go's syntax, such as a look-ahead.
pub(super) fn has_foreign_pattern(schema: &Json) -> bool {
    match schema {
        Json::Object(map) => map.iter().any(|(key, value)| match (key.as_str(), value) {
            ("pattern", Json::String(pattern)) => re2_syntax::check(pattern).is_err(),
            ("patternProperties", Json::Object(below)) if below.keys().any(|pattern| re2_syntax::check(pattern).is_err()) => true,
            _ => has_foreign_pattern(value),
        }),
        Json::Array(items) => items.iter().any(has_foreign_pattern),
        _ => false,
    }
}

/// The validator of schemas of a draft. Go's syntax is what a pattern may be written in.
fn judge(draft: Draft) -> Option<&'static Validator> {
    static JUDGES: LazyLock<[Option<Validator>; 5]> = LazyLock::new(|| {
        [Draft::Draft4, Draft::Draft6, Draft::Draft7, Draft::Draft201909, Draft::Draft202012].map(|draft| {
            let options = jsonschema::options().with_draft(draft).should_validate_formats(true);
            options.with_format("regex", |text: &str| re2_syntax::check(text).is_ok()).build(&json!({"$ref": url(draft)})).ok()
        })
    });
    let place = match draft {
        Draft::Draft4 => 0,
        Draft::Draft6 => 1,
        Draft::Draft7 => 2,
        Draft::Draft201909 => 3,
        _ => 4,
    };
    JUDGES[place].as_ref()
}

fn url(draft: Draft) -> &'static str {
    match draft {
        Draft::Draft4 => "http://json-schema.org/draft-04/schema",
        Draft::Draft6 => "http://json-schema.org/draft-06/schema",
        Draft::Draft7 => "http://json-schema.org/draft-07/schema",
        Draft::Draft201909 => "https://json-schema.org/draft/2019-09/schema",
        _ => "https://json-schema.org/draft/2020-12/schema",
    }
}
