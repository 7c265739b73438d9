//! The page that says of each field whether it is honoured: made from the tables, so that it is what the daemon does.

use super::tables::Honour::{self, Blocks, If, Named, Noted, Rather, Yes};
use super::tables::{GIT_REPOSITORY, HELM_RELEASE, KUSTOMIZATION, Row};
use crate::api::crd::schema::join;
use crate::api::crd::schema_of;
use crate::api::names::{HELM_V2, KUSTOMIZE_V1, SOURCE_V1};
use crate::object::{Gvk, Json};
use std::fmt::Write as _;

const KINDS: [(&str, &str, &[Row]); 3] =
    [(HELM_V2, "HelmRelease", HELM_RELEASE), (KUSTOMIZE_V1, "Kustomization", KUSTOMIZATION), (SOURCE_V1, "GitRepository", GIT_REPOSITORY)];

/// The page of the reference documentation, as Markdown.
#[must_use]
pub fn compatibility() -> String {
    let mut page = String::from(
        "# Fields of Flux's objects\n\n<!-- Made from src/api/unsupported/tables.rs: `helmward reference compatibility > docs/reference/compatibility.md`. -->\n\n\
         Every field of `spec` is honoured or refused by name; none is passed over in silence. What is refused is named in the condition\n\
         `UnsupportedFields`. *Nothing is applied* says that the object is `Stalled` until the field goes, because going on without it would do\n\
         something else than was asked for; *goes on without it* says that the rest is done. A value that changes nothing (absent, `false`, empty,\n\
         the default) is never refused.\n",
    );
    for (api_version, kind, table) in KINDS {
        let _ = write!(page, "\n## {kind} (`{api_version}`)\n\n| field | | |\n|---|---|---|\n");
        let mut fields = Vec::new();
        leaves(schema(api_version, kind), "", &mut fields);
        for field in fields {
            let (state, why) = match row_of(table, &field) {
                Some(Yes) => ("honoured", String::new()),
                Some(Noted(how)) => ("honoured", how.to_owned()),
                Some(If(_, why)) => ("honoured in part", format!("{why}; otherwise nothing is applied")),
                Some(Rather(_, why)) => ("honoured in part", format!("{why}; otherwise it goes on without it")),
                Some(Blocks(why)) => ("refused", format!("{why}; nothing is applied")),
                Some(Named(why)) => ("refused", format!("{why}; goes on without it")),
                None => ("?", "the table lacks it".to_owned()),
            };
            let _ = writeln!(page, "| `{field}` | {state} | {why} |");
        }
    }
    page
}

/// The fields of a schema of `spec` that the table of the kind lacks; `None` for kinds that have no table.
#[must_use]
pub fn lacking(kind: &str, spec: &Json) -> Option<Vec<String>> {
    let (_, _, table) = KINDS.into_iter().find(|(_, of, _)| *of == kind)?;
    let mut fields = Vec::new();
    leaves(spec, "", &mut fields);
    fields.retain(|field| row_of(table, field).is_none());
    Some(fields)
}

fn schema(api_version: &str, kind: &str) -> &'static Json {
    schema_of(&Gvk::new(api_version, kind).group, kind).map_or(&Json::Null, |schema| &schema["properties"]["spec"])
}

/// The row that holds for a field: its own, or that of a field around it.
fn row_of(table: &[Row], field: &str) -> Option<Honour> {
    let covers = |row: &str| field.strip_prefix(row).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    table.iter().find(|(row, _)| covers(row)).map(|(_, honour)| *honour)
}

/// The fields that have none below them.
fn leaves(schema: &Json, path: &str, out: &mut Vec<String>) {
    if let Some(properties) = schema["properties"].as_object().filter(|p| !p.is_empty()) {
        let mut names: Vec<&String> = properties.keys().collect();
        names.sort();
        for name in names {
            leaves(&properties[name], &join(path, name), out);
        }
    } else if schema["type"] == "array" && schema["items"]["properties"].is_object() {
        leaves(&schema["items"], &format!("{path}[]"), out);
    } else {
        out.push(path.to_owned());
    }
}
