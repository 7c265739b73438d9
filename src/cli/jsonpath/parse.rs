//! Reading a template.

use super::{Filter, Node, Operand, Operator, Path, Step};
use crate::object::Json;

/// Reads a whole template.
pub(super) fn template(text: &str) -> Result<Vec<Node>, String> {
    // each open range with its path; the first is the template itself
    let mut open: Vec<(Option<Path>, Vec<Node>)> = vec![(None, Vec::new())];
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        let at = text.len() - rest.len() + start;
        let wrong = |words: String| format!("{words} (in `{text}`, at character {})", text[..at].chars().count() + 1);
        push(&mut open, Node::Text(rest[..start].to_owned()));
        let length = action_length(&rest[start + 1..]).ok_or_else(|| wrong("a brace is not closed".into()))?;
        let action = rest[start + 1..start + 1 + length].trim();
        rest = &rest[start + length + 2..];
        if action == "end" {
            match open.pop() {
                Some((Some(path), body)) => push(&mut open, Node::Range(path, body)),
                _ => return Err(wrong("`{end}` without a `{range …}`".into())),
            }
        } else if let Some(path) = action.strip_prefix("range").filter(|rest| !rest.starts_with(char::is_alphanumeric)) {
            open.push((Some(whole_path(path.trim()).map_err(wrong)?), Vec::new()));
        } else {
            push(&mut open, action_node(action).map_err(wrong)?);
        }
    }
    push(&mut open, Node::Text(rest.to_owned()));
    // kubectl too takes a range that is not closed as if it ended with the template
    while open.len() > 1 {
        if let Some((Some(path), body)) = open.pop() {
            push(&mut open, Node::Range(path, body));
        }
    }
    Ok(open.pop().map(|(_, nodes)| nodes).unwrap_or_default())
}

fn push(open: &mut [(Option<Path>, Vec<Node>)], node: Node) {
    if let (Some((_, nodes)), true) = (open.last_mut(), node != Node::Text(String::new())) {
        nodes.push(node);
    }
}

/// How far it is to the closing brace; braces in quotes do not count.
fn action_length(text: &str) -> Option<usize> {
    let (mut quote, mut escaped) = (None, false);
    for (n, c) in text.char_indices() {
        match (c, quote) {
            _ if escaped => escaped = false,
            ('\\', _) => escaped = true,
            (c, Some(q)) if c == q => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            ('}', None) => return Some(n),
            _ => {}
        }
    }
    None
}

fn action_node(action: &str) -> Result<Node, String> {
    let mut cursor = Cursor { rest: action };
    match cursor.peek() {
        Some('"' | '\'') => {
            let text = cursor.quoted()?;
            cursor.end()?;
            Ok(Node::Text(text))
        }
        Some(c) if c.is_ascii_digit() || c == '-' || action == "true" || action == "false" => Ok(Node::Text(action.to_owned())),
        _ => whole_path(action).map(Node::Path),
    }
}

fn whole_path(text: &str) -> Result<Path, String> {
    let mut cursor = Cursor { rest: text };
    let path = cursor.path()?;
    cursor.end()?;
    Ok(path)
}

