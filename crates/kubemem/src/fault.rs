//! Faults: requests that fail, hang or lose their answer, on demand.

use std::time::Duration;

use crate::log::{Request, Verb};

/// A fault, and the requests that it hits.
///
/// ```
/// use kubemem::{Effect, Fault, Verb};
/// // the second apply of a Deployment is answered with 500
/// let fault = Fault::on(Verb::Apply).kind("Deployment").nth(2).effect(Effect::Error(500));
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    verb: Option<Verb>,
    kind: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    resource: Option<String>,
    user_agent: Option<String>,
    dry_run: Option<bool>,
    skip: u64,
    times: u64,
    effect: Effect,
}

/// What happens to a request that a fault hits.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Answered with this status code and a `Status` object; nothing is done.
    Error(u16),
    /// Answered with this status code, reason and message; nothing is done.
    Refuse {
        /// Status code.
        code: u16,
        /// `reason` of the Status.
        reason: String,
        /// `message` of the Status.
        message: String,
    },
    /// Never answered; nothing is done.
    Hang,
    /// The connection breaks before anything is done.
    LostBefore,
    /// It is done, then the connection breaks.
    LostAfter,
    /// Answered after a delay (on the tokio clock).
    Delay(Duration),
    /// A watch ends after this many events.
    EndWatch(usize),
    /// A watch answers 410 Expired after this many events.
    ExpireWatch(usize),
}

impl Fault {
    /// A fault of every request.
    pub fn any() -> Fault {
        Fault {
            verb: None,
            kind: None,
            namespace: None,
            name: None,
            resource: None,
            user_agent: None,
            dry_run: None,
            skip: 0,
            times: 1,
            effect: Effect::Error(500),
        }
    }

    /// A fault of requests of one verb.
    pub fn on(verb: Verb) -> Fault {
        Fault { verb: Some(verb), ..Fault::any() }
    }

    /// Only for objects of this kind.
    pub fn kind(self, kind: &str) -> Fault {
        Fault { kind: Some(kind.to_owned()), ..self }
    }

    /// Only for this resource, as `deployments` or `deployments/status`.
    pub fn resource(self, resource: &str) -> Fault {
        Fault { resource: Some(resource.to_owned()), ..self }
    }

    /// Only for objects in this namespace.
    pub fn namespace(self, namespace: &str) -> Fault {
        Fault { namespace: Some(namespace.to_owned()), ..self }
    }

    /// Only for the object of this name.
    pub fn name(self, name: &str) -> Fault {
        Fault { name: Some(name.to_owned()), ..self }
    }

    /// Only for clients whose user agent starts so.
    pub fn user_agent(self, prefix: &str) -> Fault {
        Fault { user_agent: Some(prefix.to_owned()), ..self }
    }

    /// Only for dry runs, or only for requests that are none.
    pub fn dry_run(self, dry_run: bool) -> Fault {
        Fault { dry_run: Some(dry_run), ..self }
    }

    /// Hits the n-th matching request, counted from 1, and not those before.
    pub fn nth(self, n: u64) -> Fault {
        Fault { skip: n.saturating_sub(1), ..self }
    }

    /// Hits this many requests, then is used up.
    pub fn times(self, times: u64) -> Fault {
        Fault { times, ..self }
    }

    /// Hits for as long as the server lives, or until faults are cleared.
    pub fn always(self) -> Fault {
        Fault { times: u64::MAX, ..self }
    }

    /// What happens.
    pub fn effect(self, effect: Effect) -> Fault {
        Fault { effect, ..self }
    }

    fn matches(&self, request: &Request) -> bool {
        let same = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|w| w == found);
        self.verb.is_none_or(|verb| verb == request.verb)
            && same(&self.kind, &request.kind)
            && same(&self.resource, &request.resource)
            && same(&self.namespace, &request.namespace)
            && same(&self.name, &request.name)
            && self.user_agent.as_deref().is_none_or(|prefix| request.user_agent.starts_with(prefix))
            && self.dry_run.is_none_or(|dry_run| dry_run == request.dry_run)
    }
}

/// The effect for a request, counting down the faults that it matches.
pub(crate) fn strike(faults: &mut Vec<Fault>, request: &Request) -> Option<Effect> {
    let mut hit = None;
    for fault in faults.iter_mut().filter(|fault| fault.matches(request)) {
        if fault.skip > 0 {
            fault.skip -= 1;
        } else if hit.is_none() {
            fault.times = if fault.times == u64::MAX { u64::MAX } else { fault.times - 1 };
            hit = Some(fault.effect.clone());
        }
    }
    faults.retain(|fault| fault.times > 0);
    hit
}
