//! Faults: requests that fail, hang or lose their answer, on demand.

use std::fmt;
use std::time::Duration;

use crate::log::{Request, Verb};

/// A fault, and the requests that it hits.
///
/// ```
/// use kubemem::{Fault, Verb};
/// // the second apply of a Deployment is answered with 500
/// let fault = Fault::on(Verb::Apply).kind("Deployment").nth(2).error(500);
/// ```
#[derive(Clone, Debug, PartialEq)]
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
    hits: u64,
    effect: Effect,
}

/// What happens to a request that a fault hits.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Refused; nothing is done.
    Refuse(Refusal),
    /// Never answered; nothing is done.
    Hang,
    /// The connection breaks before anything is done.
    LostBefore,
    /// It is done, then the connection breaks.
    LostAfter,
    /// It is done, and never answered.
    HangAfter,
    /// It is done, and the connection breaks in the middle of the answer.
    Reset,
    /// Answered after a delay (on the tokio clock).
    Delay(Duration),
    /// A watch ends after this many events.
    EndWatch(usize),
    /// A watch answers 410 Expired after this many events.
    ExpireWatch(usize),
}

/// An answer that refuses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refusal {
    /// Status code.
    pub code: u16,
    /// `reason` of the Status; that of the code if empty.
    pub reason: String,
    /// `message` of the Status.
    pub message: String,
    /// The `Retry-After` header, in seconds.
    pub retry_after: Option<u32>,
}

impl Fault {
    /// A fault of every request; it hangs unless another effect is given.
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
            hits: 0,
            effect: Effect::Hang,
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

    /// Answered with a status code: 409, 422, 500, 503 …; nothing is done.
    pub fn error(self, code: u16) -> Fault {
        let message = "injected fault".to_owned();
        self.effect(Effect::Refuse(Refusal { code, message, ..Refusal::default() }))
    }

    /// Answered with 429 and the time after which to come back; nothing is done.
    pub fn too_many_requests(self, retry_after: u32) -> Fault {
        let message = "injected fault".to_owned();
        self.effect(Effect::Refuse(Refusal { code: 429, message, retry_after: Some(retry_after), ..Refusal::default() }))
    }

    /// Never answered; nothing is done.
    pub fn hang(self) -> Fault {
        self.effect(Effect::Hang)
    }

    /// The connection breaks before anything is done.
    pub fn lost_before_commit(self) -> Fault {
        self.effect(Effect::LostBefore)
    }

    /// It is done, then the connection breaks.
    pub fn lost_after_commit(self) -> Fault {
        self.effect(Effect::LostAfter)
    }

    /// It is done, and never answered: who sent it can be killed before it hears of it.
    pub fn hang_after_commit(self) -> Fault {
        self.effect(Effect::HangAfter)
    }

    /// It is done, and the connection breaks in the middle of the answer.
    pub fn reset(self) -> Fault {
        self.effect(Effect::Reset)
    }

    /// Answered after a delay, on the tokio clock.
    pub fn delay(self, delay: Duration) -> Fault {
        self.effect(Effect::Delay(delay))
    }

    /// A watch ends after this many events.
    pub fn end_watch(self, events: usize) -> Fault {
        self.effect(Effect::EndWatch(events))
    }

    /// A watch falls behind after this many events: 410 Expired.
    pub fn expire_watch(self, events: usize) -> Fault {
        self.effect(Effect::ExpireWatch(events))
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

/// As messages show it: what it hits and what happens then.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = self.verb.map(|verb| format!("{verb:?}"));
        let given = [&verb, &self.kind, &self.resource, &self.namespace, &self.name, &self.user_agent];
        let given: Vec<&str> = given.into_iter().flatten().map(String::as_str).collect();
        let what = if given.is_empty() { "any request".to_owned() } else { given.join(" ") };
        write!(f, "{what}, number {}: {:?}", self.skip + 1, self.effect)
    }
}

/// The faults of a server, in the order in which they were given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults(pub(crate) Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn unhit(&self) -> Vec<Fault> {
        self.0.iter().filter(|fault| fault.hits == 0).cloned().collect()
    }

    /// The effect for a request: that of the first fault that hits it. Each fault counts the requests that match it.
    pub(crate) fn strike(&mut self, request: &Request) -> Option<Effect> {
        let mut hit = None;
        for fault in self.0.iter_mut().filter(|fault| fault.hits < fault.times && fault.matches(request)) {
            if fault.skip > 0 {
                fault.skip -= 1;
            } else if hit.is_none() {
                fault.hits += 1;
                hit = Some(fault.effect.clone());
            }
        }
        hit
    }
}

impl IntoIterator for Faults {
    type Item = Fault;
    type IntoIter = std::vec::IntoIter<Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
