//! Cases from a seed: every function with meaningful and with odd arguments, every construct of the language.

use super::case::Case;
use super::random::Random;
use super::signatures::{Signature, all};
use super::words;

/// A call that a case makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) name: &'static str,
    /// Whether an argument may be of any type.
    pub(crate) odd: bool,
}

/// The generator of cases.
pub(crate) struct Grammar {
    functions: Vec<Signature>,
}

impl Grammar {
    pub(crate) fn new() -> Grammar {
        Grammar { functions: all() }
    }

    /// The case of this number, with the calls that it makes. Each function comes up in turn, so that any run of cases covers all of
    /// them evenly.
    ///
    /// What fails ends there, and its rest is not compared: most cases are calm, which is that all arguments are of a sensible type, but
    /// for one of the function whose turn it is. The others are wild.
    pub(crate) fn case(&self, seed: u64, number: u64) -> (Case, Vec<Called>) {
        let mut random = Random::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (calm, odd) = match random.below(10) {
            0..4 => (true, false),
            4..7 => (true, true),
            _ => (false, false),
        };
        let vars = vec!["$".to_owned()];
        let mut writer = Writer { random, functions: &self.functions, vars, names: 0, rooted: true, calm, named: &[], calls: Vec::new() };
        let helpers = if calm || writer.random.chance(60) { writer.helpers() } else { String::new() };
        writer.named = &["c.one", "c.two"];
        let function = self.functions[(number % self.functions.len() as u64) as usize];
        let mut main = match writer.random.below(4) {
            0 => writer.statements(2),
            _ => String::new(),
        };
        let call = writer.shown_call(function, odd);
        main.push_str(&call);
        if writer.random.chance(30) {
            let more = writer.statements(2);
            main.push_str(&more);
        }
        if !calm && writer.random.chance(12) {
            main = writer.damaged(&main);
        }
        let values = writer.values();
        (Case { main, helpers, values }, writer.calls)
    }
}

pub(super) struct Writer<'g> {
    pub(super) random: Random,
    pub(super) functions: &'g [Signature],
    pub(super) vars: Vec<String>,
    names: usize,
    /// Whether dot is what the file was given.
    pub(super) rooted: bool,
    /// Whether all is of a sensible type.
    pub(super) calm: bool,
    /// The templates that can be named here without an end to it.
    pub(super) named: &'static [&'static str],
    /// The calls so far.
    pub(super) calls: Vec<Called>,
}

