//! The reference: a Go program that answers with Helm's own packages (`crates/chart/oracle`).

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use helmward_chart::Json;
use serde_json::json;

use super::case::{CHART, Case, FILES, Outcome};

/// A running oracle. It is started anew when a case has ended it.
pub(crate) struct Oracle {
    program: String,
    running: Option<Running>,
}

struct Running {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    /// The program that `HELMWARD_ORACLE` names, if it is set.
    pub(crate) fn from_env() -> Option<Oracle> {
        std::env::var("HELMWARD_ORACLE").ok().map(|program| Oracle { program, running: None })
    }

    /// What Helm makes of a case; None where the case ended the oracle (memory, time, Go's stack).
    pub(crate) fn render(&mut self, case: &Case) -> Option<Outcome> {
        let answer = self.ask(&json!({"op": "render", "templates": case.files(), "values": case.values_text()}))?;
        if let Some(text) = answer["files"]["c/templates/NOTES.txt"].as_str() {
            return Some(Outcome::Text(text.to_owned()));
        }
        answer["error"].as_str().map(|error| Outcome::Error(error.to_owned()))
    }

    /// Ends the program: the next question starts it anew, with other addresses.
    pub(crate) fn end(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }

    /// The answer to any question.
    pub(crate) fn ask(&mut self, question: &Json) -> Option<Json> {
        if self.running.is_none() {
            self.running = Some(self.start());
            let files: serde_json::Map<_, _> =
                FILES.iter().map(|(path, data)| ((*path).to_owned(), json!(STANDARD.encode(data)))).collect();
            self.exchange(&json!({"op": "chart", "metadata": CHART, "files": files})).expect("the oracle takes a chart");
        }
        let answer = self.exchange(question).filter(|answer| answer["timeout"].is_null());
        if answer.is_none() {
            self.end();
        }
        answer
    }

    fn start(&self) -> Running {
        // Dates without a zone are read in the local one.
        let mut command = Command::new(&self.program);
        command.env("TZ", "UTC").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("HELMWARD_ORACLE={}: {e}", self.program));
        let ask = child.stdin.take().expect("stdin is piped");
        let answers = BufReader::new(child.stdout.take().expect("stdout is piped"));
        Running { child, ask, answers }
    }

    fn exchange(&mut self, question: &Json) -> Option<Json> {
        let running = self.running.as_mut()?;
        writeln!(running.ask, "{question}").ok()?;
        let mut line = String::new();
        running.answers.read_line(&mut line).ok()?;
        serde_json::from_str(&line).ok()
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.end();
    }
}
