//! Cases from a seed: every function with meaningful and with odd arguments, every construct of the language.

use super::case::Case;
use super::signatures::{Show, Signature, all};
use super::words;

/// A generator of random numbers: the same seed gives the same cases everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// splitmix64
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.below(from.len())]
    }
}

/// The generator of cases.
pub(crate) struct Grammar {
    functions: Vec<Signature>,
}

impl Grammar {
    pub(crate) fn new() -> Grammar {
        Grammar { functions: all() }
    }

    /// The case of this number. Each function comes up in turn, so that any run of cases covers all of them evenly.
    pub(crate) fn case(&self, seed: u64, number: u64) -> Case {
        let mut writer = Writer {
            random: Random::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            functions: &self.functions,
            vars: vec!["$".to_owned()],
            names: 0,
            rooted: true,
        };
        let helpers = if writer.random.chance(60) { writer.helpers() } else { String::new() };
        let function = self.functions[(number % self.functions.len() as u64) as usize];
        let mut main = match writer.random.below(4) {
            0 => writer.statements(2),
            _ => String::new(),
        };
        let call = writer.shown_call(function);
        main.push_str(&call);
        if writer.random.chance(30) {
            let more = writer.statements(2);
            main.push_str(&more);
        }
        if writer.random.chance(4) {
            main = writer.damaged(&main);
        }
        let values = writer.values();
        Case { main, helpers, values }
    }
}

