//! Schemas of which the schema of their draft has surely nothing to say. Most are such, and to see it takes a hundredth of what
//! the judge takes.

use jsonschema::Draft;

use crate::Json;

/// The longest list in which each item is compared with each.
const COMPARED: usize = 64;

/// Whether everything in it is a known keyword with a value that every draft since this one allows. A schema that is refused
/// here may still be sound.
pub(super) fn is_sound(schema: &Json, draft: Draft) -> bool {
    match schema {
        // the name of the whole
        Json::Object(map) => map.iter().all(|(keyword, value)| holds(keyword, value, draft) || keyword == "$id" && is_url(value)),
        _ => is_sound_below(schema, draft),
    }
}

fn is_sound_below(schema: &Json, draft: Draft) -> bool {
    match schema {
        Json::Bool(_) => draft != Draft::Draft4,
        Json::Object(map) => map.iter().all(|(keyword, value)| holds(keyword, value, draft)),
        _ => false,
    }
}

fn holds(keyword: &str, value: &Json, draft: Draft) -> bool {
    let sound = |schema: &Json| is_sound_below(schema, draft);
    match keyword {
        "title" | "description" | "$comment" | "format" | "pattern" | "contentMediaType" | "contentEncoding" => value.is_string(),
        "default" | "const" => true,
        "examples" => value.is_array(),
        "readOnly" | "writeOnly" | "deprecated" | "uniqueItems" => value.is_boolean(),
        "type" => match value {
            Json::Array(names) => unique(names) && names.iter().all(is_type),
            name => is_type(name),
        },
        "enum" => value.as_array().is_some_and(|items| unique(items)),
        "required" => value.as_array().is_some_and(|names| match &names[..] {
            [] => draft != Draft::Draft4,
            names => unique(names) && names.iter().all(Json::is_string),
        }),
        "minimum" | "maximum" => value.is_number(),
        "exclusiveMinimum" | "exclusiveMaximum" => value.is_number() && draft != Draft::Draft4,
        "multipleOf" => value.as_f64().is_some_and(|n| n > 0.0),
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" | "minContains" | "maxContains" => {
            value.is_u64()
        }
        "properties" | "patternProperties" | "definitions" | "$defs" | "dependentSchemas" => {
            value.as_object().is_some_and(|map| map.values().all(sound))
        }
        "additionalProperties" | "additionalItems" => value.is_boolean() || sound(value),
        "items" => match value {
            Json::Array(items) => draft != Draft::Draft202012 && !items.is_empty() && items.iter().all(sound),
            item => sound(item),
        },
        "not" | "if" | "then" | "else" | "contains" | "propertyNames" | "unevaluatedItems" | "unevaluatedProperties" => sound(value),
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => value.as_array().is_some_and(|items| !items.is_empty() && items.iter().all(sound)),
        "$ref" => value.as_str().is_some_and(is_local),
        _ => !keyword.starts_with('$') && !matches!(keyword, "id" | "dependencies" | "dependentRequired") && is_scalar(value),
    }
}

fn is_url(name: &Json) -> bool {
    let rest = name.as_str().and_then(|url| url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")));
    rest.is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_alphanumeric()) && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.".contains(&b))
    })
}

fn is_type(name: &Json) -> bool {
    matches!(name.as_str(), Some("string" | "number" | "integer" | "boolean" | "object" | "array" | "null"))
}