impl Writer<'_> {
    // values

    fn values(&mut self) -> Vec<(String, String)> {
        let mut out = Vec::new();
        for key in ["s", "n", "b", "l", "m", "w", "e"] {
            let value = match key {
                "s" => self.random.pick(words::YAML_STRINGS).to_owned(),
                "n" => self.random.pick(words::YAML_NUMBERS).to_owned(),
                "b" => self.random.pick(&["true", "false", "yes", "on", "null", "~"]).to_owned(),
                "l" => format!("[{}]", (0..self.random.below(5)).map(|_| self.flow(1)).collect::<Vec<_>>().join(", ")),
                "m" => format!("{{a: {}, b: {}, \"c d\": {}, d: {}}}", self.flow(1), self.flow(1), self.flow(1), self.flow(2)),
                "e" => self.random.pick(&["", "[]", "{}", "\"\"", "0", "[[]]", "[{}]", "[null]"]).to_owned(),
                _ => self.flow(2),
            };
            out.push((key.to_owned(), value));
        }
        out
    }

    fn flow(&mut self, depth: usize) -> String {
        match self.random.below(if depth == 0 { 6 } else { 9 }) {
            0 | 1 => self.random.pick(words::YAML_STRINGS).to_owned(),
            2 | 3 => self.random.pick(words::YAML_NUMBERS).to_owned(),
            4 => self.random.pick(&["true", "false", "null", "\"\"", "0"]).to_owned(),
            5 => self.random.pick(&["a", "b", "v", "1.2.3", "\"x y\""]).to_owned(),
            6 => format!("[{}]", (0..self.random.below(4)).map(|_| self.flow(depth - 1)).collect::<Vec<_>>().join(", ")),
            _ => {
                let keys = ["a", "b", "k", "\"1\"", "\"x.y\"", "\"\"", "1", "yes"];
                let count = self.random.below(4);
                let start = self.random.below(keys.len());
                let entries: Vec<_> = (0..count).map(|i| format!("{}: {}", keys[(start + i) % keys.len()], self.flow(depth - 1))).collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }

    // statements

    fn helpers(&mut self) -> String {
        let mut out = String::new();
        for (name, named) in [("c.one", &["c.two"][..]), ("c.two", &[])] {
            self.named = named;
            let vars = std::mem::replace(&mut self.vars, vec!["$".to_owned()]);
            let open = self.open();
            let close = self.close();
            let body = self.statements(1);
            out.push_str(&format!("{open}define {name:?}{close}{body}{open}end{close}\n"));
            self.vars = vars;
        }
        if !self.calm && self.random.chance(10) {
            out.push_str("{{ define \"c.loop\" }}{{ include \"c.loop\" . }}{{ end }}");
        }
        out
    }

    fn open(&mut self) -> &'static str {
        match self.random.below(8) {
            0 | 1 => "{{- ",
            2 => "{{",
            _ => "{{ ",
        }
    }

    fn close(&mut self) -> &'static str {
        match self.random.below(8) {
            0 | 1 => " -}}",
            2 => "}}",
            _ => " }}",
        }
    }

    pub(super) fn action(&mut self, inside: &str) -> String {
        format!("{}{inside}{}", self.open(), self.close())
    }

    fn statements(&mut self, depth: usize) -> String {
        let count = 1 + self.random.below(3);
        let vars = self.vars.len();
        let out = (0..count).map(|_| self.statement(depth)).collect();
        self.vars.truncate(vars);
        out
    }

    /// Statements where dot is something else.
    fn within(&mut self, depth: usize) -> String {
        let rooted = std::mem::replace(&mut self.rooted, false);
        let out = self.statements(depth);
        self.rooted = rooted;
        out
    }

    fn statement(&mut self, depth: usize) -> String {
        let kinds = if depth == 0 { 6 } else { 14 };
        match self.random.below(kinds) {
            0 => self.word(words::TEXTS),
            1 => {
                let pipe = self.pipeline(2);
                self.action(&pipe)
            }
            2 => {
                let function = self.function();
                self.shown_call(function, false)
            }
            3 => {
                let value = self.pipeline(2);
                let name = format!("$v{}", self.random.below(3));
                self.vars.push(name.clone());
                self.action(&format!("{name} := {value}"))
            }
            4 => {
                let value = self.pipeline(1);
                let name = self.variable();
                // Without a root, nothing that follows would find its values.
                if self.calm && name == "$" {
                    return self.action(&value);
                }
                self.action(&format!("{name} = {value}"))
            }
            5 if self.random.chance(30) => self.word(words::ODD_ACTIONS),
            5 => self.word(words::TEXTS),
            6 | 7 => {
                let vars = self.vars.len();
                let mut out = self.scoped("if", depth);
                for _ in 0..self.random.below(2) {
                    let condition = self.pipeline(2);
                    out.push_str(&self.action(&format!("else if {condition}")));
                    out.push_str(&self.statements(depth - 1));
                }
                let out = self.ended(out, depth);
                self.vars.truncate(vars);
                out
            }
            8 => {
                let vars = self.vars.len();
                let mut out = self.scoped("with", depth);
                if self.random.chance(20) {
                    let condition = self.pipeline(1);
                    out.push_str(&self.action(&format!("else with {condition}")));
                    out.push_str(&self.statements(depth - 1));
                }
                let out = self.ended(out, depth);
                self.vars.truncate(vars);
                out
            }
            9 | 10 => self.range(depth),
            11 => {
                if self.calm && self.named.is_empty() {
                    return self.word(words::TEXTS);
                }
                let name = self.template_name();
                let argument = match self.random.below(10) {
                    _ if self.calm => " $".to_owned(),
                    0 => String::new(),
                    1..3 => format!(" {}", self.pipeline(1)),
                    _ => " $".to_owned(),
                };
                self.action(&format!("template {name}{argument}"))
            }
            12 => {
                self.names += 1;
                let name = format!("\"b{}\"", self.names);
                let vars = std::mem::replace(&mut self.vars, vec!["$".to_owned()]);
                let body = self.statements(depth - 1);
                self.vars = vars;
                let argument = if !self.calm && self.random.chance(20) { self.pipeline(1) } else { "$".to_owned() };
                match self.random.below(2) {
                    // A definition stands at the top of a file.
                    at if at == 0 || self.calm => format!("{}{body}{{{{ end }}}}", self.action(&format!("block {name} {argument}"))),
                    _ => format!("{}{body}{{{{ end }}}}{{{{ template {name} . }}}}", self.action(&format!("define {name}"))),
                }
            }
            _ => {
                let body = self.statements(depth - 1);
                format!("{}{body}", self.word(words::COMMENTS))
            }
        }
    }

    fn scoped(&mut self, word: &str, depth: usize) -> String {
        let condition = match self.random.below(3) {
            0 => {
                let value = self.pipeline(2);
                let name = format!("$w{}", self.random.below(2));
                self.vars.push(name.clone());
                format!("{name} := {value}")
            }
            _ => self.pipeline(2),
        };
        let head = self.action(&format!("{word} {condition}"));
        let body = if word == "with" { self.within(depth - 1) } else { self.statements(depth - 1) };
        format!("{head}{body}")
    }

    fn ended(&mut self, mut out: String, depth: usize) -> String {
        if self.random.chance(40) {
            out.push_str(&self.action("else"));
            out.push_str(&self.statements(depth - 1));
        }
        out.push_str(&self.action("end"));
        out
    }

    fn range(&mut self, depth: usize) -> String {
        let vars = self.vars.len();
        let over = match self.random.below(8) {
            0 if self.calm => self.random.pick(&["3", "0", "-1", "(int 2)", "(int64 2)"]).to_owned(),
            0 => self.random.pick(&["3", "0", "-1", "(int 2)", "(int64 2)", "2.0", "\"abc\"", "nil", "true", "'b'"]).to_owned(),
            1 | 2 => self.argument('l', 2),
            3 | 4 => self.argument('m', 2),
            5 | 6 if self.calm => self.argument('l', 1),
            _ if self.calm => self.argument('m', 1),
            _ => self.pipeline(2),
        };
        let number = over.starts_with(|c: char| c.is_ascii_digit() || c == '-') || over.starts_with("(int");
        let head = match self.random.below(4) {
            1 if !(self.calm && number) => {
                self.vars.push("$i".to_owned());
                self.vars.push("$x".to_owned());
                format!("range $i, $x := {over}")
            }
            0 | 1 => {
                self.vars.push("$x".to_owned());
                format!("range $x := {over}")
            }
            _ => format!("range {over}"),
        };
        let mut body = self.within(depth - 1);
        if self.vars.len() > vars && self.random.chance(60) {
            body = format!("{}{body}", self.action(&self.vars[self.vars.len() - 1].clone()));
        }
        if self.random.chance(25) {
            let rooted = std::mem::replace(&mut self.rooted, false);
            let condition = self.pipeline(1);
            self.rooted = rooted;
            let word = self.random.pick(&["break", "continue"]);
            body.push_str(&format!("{{{{ if {condition} }}}}{{{{ {word} }}}}{{{{ end }}}},"));
        }
        self.vars.truncate(vars);
        let head = self.action(&head);
        self.ended(format!("{head}{body}"), depth)
    }

    /// The text with a few characters lost, doubled or replaced: mostly no template any more.
    fn damaged(&mut self, text: &str) -> String {
        let mut chars: Vec<char> = text.chars().collect();
        for _ in 0..=self.random.below(2) {
            if chars.is_empty() {
                break;
            }
            let at = self.random.below(chars.len());
            match self.random.below(3) {
                0 => drop(chars.remove(at)),
                1 => chars.insert(at, chars[at]),
                _ => {
                    let marks: Vec<char> = "{}()|.$\"`'\\:=,-/* \n\t0x_é@#".chars().collect();
                    chars.insert(at, marks[self.random.below(marks.len())]);
                }
            }
        }
        chars.into_iter().collect()
    }
}
