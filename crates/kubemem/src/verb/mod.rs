//! What the API does to objects, one file per verb; all of it under the store's lock and without waiting.

mod apply;
mod create;
mod delete;
mod edit;
mod list;
mod patch;
mod read;
mod scale;
mod update;

use std::sync::Arc;

use http::StatusCode;
use serde_json::Value;

pub(crate) use delete::{DeleteOptions, Propagation};
pub(crate) use list::{ListOptions, Page, unreadable_version};
pub(crate) use patch::PatchKind;
pub(crate) use read::present;
pub(crate) use update::same_but;

use crate::admission::Webhook;
use crate::auth::User;
use crate::clock::Clock;
use crate::fields::{Entry, Operation};
use crate::resource::Resource;
use crate::server::Options;
use crate::status::ApiError;
use crate::store::{ObjectName, Place, Store};

/// One call: the state it works on and what it may need to know.
pub(crate) struct Call<'a> {
    pub(crate) store: &'a mut Store,
    pub(crate) clock: &'a Clock,
    pub(crate) options: &'a Options,
    pub(crate) webhooks: &'a [Webhook],
}

/// What a call is about.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) resource: Arc<Resource>,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) part: Part,
}

/// The whole object, or a subresource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    Status,
    Scale,
    /// Namespace finalize, pod eviction, tokens: each handled on its own.
    Other,
}

impl Part {
    fn as_str(self) -> &'static str {
        match self {
            Part::Status => "status",
            Part::Scale => "scale",
            Part::Whole | Part::Other => "",
        }
    }
}

/// How strictly unknown fields are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Validation {
    #[default]
    Warn,
    Strict,
    Ignore,
}

/// Options of every write.
#[derive(Clone, Debug, Default)]
pub(crate) struct WriteOptions {
    pub(crate) manager: String,
    pub(crate) dry_run: bool,
    pub(crate) validation: Validation,
    pub(crate) force: bool,
    /// who writes; nobody where it is the control plane
    pub(crate) user: Option<Arc<User>>,
    /// A patch never asks for another uid than that of the object.
    pub(crate) by_patch: bool,
}

impl WriteOptions {
    /// A write of a component of the control plane.
    pub(crate) fn by(manager: &str) -> WriteOptions {
        WriteOptions { manager: manager.to_owned(), validation: Validation::Ignore, ..WriteOptions::default() }
    }
}

/// What a write answers.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) code: StatusCode,
    pub(crate) object: Arc<Value>,
    pub(crate) warnings: Vec<String>,
}

impl Answer {
    fn ok(object: Arc<Value>) -> Answer {
        Answer { code: StatusCode::OK, object, warnings: Vec::new() }
    }

    /// With what there was to warn of while the request was read.
    fn warned_first(mut self, mut warnings: Vec<String>) -> Answer {
        warnings.append(&mut self.warnings);
        self.warnings = warnings;
        self
    }
}

impl Target {
    pub(crate) fn place(&self) -> Place {
        Place { table: self.resource.table(), name: ObjectName::new(&self.namespace, &self.name) }
    }
}

/// The largest object that the store of a real cluster takes.
const LARGEST: u64 = 3 << 19;

impl Call<'_> {
    /// Refuses an object that is too large to be stored.
    fn check_size(&self, object: &Value) -> Result<(), ApiError> {
        struct Counted(u64);
        impl std::io::Write for Counted {
            fn write(&mut self, part: &[u8]) -> std::io::Result<usize> {
                self.0 += part.len() as u64;
                Ok(part.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let mut size = Counted(0);
        match serde_json::to_writer(&mut size, object) {
            Ok(()) if size.0 <= LARGEST => Ok(()),
            _ => Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "", "etcdserver: request is too large")),
        }
    }

    /// The managedFields entry of a write, without fields yet.
    fn entry(&self, target: &Target, options: &WriteOptions, operation: Operation) -> Entry {
        Entry {
            manager: options.manager.clone(),
            operation,
            api_version: target.resource.api_version(),
            subresource: target.part.as_str().to_owned(),
            // the server does not carry the time of a write to a scale over to the object
            time: (target.part != Part::Scale).then(|| self.clock.text()),
            ..Entry::default()
        }
    }
}
