//! The words of each error, and how the validator prints texts and numbers.

use jsonschema::JsonType;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};

use crate::Json;
use crate::go::{num, quote};
use crate::template::re2_syntax;

/// What is wrong, for errors that stand alone.
pub(super) fn leaf_text(kind: &Kind, got: &Json) -> String {
    let size = || match got {
        Json::Array(items) => items.len(),
        Json::Object(map) => map.len(),
        Json::String(s) => s.chars().count(),
        _ => 0,
    };
    let bound = |name: &str, limit: u64| {
        format!("{name}: got {}, want {}", grouped_digits(&size().to_string()), grouped_digits(&limit.to_string()))
    };
    let limit = |name: &str, limit: &Json| format!("{name}: got {}, want {}", number(got), number(limit));
    match kind {
        Kind::Type { kind } => format!("got {}, want {}", type_name(got), wanted(kind)),
        Kind::Enum { options } => match options.as_array() {
            Some(list) if list.iter().any(|v| v.is_array() || v.is_object()) => "'enum' failed".to_owned(),
            Some(list) if list.len() == 1 => format!("value must be {}", display(&list[0])),
            Some(list) => format!("value must be one of {}", list.iter().map(display).collect::<Vec<_>>().join(", ")),
            None => "'enum' failed".to_owned(),
        },
        Kind::Constant { expected_value } if expected_value.is_array() || expected_value.is_object() => "'const' failed".to_owned(),
        Kind::Constant { expected_value } => format!("value must be {}", display(expected_value)),
        Kind::Format { format } => format!("{} is not valid {format}: {}", display(got), format_reason(format, got)),
        Kind::MinProperties { limit } => bound("minProperties", *limit),
        Kind::MaxProperties { limit } => bound("maxProperties", *limit),
        Kind::MinItems { limit } => bound("minItems", *limit),
        Kind::MaxItems { limit } => bound("maxItems", *limit),
        Kind::MinLength { limit } => bound("minLength", *limit),
        Kind::MaxLength { limit } => bound("maxLength", *limit),
        Kind::Minimum { limit: l } => limit("minimum", l),
        Kind::Maximum { limit: l } => limit("maximum", l),
        Kind::ExclusiveMinimum { limit: l } => limit("exclusiveMinimum", l),
        Kind::ExclusiveMaximum { limit: l } => limit("exclusiveMaximum", l),
        Kind::MultipleOf { multiple_of } => format!("multipleOf: got {}, want {}", number(got), number(&Json::from(*multiple_of))),
        Kind::Pattern { pattern } => format!("{} does not match pattern {}", quoted(got.as_str().unwrap_or_default()), quoted(pattern)),
        Kind::UniqueItems => duplicates(got),
        Kind::AdditionalItems { limit } => format!("last {} additionalItem(s) not allowed", size().saturating_sub(*limit)),
        Kind::AdditionalProperties { unexpected } => {
            let mut names: Vec<&String> = unexpected.iter().collect();
            names.sort();
            format!("additional properties {} not allowed", names.into_iter().map(quoted).collect::<Vec<_>>().join(", "))
        }
        Kind::Contains => "no items match contains schema".to_owned(),
        Kind::FalseSchema => "false schema".to_owned(),
        Kind::Not { .. } => "'not' failed".to_owned(),
        Kind::ContentEncoding { content_encoding } => format!("value is not {} encoded", quoted(content_encoding)),
        Kind::ContentMediaType { content_media_type } => format!("value is not of mediatype {}", quoted(content_media_type)),
        other => format!("'{}' failed", other.keyword()),
    }
}

fn duplicates(got: &Json) -> String {
    let items = got.as_array().map(Vec::as_slice).unwrap_or_default();
    for (i, a) in items.iter().enumerate() {
        for (j, b) in items.iter().enumerate().skip(i + 1) {
            if a == b {
                return format!("items at {i} and {j} are equal");
            }
        }
    }
    "items are equal".to_owned()
}

/// Why a text does not have its format, where Helm's reason does not depend on the text's details.
fn format_reason(format: &str, got: &Json) -> String {
    let text = got.as_str().unwrap_or_default();
    let reason = match format {
        "regex" => return re2_syntax::check(text).err().map_or_else(|| "invalid".to_owned(), |why| format!("error parsing regexp: {why}")),
        "email" | "idn-email" if !text.contains('@') => "missing @",
        "uri" if !text.contains(':') => "relative url",
        "ipv4" => "expected four decimals",
        "date-time" if text.len() < 20 => "less than 20 characters long",
        "duration" if !text.starts_with('P') => "must start with P",
        "uuid" if text.split('-').count() != 5 => "must have 5 elements",
        _ => "invalid",
    };
    reason.to_owned()
}

fn type_name(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

fn wanted(kind: &TypeKind) -> String {
    let order = [
        (JsonType::Null, "null"),
        (JsonType::Boolean, "boolean"),
        (JsonType::Number, "number"),
        (JsonType::Integer, "integer"),
        (JsonType::String, "string"),
        (JsonType::Array, "array"),
        (JsonType::Object, "object"),
    ];
    let holds = |t: JsonType| match kind {
        TypeKind::Single(one) => *one == t,
        TypeKind::Multiple(set) => set.iter().any(|x| x == t),
    };
    order.into_iter().filter(|(t, _)| holds(*t)).map(|(_, name)| name).collect::<Vec<_>>().join(" or ")
}

/// A text as the validator quotes it: Go's escapes inside single quotes.
pub(super) fn quoted(text: impl AsRef<str>) -> String {
    let go = quote::quote(text.as_ref()).replace("\\\"", "\"").replace('\'', "\\'");
    format!("'{}'", &go[1..go.len() - 1])
}

fn display(value: &Json) -> String {
    match value {
        Json::String(s) => quoted(s),
        Json::Null => "<nil>".to_owned(),
        Json::Array(_) | Json::Object(_) => "value".to_owned(),
        other => other.to_string(),
    }
}

/// A number as the validator's English printer writes it: `70,000`, `1×10⁰⁶`.
fn number(value: &Json) -> String {
    let text = num::float(value.as_f64().unwrap_or_default());
    let Some((mantissa, exponent)) = text.split_once('e') else { return grouped_digits(&text) };
    let raised: String = exponent
        .chars()
        .filter(|c| *c != '+')
        .map(|c| match c {
            '-' => '⁻',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            d => char::from_u32(0x2070 + d.to_digit(10).unwrap_or_default()).unwrap_or(d),
        })
        .collect();
    format!("{mantissa}×10{raised}")
}

fn grouped_digits(text: &str) -> String {
    let (whole, rest) = text.find('.').map_or((text, ""), |dot| text.split_at(dot));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |d| ("-", d));
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    format!("{sign}{out}{rest}")
}
