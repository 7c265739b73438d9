//! The rules of what a CRD defines: names, schemas, subresources, columns.

use regex::Regex;
use serde_json::Value;

use crate::schema::{problems_of_default, rule_problem};
use crate::status::{Cause, CauseType};

const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

fn unsupported(field: String, value: &Value, allowed: &[&str]) -> Cause {
    let list: Vec<String> = allowed.iter().map(|a| format!("\"{a}\"")).collect();
    Cause::new(CauseType::NotSupported, field, format!("Unsupported value: {value}: supported values: {}", list.join(", ")))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn is_label_1035(value: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    value.starts_with(|c: char| c.is_ascii_lowercase()) && value.chars().all(inner) && !value.ends_with('-') && value.len() <= 63
}

/// The names of the kind.
pub(super) fn names(names: &Value, out: &mut Vec<Cause>) {
    let mut check = |field: String, value: &Value, lower: bool| {
        let given = text(value);
        let fits = if lower { is_label_1035(&given.to_lowercase()) } else { is_label_1035(given) };
        if !given.is_empty() && !fits {
            out.push(Cause::invalid(field, value, LABEL_1035));
        }
    };
    check("spec.names.plural".into(), &names["plural"], false);
    check("spec.names.singular".into(), &names["singular"], false);
    check("spec.names.kind".into(), &names["kind"], true);
    check("spec.names.listKind".into(), &names["listKind"], true);
    for (i, name) in list(&names["shortNames"]).iter().enumerate() {
        check(format!("spec.names.shortNames[{i}]"), name, false);
    }
    for (i, name) in list(&names["categories"]).iter().enumerate() {
        check(format!("spec.names.categories[{i}]"), name, false);
    }
}

/// The versions as Go writes them; what all of them have alike stands beside them.
pub(super) fn shown_versions(versions: &[Value]) -> String {
    let shown = versions.iter().map(|version| {
        let own = |field: &str, key: &str| {
            let alike = versions.iter().all(|other| other[key] == version[key]);
            format!("\"{field}\":{}", if alike { &Value::Null } else { &version[key] })
        };
        let plain = |field: &str, key: &str| format!("\"{field}\":{}", version[key]);
        let flag = |field: &str, key: &str| format!("\"{field}\":{}", version[key] == true);
        let parts = [
            plain("Name", "name"),
            flag("Served", "served"),
            flag("Storage", "storage"),
            flag("Deprecated", "deprecated"),
            plain("DeprecationWarning", "deprecationWarning"),
            own("Schema", "schema"),
            own("Subresources", "subresources"),
            own("AdditionalPrinterColumns", "additionalPrinterColumns"),
            own("SelectableFields", "selectableFields"),
        ];
        format!("{{{}}}", parts.join(","))
    });
    format!("[{}]", shown.collect::<Vec<_>>().join(","))
}

/// The names of versions; the first is the version of the definition, too.
pub(super) fn version_names(versions: &[Value], out: &mut Vec<Cause>) {
    for (i, version) in versions.iter().enumerate().filter(|(_, version)| !is_label_1035(text(&version["name"]))) {
        if i == 0 {
            out.push(Cause::invalid("spec.version", &version["name"], LABEL_1035));
        }
        out.push(Cause::invalid(format!("spec.versions[{i}].name"), &version["name"], LABEL_1035));
    }
    let twice = |(i, version): (usize, &Value)| versions[..i].iter().any(|other| other["name"] == version["name"]);
    if versions.iter().enumerate().any(twice) {
        let shown = format!("Invalid value: {}: must contain unique version names", shown_versions(versions));
        out.push(Cause::new(CauseType::Invalid, "spec.versions", shown));
    }
}

/// The versions that objects were ever stored in.
pub(super) fn stored_versions(stored: &Value, versions: &[Value], out: &mut Vec<Cause>) {
    let at = "status.storedVersions";
    if list(stored).is_empty() {
        return out.push(Cause::invalid(at, stored, "must have at least one stored version"));
    }
    for version in versions.iter().filter(|v| v["storage"] == true && !list(stored).contains(&v["name"])) {
        out.push(Cause::invalid(at, stored, &format!("must have the storage version {}", text(&version["name"]))));
    }
    for (i, name) in list(stored).iter().enumerate().filter(|(_, name)| !versions.iter().any(|v| v["name"] == **name)) {
        let v = text(name);
        let detail = format!(
            "missing from spec.versions; {v} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in {v} and removes {v} from status.storedVersions"
        );
        out.push(Cause::invalid(format!("{at}[{i}]"), name, &detail));
    }
}

/// How versions are converted.
pub(super) fn conversion(conversion: &Value, out: &mut Vec<Cause>) {
    let (config, reviews) = (&conversion["webhook"]["clientConfig"], list(&conversion["webhook"]["conversionReviewVersions"]));
    let (at_config, at_reviews) = ("spec.conversion.webhookClientConfig", "spec.conversion.conversionReviewVersions");
    let unwanted = "should not be set when strategy is not set to Webhook";
    match conversion["strategy"].as_str() {
        Some("Webhook") => {
            if !config.is_object() {
                out.push(Cause::required(at_config, "required when strategy is set to Webhook"));
            } else if config["url"].is_null() == config["service"].is_null() {
                out.push(Cause::required(at_config, "exactly one of url or service is required"));
            }
            if reviews.is_empty() {
                out.push(Cause::required(at_reviews, ""));
            }
            return;
        }
        Some("None") | None => {}
        Some(_) => out.push(unsupported("spec.conversion.strategy".into(), &conversion["strategy"], &["None", "Webhook"])),
    }
    if config.is_object() {
        out.push(Cause::forbidden(at_config, unwanted));
    }
    if !reviews.is_empty() {
        out.push(Cause::forbidden(at_reviews, unwanted));
    }
}

/// Formats that are not known, in the order in which a schema has them.
pub(super) fn unknown_formats(json: &Value, out: &mut Vec<String>) {
    if !json.is_object() {
        return;
    }
    let format = text(&json["format"]);
    let known = match text(&json["type"]) {
        "" | "string" => FORMATS.contains(&format.replace('-', "").as_str()),
        "integer" => matches!(format, "int32" | "int64"),
        "number" => matches!(format, "float" | "double"),
        _ => false,
    };
    if !format.is_empty() && !known {
        out.push(format!("unrecognized format \"{format}\""));
    }
    ["items", "additionalProperties", "not"].iter().for_each(|word| unknown_formats(&json[*word], out));
    for word in ["allOf", "anyOf", "oneOf"] {
        list(&json[word]).iter().for_each(|inner| unknown_formats(inner, out));
    }
    json["properties"].as_object().into_iter().flatten().for_each(|(_, inner)| unknown_formats(inner, out));
}

const FORMATS: [&str; 26] = [
    "bsonobjectid",
    "uri",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "cidr",
    "mac",
    "uuid",
    "uuid3",
    "uuid4",
    "uuid5",
    "isbn",
    "isbn10",
    "isbn13",
    "creditcard",
    "ssn",
    "hexcolor",
    "rgbcolor",
    "byte",
    "password",
    "date",
    "duration",
    "datetime",
    "k8sshortname",
    "k8slongname",
];

/// Subresources, columns and selectable fields of a version, whose fields are named under `at`.
pub(super) fn version(version: &Value, at: &str, out: &mut Vec<Cause>) {
    let scale = &version["subresources"]["scale"];
    if scale.is_object() {
        for (field, root) in [("specReplicasPath", ".spec."), ("statusReplicasPath", ".status."), ("labelSelectorPath", "")] {
            let (path, name) = (text(&scale[field]), format!("{at}.subresources.scale.{field}"));
            if path.is_empty() {
                out.extend((!root.is_empty()).then(|| Cause::required(name, "")));
            } else if !path.starts_with('.') || path.contains('[') {
                out.push(Cause::invalid(name, &scale[field], "must be a simple json path starting with ."));
            } else if !path.starts_with(root) {
                out.push(Cause::invalid(name, &scale[field], &format!("should be a json path under {}", root.trim_end_matches('.'))));
            }
        }
    }
    for (i, column) in list(&version["additionalPrinterColumns"]).iter().enumerate() {
        let name = |field: &str| format!("{at}.additionalPrinterColumns[{i}].{field}");
        let mut one_of = |field: &str, allowed: &[&str]| {
            if !allowed.contains(&text(&column[field])) {
                let detail = format!("must be one of {}", allowed.join(","));
                out.push(Cause::invalid(name(field), &column[field], &detail));
            }
        };
        if text(&column["type"]).is_empty() {
            out.push(Cause::required(name("type"), "must be one of boolean,date,integer,number,string"));
        } else {
            one_of("type", &["boolean", "date", "integer", "number", "string"]);
            if !text(&column["format"]).is_empty() {
                one_of("format", &["byte", "date", "date-time", "double", "float", "int32", "int64", "password"]);
            }
        }
        for (field, key) in [("name", "name"), ("JSONPath", "jsonPath")] {
            if text(&column[key]).is_empty() {
                out.push(Cause::required(name(field), ""));
            }
        }
    }
    let schema = &version["schema"]["openAPIV3Schema"];
    for (i, field) in list(&version["selectableFields"]).iter().enumerate() {
        let path = text(&field["jsonPath"]);
        let found = path.trim_start_matches('.').split('.').fold(schema, |at, part| &at["properties"][part]);
        if found.is_null() {
            let detail = "is an invalid path: does not refer to a valid field";
            out.push(Cause::invalid(format!("{at}.selectableFields[{i}].jsonPath"), &field["jsonPath"], detail));
        }
    }
}

/// A schema and all that it contains, at `at`.
pub(super) fn schema(json: &Value, at: &str, root: bool, out: &mut Vec<Cause>) {
    let kind = text(&json["type"]);
    if !kind.is_empty() && !matches!(kind, "array" | "boolean" | "integer" | "number" | "object" | "string") {
        let all = ["array", "boolean", "integer", "number", "object", "string"];
        out.push(unsupported(format!("{at}.type"), &json["type"], &all));
    }
    if kind == "array" && json["items"].is_null() {
        out.push(Cause::required(format!("{at}.items"), "must be specified"));
    }
    if json["properties"].is_object() && json["additionalProperties"].is_object() {
        out.push(Cause::forbidden(format!("{at}.additionalProperties"), "additionalProperties and properties are mutual exclusive"));
    }
    if json["uniqueItems"] == true {
        let detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        out.push(Cause::forbidden(format!("{at}.uniqueItems"), detail));
    }
    if json["$ref"].is_string() {
        out.push(Cause::forbidden(format!("{at}.$ref"), "$ref is not supported"));
    }
    if Regex::new(text(&json["pattern"])).is_err() {
        let detail = "must be a valid regular expression, but isn't: error parsing regexp";
        let detail = match unclosed(text(&json["pattern"])) {
            true => format!("{detail}: missing closing ): `{}`", text(&json["pattern"])),
            false => detail.to_owned(),
        };
        out.push(Cause::invalid(format!("{at}.pattern"), &json["pattern"], &detail));
    }
    for (word, inner) in ["allOf", "anyOf", "oneOf"].iter().flat_map(|word| list(&json[*word]).iter().map(move |inner| (word, inner))) {
        let i = list(&json[*word]).iter().position(|other| std::ptr::eq(other, inner)).unwrap_or_default();
        if inner["type"].is_string() && json["x-kubernetes-int-or-string"] != true {
            out.push(Cause::forbidden(format!("{at}.{word}[{i}].type"), "must be empty to be structural"));
        }
    }
    lists(json, at, out);
    rules(json, at, root, out);
    if let Some(default) = json.get("default").filter(|d| !d.is_null()) {
        out.extend(problems_of_default(default, json, &format!("{at}.default")));
    }
    for (name, inner) in json["properties"].as_object().into_iter().flatten() {
        let at = format!("{at}.properties[{name}]");
        let named = |inner: &Value| inner["properties"].as_object().is_some_and(|p| p.keys().any(|k| k != "name" && k != "generateName"));
        if root && name == "metadata" && named(inner) {
            let detail = "must not specify anything other than name and generateName, but metadata is implicitly specified";
            out.push(Cause::forbidden(at.clone(), detail));
        }
        schema(inner, &at, false, out);
    }
    for word in ["items", "additionalProperties"] {
        if json[word].is_object() {
            schema(&json[word], &format!("{at}.{word}"), false, out);
        }
    }
}

fn unclosed(pattern: &str) -> bool {
    pattern.matches('(').count() > pattern.matches(')').count()
}

/// List types and their keys, map types.
fn lists(json: &Value, at: &str, out: &mut Vec<Cause>) {
    let (kind, keys) = (text(&json["x-kubernetes-list-type"]), list(&json["x-kubernetes-list-map-keys"]));
    let items = &json["items"];
    if !kind.is_empty() && json["type"] != "array" {
        out.push(Cause::invalid(format!("{at}.type"), &json["type"], "must be array if x-kubernetes-list-type is specified"));
    }
    if !kind.is_empty() && !matches!(kind, "atomic" | "set" | "map") {
        out.push(unsupported(format!("{at}.x-kubernetes-list-type"), &json["x-kubernetes-list-type"], &["atomic", "set", "map"]));
    }
    if !json["x-kubernetes-map-type"].is_null() && !matches!(text(&json["x-kubernetes-map-type"]), "atomic" | "granular") {
        out.push(unsupported(format!("{at}.x-kubernetes-map-type"), &json["x-kubernetes-map-type"], &["atomic", "granular"]));
    }
    if kind == "set" && items["type"] == "object" && items["x-kubernetes-map-type"] != "atomic" {
        let detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
        out.push(Cause::invalid(format!("{at}.items.x-kubernetes-map-type"), &items["x-kubernetes-map-type"], detail));
    }
    let at_keys = format!("{at}.x-kubernetes-list-map-keys");
    if kind == "map" && keys.is_empty() {
        out.push(Cause::required(at_keys, "must not be empty if x-kubernetes-list-type is map"));
    } else if kind != "map" && !keys.is_empty() {
        out.push(Cause::required(format!("{at}.x-kubernetes-list-type"), "must be map if x-kubernetes-list-map-keys is non-empty"));
    } else if keys.iter().any(|key| items["properties"][text(key)].is_null()) {
        out.push(Cause::invalid(at_keys, &json["x-kubernetes-list-map-keys"], "entries must all be names of item properties"));
    } else {
        for key in keys.iter().filter(|key| !list(&items["required"]).contains(key)) {
            if items["properties"][text(key)]["default"].is_null() {
                let detail = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
                out.push(Cause::required(format!("{at}.items.properties[{}].default", text(key)), detail));
            }
        }
    }
}

/// A rule as Go writes it.
fn shown_rule(rule: &Value) -> String {
    let word = |key: &str| Value::from(text(&rule[key]));
    format!(
        "{{\"Rule\":{},\"Message\":{},\"MessageExpression\":{},\"Reason\":{},\"FieldPath\":{},\"OptionalOldSelf\":{}}}",
        word("rule"),
        word("message"),
        word("messageExpression"),
        rule["reason"],
        word("fieldPath"),
        rule["optionalOldSelf"]
    )
}

/// CEL rules.
fn rules(json: &Value, at: &str, root: bool, out: &mut Vec<Cause>) {
    for (i, rule) in list(&json["x-kubernetes-validations"]).iter().enumerate() {
        let name = |field: &str| format!("{at}.x-kubernetes-validations[{i}].{field}");
        if text(&rule["rule"]).trim().is_empty() {
            out.push(Cause::required(name("rule"), "rule is not specified"));
        } else if let Some(why) = rule_problem(text(&rule["rule"]), json, root) {
            let shown = format!("Invalid value: {}: {why}", shown_rule(rule));
            out.push(Cause::new(CauseType::Invalid, name("rule"), shown));
        }
        let message = text(&rule["message"]);
        if !message.is_empty() && message.trim().is_empty() {
            out.push(Cause::invalid(name("message"), &rule["message"], "must be non-empty if specified"));
        } else if message.trim().contains('\n') {
            out.push(Cause::invalid(name("message"), &rule["message"], "must not contain line breaks"));
        }
        let reasons = ["FieldValueRequired", "FieldValueInvalid", "FieldValueForbidden", "FieldValueDuplicate"];
        if rule["reason"].is_string() && !reasons.contains(&text(&rule["reason"])) {
            out.push(unsupported(
                name("reason"),
                &rule["reason"],
                &["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"],
            ));
        }
        let path = text(&rule["fieldPath"]);
        let found = path.trim_start_matches('.').split('.').fold(json, |at, part| &at["properties"][part]);
        if !path.is_empty() && !path.contains('[') && found.is_null() {
            out.push(Cause::invalid(name("fieldPath"), &rule["fieldPath"], "must be a valid path"));
        }
    }
}
