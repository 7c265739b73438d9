//! Calls of functions, and what stands in the place of an argument.

use super::grammar::{Called, Writer};
use super::signatures::{Show, Signature};
use super::words::{self, Words};

/// Functions that a calm case calls only where it is their turn: whatever they are given, they mostly fail.
const FAILING: &[&str] = &["fail", "call", "buildCustomCert", "decryptAES", "required", "urlJoin"];

impl Writer<'_> {
    /// A call of this function in a form that shows what it gives.
    pub(super) fn shown_call(&mut self, function: Signature, odd: bool) -> String {
        if function.show == Show::Slow && !self.random.chance(if odd { 15 } else { 8 }) {
            // Only that it is there.
            let argument = self.odd(1);
            return self.action(&format!("if false }}}}{{{{ {} {argument} }}}}{{{{ end", function.name));
        }
        let call = self.call(function, 2, odd);
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
                6 => format!("{call} | {}", self.pipe()),
                7 => format!("$r := {call} }}}}{{{{ $r"),
                _ => call,
            },
        };
        self.action(&pipe)
    }

    /// Functions behind a pipe; in calm cases with what they take before them.
    fn pipe(&mut self) -> String {
        let (before, pipes) = match self.random.below(3) {
            0 => ("toString | ", words::TEXT_PIPES),
            1 => ("list | ", words::LIST_PIPES),
            _ => ("", words::PIPES),
        };
        let pipe = self.random.pick(pipes);
        if self.calm { format!("{before}{pipe}") } else { pipe.to_owned() }
    }

    pub(super) fn function(&mut self) -> Signature {
        loop {
            let function = self.functions[self.random.below(self.functions.len())];
            let names_nothing = function.name == "include" && self.named.is_empty();
            if function.show == Show::Whole && !(self.calm && (FAILING.contains(&function.name) || names_nothing)) {
                return function;
            }
        }
    }

    pub(super) fn pipeline(&mut self, depth: usize) -> String {
        match self.random.below(6) {
            0 | 1 => self.argument('a', depth),
            2 if depth > 0 => {
                let function = self.function();
                if self.calm {
                    return self.call(function, depth - 1, false);
                }
                let first = self.argument('a', depth - 1);
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
                self.call(function, depth - 1, false)
            }
            _ => self.odd(0),
        }
    }

    /// A call; `odd`: with one argument of any type where all else is sound.
    pub(super) fn call(&mut self, function: Signature, depth: usize, odd: bool) -> String {
        let mut arguments = match self.fitting(function) {
            Some(arguments) if self.calm => arguments,
            _ => self.arguments(function, depth),
        };
        if function.name == "dict" && arguments.len() % 2 == 1 && (self.calm || self.random.chance(80)) {
            arguments.pop();
        }
        if odd && !arguments.is_empty() {
            let at = self.random.below(arguments.len());
            arguments[at] = self.odd(1);
        }
        if !self.calm && self.random.chance(2) {
            match self.random.below(2) {
                0 => drop(arguments.pop()),
                _ => arguments.push(self.odd(1)),
            }
        }
        self.calls.push(Called { name: function.name, odd: odd || !self.calm });
        if !arguments.is_empty() && self.random.chance(25) {
            let last = arguments.pop().unwrap_or_default();
            let last = last.strip_prefix('(').and_then(|l| l.strip_suffix(')')).filter(|l| !l.contains(['(', ')'])).unwrap_or(&last);
            return [last, "|", function.name].into_iter().chain(arguments.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
        }
        std::iter::once(function.name).chain(arguments.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
    }

    fn arguments(&mut self, function: Signature, depth: usize) -> Vec<String> {
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
        arguments
    }

    /// Arguments of functions whose arguments must fit each other.
    fn fitting(&mut self, function: Signature) -> Option<Vec<String>> {
        let texts = match function.name {
            "eq" | "ne" | "lt" | "le" | "gt" | "ge" => {
                let alike = words::ALIKE[self.random.below(words::ALIKE.len())];
                let count = if function.name == "eq" { 2 + self.random.below(3) } else { 2 };
                (0..count).map(|_| self.rooted_pick(alike)).collect()
            }
            "index" => words_of(&self.rooted_pick(words::INDEXED)),
            "toDate" | "mustToDate" => words_of(self.random.pick(words::READ_DATES)),
            "div" | "mod" | "divf" => {
                let divisor = self.random.pick(&["2", "3", "-7", "(int 4)", "\"5\"", "0x10", "10.0"]);
                vec![self.argument('i', 1), divisor.to_owned()]
            }
            "slice" | "mustSlice" => {
                let list =
                    self.random.pick(&["(list 1 \"b\" nil 3.5)", "(until 5)", "(splitList \",\" \"a,b,c,d\")", "(untilStep 0 40 10)"]);
                let (from, to) = (self.random.below(3), 2 + self.random.below(3));
                let all = [list.to_owned(), from.to_string(), to.to_string()];
                all[..1 + self.random.below(3)].to_vec()
            }
            "substr" => {
                let (from, to) = (self.random.pick(&["0", "1", "-1", "2", "(int 0)"]), self.random.pick(&["2", "3", "-1", "100", "2.0"]));
                vec![
                    from.to_owned(),
                    to.to_owned(),
                    self.random.pick(&["\"abc\"", "\"日本\"", "\"Hello World\"", "(print 1.5)"]).to_owned(),
                ]
            }
            "len" => vec![match self.random.below(3) {
                0 => self.string(1),
                1 => self.list(1),
                _ => self.map(1),
            }],
            _ => return None,
        };
        Some(texts)
    }

    pub(super) fn variable(&mut self) -> String {
        if !self.calm && self.random.chance(4) {
            return "$undefined".to_owned();
        }
        let i = self.random.below(self.vars.len());
        self.vars[i].clone()
    }

    pub(super) fn template_name(&mut self) -> String {
        if self.calm {
            return format!("{:?}", self.random.pick(self.named));
        }
        let words = ["\"c.none\"", "\"b1\"", "`c.one`", "\"\"", "\"c/templates/NOTES.txt.none\""];
        if self.random.chance(55) { self.random.pick(&["\"c.one\"", "\"c.two\""]) } else { self.random.pick(&words) }.to_owned()
    }

    /// Something in the place of an argument. Mostly what the letter stands for.
    pub(super) fn argument(&mut self, letter: char, depth: usize) -> String {
        if !self.calm && self.random.chance(6) {
            return self.odd(depth);
        }
        match letter {
            'a' => self.any(depth),
            'l' => self.list(depth),
            'm' => self.map(depth),
            's' => self.string(depth),
            'i' => self.number(depth),
            'o' if !self.named.is_empty() || !self.calm => self.template_name(),
            'w' => {
                if self.calm || self.random.chance(70) {
                    "$".to_owned()
                } else {
                    self.any(depth)
                }
            }
            _ => self.word(words::of(letter)),
        }
    }

    pub(super) fn odd(&mut self, depth: usize) -> String {
        match self.random.below(5) {
            0 => self.word(words::ODD),
            1 => self.variable(),
            2 if !self.calm && self.random.chance(8) => self.rooted_pick(words::BAD_NUMBERS),
            2 => self.rooted_pick(words::NUMBERS),
            3 if depth > 0 => {
                let function = self.function();
                format!("({})", self.call(function, depth - 1, false))
            }
            _ => self.word(words::OBJECTS),
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
            _ => self.word(words::VALUES),
        }
    }

    fn string(&mut self, depth: usize) -> String {
        match self.random.below(10) {
            0 if self.calm => self.rooted_pick(&["(.Values.s | toString)"]),
            0 => self.rooted_pick(&[".Values.s"]),
            1 if depth > 0 => format!("({} {})", self.random.pick(words::TO_STRING), self.any(depth - 1)),
            _ => self.rooted_pick(words::STRINGS),
        }
    }

    fn number(&mut self, depth: usize) -> String {
        match self.random.below(8) {
            0 => self.rooted_pick(&[".Values.n"]),
            1 if depth > 0 => {
                let convert = self.random.pick(&["int", "int64", "float64", "toDecimal", "len", "add", "mul 1", "floor", "round 1.255"]);
                let number = if convert == "len" && self.calm { self.list(depth - 1) } else { self.any(depth - 1) };
                format!("({convert} {number})")
            }
            2 => self.rooted_pick(words::STRINGS),
            _ => self.rooted_pick(words::NUMBERS),
        }
    }

    pub(super) fn list(&mut self, depth: usize) -> String {
        match self.random.below(5) {
            0 => self.rooted_pick(&[".Values.l"]),
            1 | 2 if depth > 0 => {
                let items: Vec<_> = (0..self.random.below(4)).map(|_| self.any(depth - 1)).collect();
                format!("(list {})", items.join(" ")).replace("(list )", "(list)")
            }
            _ => self.word(words::LISTS),
        }
    }

    pub(super) fn map(&mut self, depth: usize) -> String {
        match self.random.below(5) {
            0 => self.rooted_pick(&[".Values.m"]),
            1 | 2 if depth > 0 => {
                let entries: Vec<_> =
                    (0..self.random.below(3)).map(|_| format!(" {} {}", self.word(words::KEYS), self.any(depth - 1))).collect();
                format!("(dict{})", entries.concat())
            }
            _ => self.word(words::MAPS),
        }
    }

    /// One of these words: in calm cases of the sound ones that this place knows.
    pub(super) fn word(&mut self, words: Words) -> String {
        let all = words.sound.len() + words.failing.len();
        loop {
            let at = self.random.below(if self.calm { words.sound.len() } else { all });
            let word = words.sound.get(at).unwrap_or_else(|| &words.failing[at - words.sound.len()]);
            let unnamed = word.contains("\"c.one") && !self.named.contains(&"c.one");
            let field = word.starts_with('.') && word[1..].starts_with(|c: char| c.is_ascii_lowercase());
            let elsewhere = !self.rooted && (field || word.starts_with("(index . ") || word.starts_with("(get . "));
            if !(self.calm && (unnamed || elsewhere)) {
                return self.rooted_text(word);
            }
        }
    }

    pub(super) fn rooted_pick(&mut self, from: &[&str]) -> String {
        let word = self.random.pick(from);
        self.rooted_text(word)
    }

    /// The text; where dot is something else, mostly with `$` before what belongs to the root.
    pub(super) fn rooted_text(&mut self, text: &str) -> String {
        if self.rooted || !self.calm && self.random.chance(8) {
            return text.to_owned();
        }
        let mut out = String::new();
        let mut before = ' ';
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c == '.' && " ({".contains(before) && chars.peek().is_some_and(char::is_ascii_uppercase) {
                out.push('$');
            }
            out.push(c);
            before = c;
        }
        out
    }
}

/// The arguments in a text: parentheses and quotes hold together.
fn words_of(text: &str) -> Vec<String> {
    let (mut out, mut depth, mut quoted) = (vec![String::new()], 0, false);
    let mut escaped = false;
    for c in text.chars() {
        match c {
            '"' if !escaped => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        match out.last_mut() {
            Some(last) if c != ' ' || quoted || depth > 0 => last.push(c),
            _ => out.push(String::new()),
        }
    }
    out
}
