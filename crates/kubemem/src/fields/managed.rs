//! `metadata.managedFields`: reading, writing, and its entries.

use serde_json::{Value, json};

use super::set::FieldSet;

/// How a manager came to own fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Apply,
    #[default]
    Update,
}

impl Operation {
    fn as_str(self) -> &'static str {
        match self {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        }
    }
}

/// One manager with its fields. Appliers are one entry whatever version they use.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Entry {
    pub(crate) manager: String,
    pub(crate) operation: Operation,
    pub(crate) api_version: String,
    pub(crate) subresource: String,
    pub(crate) time: Option<String>,
    pub(crate) set: FieldSet,
    /// The set as text, where nobody needs to look into it; `set` is then empty.
    pub(crate) text: Option<String>,
}

impl Entry {
    pub(crate) fn same_manager(&self, other: &Entry) -> bool {
        self.manager == other.manager
            && self.operation == other.operation
            && self.subresource == other.subresource
            && (self.operation == Operation::Apply || self.api_version == other.api_version)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_none() && self.set.is_empty()
    }

    fn text(&self) -> String {
        self.text.clone().unwrap_or_else(|| serde_json::to_string(&self.set).unwrap_or_default())
    }

    /// The manager as conflict messages name it.
    pub(crate) fn describe(&self) -> String {
        let mut out = Value::from(self.manager.as_str()).to_string();
        if !self.subresource.is_empty() {
            out.push_str(&format!(" with subresource {}", Value::from(self.subresource.as_str())));
        }
        if self.operation == Operation::Update {
            out.push_str(&format!(" using {}", self.api_version));
        }
        out
    }
}

/// All managers of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Managers {
    pub(crate) entries: Vec<Entry>,
}

impl Managers {
    pub(crate) fn of(object: &Value) -> Managers {
        Managers::reading(object, |_| true)
    }

    /// The managers of an object; the sets of those that are not `wanted` stay text.
    pub(super) fn reading(object: &Value, wanted: impl Fn(&Entry) -> bool) -> Managers {
        let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten().filter_map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            let mut out = Entry {
                manager: text("manager"),
                operation: match entry["operation"].as_str()? {
                    "Apply" => Operation::Apply,
                    "Update" => Operation::Update,
                    _ => return None,
                },
                api_version: text("apiVersion"),
                subresource: text("subresource"),
                time: entry["time"].as_str().map(str::to_owned),
                set: FieldSet::default(),
                text: entry["fieldsV1"].as_str().map(str::to_owned),
            };
            if out.text.is_none() || wanted(&out) {
                out.text = None;
                out.set = FieldSet::read(&entry["fieldsV1"]);
            }
            Some(out)
        });
        Managers { entries: entries.collect() }
    }

    /// The position of the entry of the same manager.
    pub(super) fn position(&self, of: &Entry) -> Option<usize> {
        self.entries.iter().position(|entry| entry.same_manager(of))
    }

    /// Writes the entries into an object, in the order that Kubernetes keeps. The sets are written as text: as trees they
    /// would take more room and time than all the rest of the object. [`Shown`](super::Shown) writes them for clients.
    pub(crate) fn write(&self, object: &mut Value) {
        let mut entries: Vec<&Entry> = self.entries.iter().filter(|entry| !entry.is_empty()).collect();
        entries.sort_by(|a, b| {
            (a.operation, &a.time, &a.manager, &a.api_version, &a.subresource).cmp(&(
                b.operation,
                &b.time,
                &b.manager,
                &b.api_version,
                &b.subresource,
            ))
        });
        let list: Vec<Value> = entries
            .into_iter()
            .map(|entry| {
                let mut out = json!({"manager": entry.manager, "operation": entry.operation.as_str(), "apiVersion": entry.api_version,
                    "fieldsType": "FieldsV1", "fieldsV1": entry.text()});
                if let Some(time) = &entry.time {
                    out["time"] = time.as_str().into();
                }
                if !entry.subresource.is_empty() {
                    out["subresource"] = entry.subresource.as_str().into();
                }
                out
            })
            .collect();
        if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            if list.is_empty() {
                meta.remove("managedFields");
            } else {
                meta.insert("managedFields".into(), list.into());
            }
        }
    }
}
