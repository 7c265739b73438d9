//! `values.schema.json`: values are checked per chart and sub-chart before anything is rendered. Helm's `ValidateAgainstSchema`
//! (chartutil/jsonschema.go).
//!
//! The judge is the `jsonschema` crate; the words are those of Helm. References to other documents are never
//! fetched.

mod cost;
mod meta;
mod report;
mod sound;
mod words;

use std::rc::Rc;
use std::sync::OnceLock;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, ReferencingError, Registry, Retrieve, Uri, ValidationOptions, Validator};
use serde_json::json;

use super::dependency::Unit;
use super::tree::{self, MapRef, Node};
use super::{ValuesError, plain};
use crate::Json;
use crate::go::{json as go_json, quote};

/// Checks the values of a chart and its sub-charts. The error lists every chart whose values do not fit.
pub(crate) fn validate_all(unit: &Rc<Unit>, values: &MapRef) -> Result<(), ValuesError> {
    let mut text = String::new();
    collect(unit, values, &mut text);
    if text.is_empty() {
        return Ok(());
    }
    Err(ValuesError(format!("values don't meet the specifications of the schema(s) in the following chart(s):\n{text}")))
}

fn collect(unit: &Rc<Unit>, values: &MapRef, out: &mut String) {
    if let Some(schema) = unit.chart().compiled_schema() {
        let checked = schema.as_ref().map_err(Clone::clone).and_then(|s| s.check(&Json::Object(tree::to_json_map(values))));
        if let Err(why) = checked {
            out.push_str(&format!("{}:\n{why}", unit.name()));
        }
    }
    for sub in unit.deps() {
        match tree::get(values, &sub.name()) {
            None | Some(Node::Null) => {}
            Some(Node::Map(below)) => collect(&sub, &below, out),
            Some(other) => {
                let name = sub.name();
                out.push_str(&format!("{name}:\ninvalid type for values: expected object (map), got {}\n", other.go_type()));
            }
        }
    }
}

/// Checks values against one schema: Helm's `ValidateAgainstSingleSchema` (chartutil/jsonschema.go).
///
/// # Errors
/// Where the schema is none, or the values break it: the text that follows the chart's name in Helm's error.
pub fn validate(schema: &[u8], values: &Json) -> Result<(), String> {
    Compiled::new(schema)?.check(values)
}

/// A schema ready for use.
pub(crate) struct Compiled {
    schema: Json,
    draft: Draft,
    /// Says whether values fit, where it is sure that nothing is wrong with the schema itself.
    quick: Option<Validator>,
    /// Says what does not fit; made where the quick one cannot be, or says no.
    full: OnceLock<Result<Validator, String>>,
}

impl Compiled {
    /// Compiles a schema.
    pub(crate) fn new(schema: &[u8]) -> Result<Self, String> {
        let mut schema = plain(go_json::from_str(&String::from_utf8_lossy(schema)).map_err(|e| e.to_string())?);
        let draft = match schema.get("$schema").and_then(Json::as_str) {
            None => Draft::Draft202012,
            Some(url) => known_draft(url).ok_or_else(|| not_fetched(url))?,
        };
        if let Json::Object(map) = &mut schema {
            map.remove("$schema");
        }
        let quick = if sound::is_sound(&schema, draft) { quick(&schema, draft) } else { None };
        let compiled = Self { schema, draft, quick, full: OnceLock::new() };
        if compiled.quick.is_none() {
            compiled.full()?;
        }
        // What this judge lets pass as a pattern, Helm's may not.
        if meta::has_foreign_pattern(&compiled.schema) {
            meta::complaint(draft, &compiled.schema).map_or(Ok(()), Err)?;
        }
        Ok(compiled)
    }

    fn full(&self) -> Result<&Validator, String> {
        let build = || {
            options(self.draft).build(&self.schema).map_err(|e| match e.kind() {
                ValidationErrorKind::Referencing(why) => referencing(why),
                _ => meta::complaint(self.draft, &self.schema).unwrap_or_else(|| {
                    let tree = report::report(&Json::Null, vec![e], 0, false).unwrap_or_default();
                    meta::heading(self.draft) + &tree
                }),
            })
        };
        self.full.get_or_init(build).as_ref().map_err(Clone::clone)
    }

