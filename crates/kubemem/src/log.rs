//! The log of requests, for assertions.

use serde::Deserialize;
use serde_json::Value;

use crate::fault::Effect;

/// One request as it was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Position in the log, from 0.
    pub number: u64,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// What was done.
    pub verb: Verb,
    /// The path, without the query.
    pub path: String,
    /// The query, as sent.
    pub query: String,
    /// API group; empty for the core group and for paths that are not of objects.
    pub group: String,
    /// Plural of the resource, with its subresource: `deployments`, `deployments/status`. Empty for other paths.
    pub resource: String,
    /// Kind of the resource, where it is known.
    pub kind: String,
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// Name of the object; empty for collections.
    pub name: String,
    /// Whether it asked for a dry run.
    pub dry_run: bool,
    /// The body, where it was JSON or YAML.
    pub body: Option<Value>,
    /// The status code of the answer; 0 while there is none.
    pub code: u16,
    /// The fault that hit the request.
    pub fault: Option<Effect>,
}

impl Request {
    /// Whether the request asks for a lasting change.
    pub fn is_write(&self) -> bool {
        !self.dry_run && !matches!(self.verb, Verb::Get | Verb::List | Verb::Watch)
    }
}

/// A request as it is kept: its body as text, which takes a fraction of the room.
#[derive(Debug)]
pub(crate) struct Logged {
    pub(crate) request: Request,
    body: Option<Box<[u8]>>,
}

impl Logged {
    pub(crate) fn new(mut request: Request) -> Logged {
        let body = request.body.take().and_then(|body| serde_json::to_vec(&body).ok()).map(Vec::into_boxed_slice);
        Logged { request, body }
    }

    /// The request with its body.
    pub(crate) fn read(&self) -> Request {
        let body = self.body.as_deref().and_then(|text| serde_json::from_slice(text).ok());
        Request { body, ..self.request.clone() }
    }
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Read one object, or a path that is not of objects.
    Get,
    /// Read a collection.
    List,
    /// Follow a collection.
    Watch,
    /// POST.
    Create,
    /// PUT.
    Update,
    /// PATCH of a kind other than apply.
    Patch,
    /// Server-side apply.
    Apply,
    /// DELETE of one object.
    Delete,
    /// DELETE of a collection.
    DeleteCollection,
}
