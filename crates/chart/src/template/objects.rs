//! The objects that Helm puts into a template's root: `.Chart`, `.Capabilities`, `.Files`.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::value::{Field, ListType, MapType, StructType, Value};
use crate::Json;

/// What `.Capabilities` says: Helm's `Capabilities` and `KubeVersion` (chartutil/capabilities.go).
#[derive(Clone, Debug)]
pub struct Capabilities {
    /// The version of Kubernetes, `v1.33.1`.
    pub kube_version: String,
    /// Its major number.
    pub kube_major: String,
    /// Its minor number.
    pub kube_minor: String,
    /// What `.Capabilities.APIVersions.Has` finds, Helm's `VersionSet`: `apps/v1`, `apps/v1/Deployment`.
    pub api_versions: Vec<String>,
    /// What `.Capabilities.HelmVersion` says.
    pub helm_version: HelmVersion,
}

/// The version of Helm that is claimed: Helm's `BuildInfo` (internal/version/version.go).
#[derive(Clone, Debug)]
pub struct HelmVersion {
    /// `v3.22`; a release of Helm has its patch version too, `v3.22.0`
    pub version: String,
    /// The commit of the build; may be empty.
    pub git_commit: String,
    /// The state of the tree of the build, such as `clean`; may be empty.
    pub git_tree_state: String,
    /// The version of Go of the build.
    pub go_version: String,
    /// The version of Kubernetes' client of the build; Helm 3 has no such field, and it is empty there.
    pub kube_client_version: String,
}

impl Capabilities {
    /// `.Capabilities` as templates see it: a pointer to a struct with Helm's names.
    pub fn to_value(&self) -> Value {
        let kube = [&self.kube_version, &self.kube_major, &self.kube_minor].map(|text| Value::str(text.as_str()));
        let helm = &self.helm_version;
        let mut build = vec![&helm.version, &helm.git_commit, &helm.git_tree_state, &helm.go_version];
        let mut build_info = &BUILD_INFO;
        if !helm.kube_client_version.is_empty() {
            build.push(&helm.kube_client_version);
            build_info = &BUILD_INFO_4;
        }
        let build = build.into_iter().map(|text| Value::str(text.as_str())).collect();
        let versions = self.api_versions.iter().map(|version| Value::str(version.as_str())).collect();
        Value::structure(
            &CAPABILITIES,
            true,
            vec![
                Value::structure(&KUBE_VERSION, false, kube.into()),
                Value::typed_list(ListType::VersionSet, versions),
                Value::structure(build_info, false, build),
            ],
        )
    }
}

impl Value {
    /// `.Chart`, from the JSON form of `Chart.yaml` (see [`crate::chart::Metadata`]): what Helm's `recAllTpls` (engine/engine.go)
    /// puts there. `is_root` is `.Chart.IsRoot`.
    pub fn chart(metadata: &Json, is_root: bool) -> Value {
        Value::structure(&CHART, false, vec![metadata_struct(metadata), Value::Bool(is_root)])
    }

    /// `.Files`: paths within the chart and their contents. Helm's `newFiles` (engine/files.go).
    pub fn files(files: impl IntoIterator<Item = (String, Bytes)>) -> Value {
        let entries: BTreeMap<_, _> = files.into_iter().map(|(path, content)| (path.into(), Value::bytes(content))).collect();
        Value::typed_map(MapType::Files, entries)
    }
}

fn metadata_struct(json: &Json) -> Value {
    let text = |key: &str| string(&json[key]);
    Value::structure(
        &METADATA,
        false,
        vec![
            text("name"),
            text("home"),
            strings(&json["sources"]),
            text("version"),
            text("description"),
            strings(&json["keywords"]),
            pointers(&json["maintainers"], ListType::Maintainers, |json| {
                Value::structure(&MAINTAINER, true, ["name", "email", "url"].map(|key| string(&json[key])).into())
            }),
            text("icon"),
            text("apiVersion"),
            text("condition"),
            text("tags"),
            text("appVersion"),
            Value::Bool(json["deprecated"].as_bool().unwrap_or(false)),
            string_map(&json["annotations"]),
            text("kubeVersion"),
            pointers(&json["dependencies"], ListType::Dependencies, dependency),
            text("type"),
        ],
    )
}

