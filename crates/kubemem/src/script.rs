//! Faults as a YAML script, for a server that runs as a process of its own.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::controller::duration;
use crate::fault::{Effect, Fault, Faults, Refusal};
use crate::log::Verb;

impl Faults {
    /// Reads a script: a list of faults, each with what it hits (all of it optional) and one effect.
    ///
    /// ```
    /// let script = "
    /// - {verb: apply, kind: Deployment, namespace: default, nth: 2, error: 429, retryAfter: 5}
    /// - {verb: watch, userAgent: kubectl, always: true, expireWatch: 10}
    /// - {resource: secrets, name: token, times: 3, delay: 2s}
    /// - {verb: create, lost: after-commit}";
    /// assert_eq!(kubemem::Faults::parse(script).unwrap().into_iter().count(), 4);
    /// ```
    ///
    /// Effects: `error` (a status code, with `reason`, `message` and `retryAfter` if wanted), `delay`, `endWatch` and
    /// `expireWatch` (a number of events), and `lost`: `never-answered`, `before-commit`, `after-commit`, `mid-answer`.
    ///
    /// # Errors
    /// What is wrong, and in which line.
    pub fn parse(script: &str) -> Result<Faults, ScriptError> {
        let entries: Option<Vec<Entry>> = serde_yaml::from_str(script).map_err(|error| ScriptError {
            line: error.location().map(|at| at.line()),
            what: error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
        })?;
        let faults = entries.unwrap_or_default().into_iter().enumerate();
        let faults = faults.map(|(i, entry)| Fault::try_from(entry).map_err(|what| ScriptError { line: line_of(script, i), what }));
        faults.collect::<Result<_, _>>().map(Faults)
    }
}

/// Where an item of the list begins, if it is written in lines.
fn line_of(script: &str, item: usize) -> Option<usize> {
    let mut dashes =
        script.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with('-') && !line.starts_with("---")).peekable();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let first = indent(dashes.peek()?.1);
    dashes.filter(|(_, line)| indent(line) == first).nth(item).map(|(number, _)| number + 1)
}

/// Why a script of faults cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    what: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "faults, line {line}: {}", self.what),
            None => write!(f, "faults: {}", self.what),
        }
    }
}

impl std::error::Error for ScriptError {}

/// A fault as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    verb: Option<Verb>,
    kind: Option<String>,
    resource: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    user_agent: Option<String>,
    dry_run: Option<bool>,
    nth: Option<u64>,
    times: Option<u64>,
    #[serde(default)]
    always: bool,
    error: Option<u16>,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    retry_after: Option<u32>,
    delay: Option<String>,
    end_watch: Option<usize>,
    expire_watch: Option<usize>,
    lost: Option<Loss>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Loss {
    NeverAnswered,
    BeforeCommit,
    AfterCommit,
    MidAnswer,
}

impl TryFrom<Entry> for Fault {
    type Error = String;

    fn try_from(raw: Entry) -> Result<Fault, String> {
        let refusal = raw.error.map(|code| {
            let message = if raw.message.is_empty() { "injected fault".to_owned() } else { raw.message };
            Effect::Refuse(Refusal { code, reason: raw.reason, message, retry_after: raw.retry_after })
        });
        let delay = match raw.delay {
            Some(text) => Some(Effect::Delay(read_delay(&text)?)),
            None => None,
        };
        let lost = raw.lost.map(|loss| match loss {
            Loss::NeverAnswered => Effect::Hang,
            Loss::BeforeCommit => Effect::LostBefore,
            Loss::AfterCommit => Effect::LostAfter,
            Loss::MidAnswer => Effect::Reset,
        });
        let all = [refusal, delay, raw.end_watch.map(Effect::EndWatch), raw.expire_watch.map(Effect::ExpireWatch), lost];
        let mut effects = all.into_iter().flatten();
        let (Some(effect), None) = (effects.next(), effects.next()) else {
            return Err("a fault needs exactly one of error, delay, endWatch, expireWatch and lost".into());
        };
        let mut fault = raw.verb.map_or_else(Fault::any, Fault::on).nth(raw.nth.unwrap_or(1)).effect(effect);
        if let Some(times) = raw.times {
            fault = fault.times(times);
        }
        if raw.always {
            fault = fault.always();
        }
        if let Some(dry_run) = raw.dry_run {
            fault = fault.dry_run(dry_run);
        }
        type Narrow = fn(Fault, &str) -> Fault;
        let narrow: [(Option<String>, Narrow); 5] = [
            (raw.kind, Fault::kind),
            (raw.resource, Fault::resource),
            (raw.namespace, Fault::namespace),
            (raw.name, Fault::name),
            (raw.user_agent, Fault::user_agent),
        ];
        Ok(narrow.into_iter().fold(fault, |fault, (value, by)| match value {
            Some(value) => by(fault, &value),
            None => fault,
        }))
    }
}

fn read_delay(text: &str) -> Result<Duration, String> {
    duration(text).ok_or_else(|| format!("delay: {text:?} is no duration such as 500ms, 2s or 1m30s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_says() {
        let faults =
            Faults::parse("- {verb: apply, kind: Deployment, nth: 2, times: 3, error: 429, retryAfter: 5}\n- lost: before-commit\n");
        let expected = [Fault::on(Verb::Apply).kind("Deployment").nth(2).times(3).too_many_requests(5), Fault::any().lost_before_commit()];
        assert_eq!(faults, Ok(Faults(expected.into())));
        assert_eq!(Faults::parse("# nothing\n"), Ok(Faults::default()));
    }

    #[test]
    fn errors_name_the_line() {
        for (script, line, part) in [
            ("- error: 500\n- verb: aply\n  error: 500\n", 2, "aply"),
            ("- error: 500\n\n- verb: get\n  eror: 500\n", 4, "eror"),
            ("- error: 500\n- verb: get\n", 2, "exactly one"),
            ("- error: 500\n  delay: 2s\n", 1, "exactly one"),
            ("- error: 500\n- delay: soon\n", 2, "soon"),
            ("- error: [\n", 1, "error"),
        ] {
            let error = Faults::parse(script).expect_err(script);
            assert_eq!(error.line, Some(line), "{script} {error}");
            assert!(error.to_string().contains(part), "{script} {error}");
        }
    }
}