/// A pointer into this very schema, in letters that every URI allows.
fn is_local(reference: &str) -> bool {
    reference.strip_prefix('#').is_some_and(|path| path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.".contains(&b)))
}

fn is_scalar(value: &Json) -> bool {
    !value.is_object() && !value.is_array()
}

/// Not empty, and without two of the same.
fn unique(items: &[Json]) -> bool {
    (1..=COMPARED).contains(&items.len())
        && items.iter().all(|item| is_scalar(item) && !item.is_number() || items.len() == 1)
        && items.iter().enumerate().all(|(i, item)| !items[..i].contains(item))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::schema::{meta, options, quick};
    use proptest::prelude::*;
    use serde_json::json;

    fn near_value() -> impl Strategy<Value = Json> {
        let words = ["string", "object", "any", "", "#/definitions/a", "#", "http://x", "https://a.b/c.json", "a b", "(", "email"];
        let scalar = prop_oneof![
            prop::sample::select(words.to_vec()).prop_map(|word| json!(word)),
            (-2i64..4).prop_map(|n| json!(n)),
            Just(json!(1.5)),
            Just(json!(1.0)),
            any::<bool>().prop_map(|b| json!(b)),
            Just(Json::Null),
        ];
        prop_oneof![4 => scalar.clone(), 1 => prop::collection::vec(scalar, 0..4).prop_map(Json::Array)]
    }

    fn near_schema() -> impl Strategy<Value = Json> {
        let of_values = "title description $comment format pattern contentMediaType default const examples readOnly uniqueItems type enum required \
            minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxItems minContains $ref $id id $anchor dependencies other";
        let of_schemas = "additionalProperties additionalItems items not if contains propertyNames unevaluatedItems additionalProperties";
        let of_maps = "properties patternProperties definitions $defs dependentSchemas other";
        let of_lists = "allOf anyOf oneOf prefixItems items enum";
        let one_of = |words: &str| prop::sample::select(words.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let (of_values, of_schemas, of_maps, of_lists) = (one_of(of_values), one_of(of_schemas), one_of(of_maps), one_of(of_lists));
        let leaf = prop::collection::btree_map(of_values.clone(), near_value(), 0..4).prop_map(|map| json!(map));
        prop_oneof![9 => leaf, 1 => near_value()].prop_recursive(3, 24, 4, move |below| {
            prop_oneof![
                prop::collection::btree_map(of_schemas.clone(), below.clone(), 0..3).prop_map(|map| json!(map)),
                prop::collection::btree_map(of_values.clone(), near_value(), 0..3).prop_map(|map| json!(map)),
                prop::collection::btree_map(of_maps.clone(), prop::collection::btree_map("[a(]", below.clone(), 0..3), 0..2)
                    .prop_map(|map| json!(map)),
                prop::collection::btree_map(of_lists.clone(), prop::collection::vec(below, 0..3), 0..2).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

        /// But for what is no pattern, which building it finds.
        #[test]
        fn nothing_is_said_of_a_sound_schema(schema in near_schema()) {
            for draft in [Draft::Draft4, Draft::Draft6, Draft::Draft7, Draft::Draft201909, Draft::Draft202012] {
                if is_sound(&schema, draft) && !meta::has_foreign_pattern(&schema) {
                    let complaint = meta::complaint(draft, &schema);
                    prop_assert!(complaint.is_none(), "{draft:?} {schema}: {complaint:?}");
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

        #[test]
        fn the_quick_validator_says_what_the_full_one_says(schema in near_schema(), value in near_value()) {
            for draft in [Draft::Draft4, Draft::Draft7, Draft::Draft202012] {
                if is_sound(&schema, draft) && !meta::has_foreign_pattern(&schema) && let Some(quick) = quick(&schema, draft) {
                    let full = options(draft).build(&schema);
                    prop_assert!(full.is_ok(), "{draft:?} {schema}: {:?}", full.err());
                    prop_assert_eq!(quick.is_valid(&value), full.is_ok_and(|full| full.is_valid(&value)), "{:?} {} {}", draft, schema, value);
                }
            }
        }
    }

    #[test]
    fn what_charts_write_is_sound() {
        let schema = json!({
            "type": "object",
            "required": ["image"],
            "properties": {
                "image": {"type": "object", "properties": {"tag": {"type": ["string", "null"], "pattern": "^v?[0-9.]+$"}}},
                "replicas": {"type": "integer", "minimum": 0, "default": 1},
                "kind": {"enum": ["Deployment", "DaemonSet"], "description": "what runs it"},
                "env": {"type": "array", "items": {"$ref": "#/definitions/env"}},
                "extra": {"anyOf": [{"type": "string"}, {"additionalProperties": false}]},
            },
            "definitions": {"env": {"type": "object"}},
        });
        assert!(is_sound(&schema, Draft::Draft7));
        let quick = quick(&schema, Draft::Draft7).expect("a validator");
        assert!(quick.is_valid(&json!({"image": {"tag": "v1"}, "kind": "Deployment"})));
        assert!(!quick.is_valid(&json!({"image": {"tag": "x"}})) && !quick.is_valid(&json!({"image": {}, "kind": "Job"})));
        assert!(!is_sound(&json!({"type": "text"}), Draft::Draft7));
    }
}