fn dependency(json: &Json) -> Value {
    let import = match &json["import-values"] {
        Json::Array(items) => Value::list(items.iter().map(Value::from_json).collect()),
        _ => Value::nil_list(ListType::Any),
    };
    Value::structure(
        &DEPENDENCY,
        true,
        vec![
            string(&json["name"]),
            string(&json["version"]),
            string(&json["repository"]),
            string(&json["condition"]),
            strings(&json["tags"]),
            Value::Bool(json["enabled"].as_bool().unwrap_or(false)),
            import,
            string(&json["alias"]),
        ],
    )
}

fn string(json: &Json) -> Value {
    Value::str(json.as_str().unwrap_or_default())
}

fn strings(json: &Json) -> Value {
    match json {
        Json::Array(items) => Value::typed_list(ListType::Str, items.iter().map(string).collect()),
        _ => Value::nil_list(ListType::Str),
    }
}

fn string_map(json: &Json) -> Value {
    match json {
        Json::Object(map) => {
            let entries = map.iter().map(|(key, value)| (key.as_str().into(), string(value))).collect();
            Value::typed_map(MapType::Strings, entries)
        }
        _ => Value::nil_map(MapType::Strings),
    }
}

fn pointers(json: &Json, ty: ListType, each: fn(&Json) -> Value) -> Value {
    match json {
        Json::Array(items) => Value::typed_list(ty, items.iter().map(each).collect()),
        _ => Value::nil_list(ty),
    }
}

const fn field(name: &'static str) -> Field {
    Field { name, json: name, omit_empty: false, embedded: false }
}

const fn optional(name: &'static str, json: &'static str) -> Field {
    Field { name, json, omit_empty: true, embedded: false }
}

static CHART: StructType = StructType {
    name: "struct { chart.Metadata; IsRoot bool }",
    fields: &[Field { name: "Metadata", json: "Metadata", omit_empty: false, embedded: true }, field("IsRoot")],
    prints_as: None,
    json_as: None,
};

static METADATA: StructType = StructType {
    name: "chart.Metadata",
    fields: &[
        optional("Name", "name"),
        optional("Home", "home"),
        optional("Sources", "sources"),
        optional("Version", "version"),
        optional("Description", "description"),
        optional("Keywords", "keywords"),
        optional("Maintainers", "maintainers"),
        optional("Icon", "icon"),
        optional("APIVersion", "apiVersion"),
        optional("Condition", "condition"),
        optional("Tags", "tags"),
        optional("AppVersion", "appVersion"),
        optional("Deprecated", "deprecated"),
        optional("Annotations", "annotations"),
        optional("KubeVersion", "kubeVersion"),
        optional("Dependencies", "dependencies"),
        optional("Type", "type"),
    ],
    prints_as: None,
    json_as: None,
};

static MAINTAINER: StructType = StructType {
    name: "chart.Maintainer",
    fields: &[optional("Name", "name"), optional("Email", "email"), optional("URL", "url")],
    prints_as: None,
    json_as: None,
};

static DEPENDENCY: StructType = StructType {
    name: "chart.Dependency",
    fields: &[
        Field { name: "Name", json: "name", omit_empty: false, embedded: false },
        optional("Version", "version"),
        Field { name: "Repository", json: "repository", omit_empty: false, embedded: false },
        optional("Condition", "condition"),
        optional("Tags", "tags"),
        optional("Enabled", "enabled"),
        optional("ImportValues", "import-values"),
        optional("Alias", "alias"),
    ],
    prints_as: None,
    json_as: None,
};

static CAPABILITIES: StructType = StructType {
    name: "chartutil.Capabilities",
    fields: &[field("KubeVersion"), field("APIVersions"), field("HelmVersion")],
    prints_as: None,
    json_as: None,
};

static KUBE_VERSION: StructType = StructType {
    name: "chartutil.KubeVersion",
    fields: &[field("Version"), field("Major"), field("Minor")],
    prints_as: Some(0),
    json_as: None,
};

static BUILD_INFO: StructType = build_info(BUILD_FIELDS.split_at(4).0);

/// As Helm 4 has it.
static BUILD_INFO_4: StructType = build_info(&BUILD_FIELDS);

/// The last one came with Helm 4.
static BUILD_FIELDS: [Field; 5] = [
    optional("Version", "version"),
    optional("GitCommit", "git_commit"),
    optional("GitTreeState", "git_tree_state"),
    optional("GoVersion", "go_version"),
    optional("KubeClientVersion", "kube_client_version"),
];

const fn build_info(fields: &'static [Field]) -> StructType {
    StructType { name: "version.BuildInfo", fields, prints_as: None, json_as: None }
}