    fn check(&self, values: &Json) -> Result<(), String> {
        let values = plain(values.clone());
        cost::check(&self.schema, &values)?;
        if self.quick.as_ref().is_some_and(|quick| quick.is_valid(&values)) {
            return Ok(());
        }
        let errors: Vec<_> = self.full()?.iter_errors(&values).collect();
        match report::report(&self.schema, errors, 0, ref_hides(self.draft)) {
            Some(text) => Err(format!("{text}\n")),
            None => Ok(()),
        }
    }
}

/// The validator of a schema that needs no check against the schema of its draft: that check is made of what refers to it only,
/// and by the draft whose schema is ready the soonest.
fn quick(schema: &Json, draft: Draft) -> Option<Validator> {
    let place = "file:///values.schema.json";
    let registry = Registry::new().draft(draft).add(place, draft.create_resource_ref(schema)).ok()?.prepare().ok()?;
    options(draft).with_draft(Draft::Draft4).with_registry(&registry).build(&json!({"$ref": place})).ok()
}

fn options<'r>(draft: Draft) -> ValidationOptions<'r> {
    let options = jsonschema::options().with_draft(draft).should_validate_formats(ref_hides(draft)).with_retriever(Offline);
    // Helm knows formats by name, whatever the draft.
    options.with_format("uuid", is_uuid).with_format("duration", is_duration)
}

/// Whether the draft lets `$ref` hide its neighbours.
fn ref_hides(draft: Draft) -> bool {
    matches!(draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7)
}

fn referencing(why: &ReferencingError) -> String {
    match why {
        ReferencingError::PointerToNowhere { pointer } => {
            format!("json-pointer in {} not found", quote::quote(&format!("file:///values.schema.json#{pointer}")))
        }
        ReferencingError::Unretrievable { uri, .. } => not_fetched(uri),
        other => other.to_string(),
    }
}

fn not_fetched(url: &str) -> String {
    format!("failing loading {}: schemas are never fetched; put it into values.schema.json, or skip schema validation", quote::quote(url))
}

fn known_draft(url: &str) -> Option<Draft> {
    let bare = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
    match bare.trim_end_matches('#') {
        "json-schema.org/schema" | "json-schema.org/draft/2020-12/schema" => Some(Draft::Draft202012),
        "json-schema.org/draft/2019-09/schema" => Some(Draft::Draft201909),
        "json-schema.org/draft-07/schema" => Some(Draft::Draft7),
        "json-schema.org/draft-06/schema" => Some(Draft::Draft6),
        "json-schema.org/draft-04/schema" => Some(Draft::Draft4),
        _ => None,
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.len() == 5 && groups.iter().zip([8, 4, 4, 4, 12]).all(|(g, len)| g.len() == len && g.chars().all(|c| c.is_ascii_hexdigit()))
}

/// An ISO 8601 duration: `P1Y2M3DT4H5M6S`, each part optional but one, or `P4W`.
fn is_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P').filter(|r| !r.is_empty()) else { return false };
    if let Some(weeks) = rest.strip_suffix('W') {
        return !weeks.is_empty() && weeks.chars().all(|c| c.is_ascii_digit());
    }
    let mut parts = rest.split('T');
    let date = units(parts.next().unwrap_or_default(), "YMD");
    let time = parts.next().is_none_or(|t| !t.is_empty() && units(t, "HMS"));
    date && time && parts.next().is_none()
}

/// Numbers, each followed by a unit, in the order of the units.
fn units(text: &str, order: &str) -> bool {
    let mut left = order;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let Some(place) = rest[digits..].chars().next().and_then(|unit| left.find(unit)).filter(|_| digits > 0) else { return false };
        left = &left[place + 1..];
        rest = &rest[digits + 1..];
    }
    true
}

/// Refuses to fetch. An unknown URN is a schema that accepts anything, as in Helm.
struct Offline;

impl Retrieve for Offline {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Json, Box<dyn std::error::Error + Send + Sync>> {
        if uri.scheme().as_str() == "urn" {
            return Ok(Json::Bool(true));
        }
        Err("not fetched".into())
    }
}