/// What is not read yet.
struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn eat(&mut self, token: &str) -> bool {
        self.rest.strip_prefix(token).map(|rest| self.rest = rest).is_some()
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn end(&mut self) -> Result<(), String> {
        self.blanks();
        if self.rest.is_empty() { Ok(()) } else { Err(format!("`{}` is not understood", self.rest)) }
    }

    /// Takes characters as long as they pass.
    fn run(&mut self, pass: impl Fn(char) -> bool) -> &'a str {
        let length = self.rest.find(|c| !pass(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    fn path(&mut self) -> Result<Path, String> {
        let rooted = self.eat("$");
        if !rooted {
            self.eat("@");
        }
        let mut steps = Vec::new();
        loop {
            if self.eat("..") {
                steps.push(Step::Deep);
                if self.peek().is_some_and(|c| c != '[' && !c.is_whitespace()) {
                    steps.push(self.name()?);
                }
            } else if self.eat(".") {
                if self.peek().is_some_and(|c| c != '[' && !c.is_whitespace()) {
                    steps.push(self.name()?);
                }
            } else if self.eat("[") {
                steps.push(self.bracket()?);
            } else if self.peek().is_some_and(char::is_alphabetic) {
                return Err(format!("`{0}` is not understood; a field begins with a dot, as in {{.{0}}}", self.rest));
            } else {
                return Ok(Path { rooted, steps });
            }
        }
    }

    /// `*`, or a field's name, in which a backslash takes the next character as it is.
    fn name(&mut self) -> Result<Step, String> {
        if self.eat("*") {
            return Ok(Step::All);
        }
        let mut name = String::new();
        while let Some(c) = self.peek() {
            match c {
                '\\' => {
                    self.eat("\\");
                    name.push(self.peek().ok_or("a backslash stands at the end")?);
                }
                '.' | '[' | ']' | '(' | ')' | '@' | '$' | '!' | '=' | '<' | '>' | '&' | '|' | '"' | '\'' | ',' => break,
                c if c.is_whitespace() => break,
                c => name.push(c),
            }
            self.rest = self.rest.get(self.peek().map_or(0, char::len_utf8)..).unwrap_or_default();
        }
        if name.is_empty() { Err(format!("a field's name is missing before `{}`", self.rest)) } else { Ok(Step::Field(name)) }
    }

    /// A text in quotes, with Go's usual escapes.
    fn quoted(&mut self) -> Result<String, String> {
        let quote = self.peek().unwrap_or('"');
        let mut chars = self.rest.char_indices().skip(1);
        let mut out = String::new();
        while let Some((n, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.rest = &self.rest[n + c.len_utf8()..];
                    return Ok(out);
                }
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some('n') => out.push('\n'),
                    Some('t') => out.push('\t'),
                    Some('r') => out.push('\r'),
                    Some(c) => out.push(c),
                    None => break,
                },
                c => out.push(c),
            }
        }
        Err(format!("the text {} is not closed", self.rest))
    }

    fn bracket(&mut self) -> Result<Step, String> {
        let not_closed = "`[` is not closed by `]`";
        if self.eat("?(") {
            let filter = self.filter()?;
            return if self.eat("]") { Ok(Step::Filter(filter)) } else { Err(not_closed.into()) };
        }
        if self.peek() == Some('\'') {
            let mut parts = Vec::new();
            loop {
                self.blanks();
                if !self.eat("'") {
                    return Err(format!("`{}` is no field's name in single quotes", self.rest));
                }
                // a name in quotes is a path of its own: dots part it, unless a backslash precedes them
                let inside = self.run(|c| c != '\'');
                parts.push(whole_path(&format!(".{inside}"))?.steps);
                self.eat("'");
                self.blanks();
                if self.eat("]") {
                    return Ok(Step::Union(parts));
                }
                if !self.eat(",") {
                    return Err(not_closed.into());
                }
            }
        }
        let inside = self.run(|c| c != ']');
        if !self.eat("]") {
            return Err(not_closed.into());
        }
        if inside == "*" {
            return Ok(Step::All);
        }
        let index = |text: &str| {
            let wrong = || format!("[{inside}] is not understood; write [0], [1:3], [*], ['name'] or [?(@.name==\"x\")]");
            text.trim().parse::<i64>().map_err(|_| wrong())
        };
        if !inside.contains(':') {
            return inside.split(',').map(|text| Ok(vec![Step::Index(index(text)?)])).collect::<Result<_, _>>().map(Step::Union);
        }
        let mut bounds = inside.splitn(3, ':').map(|text| if text.trim().is_empty() { Ok(None) } else { index(text).map(Some) });
        let mut next = || bounds.next().unwrap_or(Ok(None));
        Ok(Step::Slice { start: next()?, end: next()?, step: next()? })
    }

    fn filter(&mut self) -> Result<Filter, String> {
        const OPERATORS: [(&str, Operator); 6] = [
            ("==", Operator::Equal),
            ("!=", Operator::Unequal),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        let left = self.operand()?;
        let operator = OPERATORS.into_iter().find(|(token, _)| self.eat(token)).map(|(_, operator)| operator);
        let than = operator.map(|operator| self.operand().map(|right| (operator, right))).transpose()?;
        if self.eat(")") {
            Ok(Filter { left, than })
        } else if self.rest.starts_with("&&") || self.rest.starts_with("||") {
            Err("a filter has one comparison; kubectl knows neither && nor || here".into())
        } else {
            Err(format!("`{}` is not understood in a filter; write [?(@.name==\"x\")]", self.rest))
        }
    }

    fn operand(&mut self) -> Result<Operand, String> {
        self.blanks();
        let operand = match self.peek() {
            Some('"' | '\'') => Operand::Value(Json::String(self.quoted()?)),
            Some('@' | '$' | '.') => Operand::Path(self.path()?),
            _ => {
                let word = self.run(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
                let value: Option<Json> = serde_json::from_str(word).ok().filter(|v: &Json| v.is_number() || v.is_boolean());
                Operand::Value(value.ok_or_else(|| format!("`{word}{}` is no value; texts stand in quotes", self.rest))?)
            }
        };
        self.blanks();
        Ok(operand)
    }
}