struct Writer<'g> {
    random: Random,
    functions: &'g [Signature],
    vars: Vec<String>,
    names: usize,
    /// Whether dot is what the file was given.
    rooted: bool,
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
        for name in ["c.one", "c.two"] {
            let vars = std::mem::replace(&mut self.vars, vec!["$".to_owned()]);
            let open = self.open();
            let close = self.close();
            let body = self.statements(1);
            out.push_str(&format!("{open}define {name:?}{close}{body}{open}end{close}\n"));
            self.vars = vars;
        }
        if self.random.chance(10) {
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

    fn action(&mut self, inside: &str) -> String {
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

    /// One of these words; where dot is something else, mostly with `$` before what belongs to the root.
    fn pick_rooted(&mut self, from: &[&str]) -> String {
        let word = self.random.pick(from);
        if self.rooted || self.random.chance(8) {
            return word.to_owned();
        }
        let mut out = String::new();
        let mut before = ' ';
        let mut chars = word.chars().peekable();
        while let Some(c) = chars.next() {
            if c == '.' && " (".contains(before) && chars.peek().is_some_and(char::is_ascii_uppercase) {
                out.push('$');
            }
            out.push(c);
            before = c;
        }
        out
    }

    fn statement(&mut self, depth: usize) -> String {
        let kinds = if depth == 0 { 6 } else { 14 };
        match self.random.below(kinds) {
            0 => self.random.pick(words::TEXTS).to_owned(),
            1 => {
                let pipe = self.pipeline(2);
                self.action(&pipe)
            }
            2 => {
                let function = self.function();
                self.shown_call(function)
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
                self.action(&format!("{name} = {value}"))
            }
            5 if self.random.chance(30) => self.random.pick(words::ODD_ACTIONS).to_owned(),
            5 => self.random.pick(words::TEXTS).to_owned(),
            6 | 7 => {
                let head = self.scoped("if", depth);
                let mut out = head;
                for _ in 0..self.random.below(2) {
                    let condition = self.pipeline(2);
                    out.push_str(&self.action(&format!("else if {condition}")));
                    out.push_str(&self.statements(depth - 1));
                }
                self.ended(out, depth)
            }
            8 => {
                let mut out = self.scoped("with", depth);
                if self.random.chance(20) {
                    let condition = self.pipeline(1);
                    out.push_str(&self.action(&format!("else with {condition}")));
                    out.push_str(&self.statements(depth - 1));
                }
                self.ended(out, depth)
            }
            9 | 10 => self.range(depth),
            11 => {
                let name = self.template_name();
                let argument = match self.random.below(10) {
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
                let argument = if self.random.chance(20) { self.pipeline(1) } else { "$".to_owned() };
                match self.random.below(2) {
                    0 => format!("{}{body}{{{{ end }}}}", self.action(&format!("block {name} {argument}"))),
                    _ => format!("{}{body}{{{{ end }}}}{{{{ template {name} . }}}}", self.action(&format!("define {name}"))),
                }
            }
            _ => {
                let body = self.statements(depth - 1);
                format!("{}{body}", self.random.pick(words::COMMENTS))
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
            0 => self.random.pick(&["3", "0", "-1", "(int 2)", "(int64 2)", "2.0", "\"abc\"", "nil", "true", "'b'"]).to_owned(),
            1 | 2 => self.argument('l', 2),
            3 | 4 => self.argument('m', 2),
            _ => self.pipeline(2),
        };
        let head = match self.random.below(4) {
            0 => {
                self.vars.push("$x".to_owned());
                format!("range $x := {over}")
            }
            1 => {
                self.vars.push("$i".to_owned());
                self.vars.push("$x".to_owned());
                format!("range $i, $x := {over}")
            }
            _ => format!("range {over}"),
        };
        let mut body = self.within(depth - 1);
        if self.vars.len() > vars && self.random.chance(60) {
            body = format!("{}{body}", self.action(&self.vars[self.vars.len() - 1].clone()));
        }
        if self.random.chance(25) {
            let condition = self.pipeline(1);
            let word = self.random.pick(&["break", "continue"]);
            body.push_str(&format!("{{{{ if {condition} }}}}{{{{ {word} }}}}{{{{ end }}}},"));
        }
        self.vars.truncate(vars);
        let head = self.action(&head);
        self.ended(format!("{head}{body}"), depth)
    }

    /// A call of this function in a form that shows what it gives.
    fn shown_call(&mut self, function: Signature) -> String {
        if function.show == Show::Slow && !self.random.chance(8) {
            // Only how it fails, or that it is there.
            let wrong = self.odd(1);
            return self.action(&format!("if false }}}}{{{{ {} {wrong} }}}}{{{{ end", function.name));
        }
        let call = self.call(function, 2);
        let pipe = match function.show {
            Show::Shape | Show::Slow => match self.random.below(3) {
                0 => format!("{call} | kindOf"),
                1 => format!("{call} | typeOf"),
                _ => format!("{call} | toString | len"),
            },
            Show::Sorted => format!("{call} | sortAlpha"),
            Show::Whole => match self.random.below(12) {
                0 => format!("{call} | toJson"),
                1 => format!("{call} | toYaml"),
                2 => format!("{call} | quote"),
                3 => format!("{call} | typeOf"),
                4 => format!("printf \"%T %v\" ({call}) ({call})"),
                5 => format!("printf \"%#v\" ({call})"),
                6 => format!("{call} | {}", self.random.pick(words::STRING_PIPES)),
                7 => format!("$r := {call} }}}}{{{{ $r"),
                _ => call,
            },
        };
        self.action(&pipe)
    }

    fn function(&mut self) -> Signature {
        loop {
            let function = self.functions[self.random.below(self.functions.len())];
            if function.show == Show::Whole {
                return function;
            }
        }
    }

    fn pipeline(&mut self, depth: usize) -> String {
        match self.random.below(6) {
            0 | 1 => self.argument('a', depth),
            2 if depth > 0 => {
                let first = self.argument('a', depth - 1);
                let function = self.function();
                let params: Vec<char> = function.params.chars().filter(|c| *c != '*').collect();
                let mut out = format!("{first} | {}", function.name);
                for letter in params.iter().take(params.len().saturating_sub(1)) {
                    let argument = self.argument(*letter, depth - 1);
                    out.push_str(&format!(" {argument}"));
                }
                out
            }
            _ if depth > 0 => {
                let function = self.function();
                self.call(function, depth - 1)
            }
            _ => self.odd(0),
        }
    }

    fn call(&mut self, function: Signature, depth: usize) -> String {
        let mut arguments = Vec::new();
        let letters: Vec<char> = function.params.chars().collect();
        for (i, letter) in letters.iter().enumerate() {
            if *letter == '*' {
                for _ in 0..self.random.below(3) {
                    arguments.push(self.argument(letters[i - 1], depth));
                }
            } else {
                arguments.push(self.argument(*letter, depth));
            }
        }
        if function.name == "dict" && arguments.len() % 2 == 1 && self.random.chance(80) {
            arguments.pop();
        }
        if self.random.chance(2) {
            match self.random.below(2) {
                0 => drop(arguments.pop()),
                _ => arguments.push(self.odd(1)),
            }
        }
        if !arguments.is_empty() && self.random.chance(25) {
            let last = arguments.pop().unwrap_or_default();
            let last = last.strip_prefix('(').and_then(|l| l.strip_suffix(')')).filter(|l| !l.contains(['(', ')'])).unwrap_or(&last);
            return [last, "|", function.name].into_iter().chain(arguments.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
        }
        std::iter::once(function.name).chain(arguments.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
    }

    fn variable(&mut self) -> String {
        if self.random.chance(4) {
            return "$undefined".to_owned();
        }
        let i = self.random.below(self.vars.len());
        self.vars[i].clone()
    }

    fn template_name(&mut self) -> String {
        self.random
            .pick(&[
                "\"c.one\"",
                "\"c.two\"",
                "\"c.one\"",
                "\"c.two\"",
                "\"c.one\"",
                "\"c.two\"",
                "\"c.none\"",
                "\"b1\"",
                "`c.one`",
                "\"\"",
                "\"c/templates/NOTES.txt.none\"",
            ])
            .to_owned()
    }

    /// Something in the place of an argument. Mostly what the letter stands for.
    fn argument(&mut self, letter: char, depth: usize) -> String {
        if self.random.chance(6) {
            return self.odd(depth);
        }
        match letter {
            'a' => self.any(depth),
            'l' => self.list(depth),
            'm' => self.map(depth),
            's' => self.string(depth),
            'i' => self.number(depth),
            'o' => self.template_name(),
            'w' => {
                if self.random.chance(70) {
                    "$".to_owned()
                } else {
                    self.any(depth)
                }
            }
            _ => self.pick_rooted(words::of(letter)),
        }
    }

    fn odd(&mut self, depth: usize) -> String {
        match self.random.below(5) {
            0 => self.pick_rooted(words::ODD),
            1 => self.variable(),
            2 if self.random.chance(8) => self.pick_rooted(words::BAD_NUMBERS),
            2 => self.pick_rooted(words::NUMBERS),
            3 if depth > 0 => {
                let function = self.function();
                format!("({})", self.call(function, depth - 1))
            }
            _ => self.pick_rooted(words::OBJECTS),
        }
    }

    fn any(&mut self, depth: usize) -> String {
        match self.random.below(8) {
            0 | 1 => self.odd(depth),
            2 => self.string(depth),
            3 => self.number(depth),
            4 => self.list(depth),
            5 => self.map(depth),
            6 => self.variable(),
            _ => self.pick_rooted(words::VALUES),
        }
    }

    fn string(&mut self, depth: usize) -> String {
        match self.random.below(10) {
            0 => self.pick_rooted(&[".Values.s"]),
            1 if depth > 0 => format!("({} {})", self.random.pick(words::TO_STRING), self.any(depth - 1)),
            _ => self.pick_rooted(words::STRINGS),
        }
    }

    fn number(&mut self, depth: usize) -> String {
        match self.random.below(8) {
            0 => self.pick_rooted(&[".Values.n"]),
            1 if depth > 0 => {
                let convert = self.random.pick(&["int", "int64", "float64", "toDecimal", "len", "add", "mul 1", "floor", "round 1.255"]);
                format!("({convert} {})", self.any(depth - 1))
            }
            2 => self.pick_rooted(words::STRINGS),
            _ => self.pick_rooted(words::NUMBERS),
        }
    }

    fn list(&mut self, depth: usize) -> String {
        match self.random.below(5) {
            0 => self.pick_rooted(&[".Values.l"]),
            1 | 2 if depth > 0 => {
                let items: Vec<_> = (0..self.random.below(4)).map(|_| self.any(depth - 1)).collect();
                format!("(list {})", items.join(" ")).replace("(list )", "(list)")
            }
            _ => self.pick_rooted(words::LISTS),
        }
    }

    fn map(&mut self, depth: usize) -> String {
        match self.random.below(5) {
            0 => self.pick_rooted(&[".Values.m"]),
            1 | 2 if depth > 0 => {
                let entries: Vec<_> =
                    (0..self.random.below(3)).map(|_| format!(" {} {}", self.random.pick(words::KEYS), self.any(depth - 1))).collect();
                format!("(dict{})", entries.concat())
            }
            _ => self.pick_rooted(words::MAPS),
        }
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
