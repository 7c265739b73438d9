//! Label selectors as text, read and refused as Go's parser does.

use serde_json::Value;

use super::selector::{Operator, Requirement};
use crate::validation::{label_key_problem, label_value_problem};

/// Reads `a=b,c in (d,e),!f,g`.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, String> {
    let mut parser = Parser { tokens: lex(text), at: 0 };
    let mut out = Vec::new();
    loop {
        match parser.look() {
            Token::Word(_) | Token::Sign("!") => {
                let requirement = parser.requirement().map_err(|why| format!("unable to parse requirement: {why}"))?;
                out.push(requirement);
                match parser.next() {
                    Token::End => return Ok(out),
                    Token::Sign(",") => match parser.look() {
                        Token::Word(_) | Token::Sign("!") => {}
                        other => return Err(format!("found '{}', expected: identifier after ','", other.text())),
                    },
                    other => return Err(format!("found '{}', expected: ',' or 'end of string'", other.text())),
                }
            }
            Token::End => return Ok(out),
            other => return Err(format!("found '{}', expected: !, identifier, or 'end of string'", other.text())),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Sign(&'static str),
    End,
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Token::Word(word) => word,
            Token::Sign(sign) => sign,
            Token::End => "",
        }
    }
}

fn lex(text: &str) -> Vec<Token> {
    const SIGNS: [&str; 9] = ["!=", "==", "=", "!", "(", ")", ",", ">", "<"];
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            out.push(Token::Sign(sign));
            rest = rest[sign.len()..].trim_start();
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || "!=(),<>".contains(c)).unwrap_or(rest.len());
            out.push(Token::Word(rest[..end].to_owned()));
            rest = rest[end..].trim_start();
        }
    }
    out
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn look(&self) -> Token {
        self.tokens.get(self.at).cloned().unwrap_or(Token::End)
    }

    fn next(&mut self) -> Token {
        let token = self.look();
        self.at += 1;
        token
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let missing = self.look() == Token::Sign("!");
        if missing {
            self.next();
        }
        let Token::Word(key) = self.look() else {
            return Err(format!("found '{}', expected: identifier", self.look().text()));
        };
        self.next();
        if let Some(problem) = label_key_problem(&key) {
            return Err(format!("<nil>: Invalid value: {}: {problem}", Value::from(key)));
        }
        let after = self.look();
        if missing || matches!(after, Token::End | Token::Sign(",")) {
            return Ok(Requirement { key, operator: if missing { Operator::Missing } else { Operator::Exists }, values: Vec::new() });
        }
        self.next();
        let operator = match after.text() {
            "in" | "=" | "==" => Operator::In,
            "notin" | "!=" => Operator::NotIn,
            ">" => Operator::Greater,
            "<" => Operator::Less,
            other => return Err(format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt")),
        };
        let values = if matches!(after, Token::Word(_)) { self.list()? } else { vec![self.exact()?] };
        for value in &values {
            if let Some(problem) = label_value_problem(value) {
                return Err(format!("values[0][{key}]: Invalid value: {}: {problem}", Value::from(value.as_str())));
            }
            if matches!(operator, Operator::Greater | Operator::Less) && value.parse::<i64>().is_err() {
                let shown = Value::from(value.as_str());
                return Err(format!("values[0]: Invalid value: {shown}: for 'Gt', 'Lt' operators, the value must be an integer"));
            }
        }
        Ok(Requirement { key, operator, values })
    }

    /// The one value of `=` and its like, which may be empty.
    fn exact(&mut self) -> Result<String, String> {
        match self.look() {
            Token::Word(word) => {
                self.next();
                Ok(word)
            }
            Token::End | Token::Sign(",") => Ok(String::new()),
            other => Err(format!("found '{}', expected: identifier", other.text())),
        }
    }

    /// `(a,b)`
    fn list(&mut self) -> Result<Vec<String>, String> {
        let open = self.next();
        if open != Token::Sign("(") {
            return Err(format!("found '{}' expected: '('", open.text()));
        }
        let mut out = Vec::new();
        loop {
            match self.next() {
                Token::Word(word) => {
                    out.push(word);
                    match self.next() {
                        Token::Sign(")") => return Ok(out),
                        Token::Sign(",") => {}
                        other => return Err(format!("found '{}', expected: ',' or ')'", other.text())),
                    }
                }
                Token::Sign(",") => out.push(String::new()),
                Token::Sign(")") => {
                    out.push(String::new());
                    return Ok(out);
                }
                other => return Err(format!("found '{}', expected: ',', ')' or identifier", other.text())),
            }
        }
    }
}
