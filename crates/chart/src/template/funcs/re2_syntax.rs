//! What Go's `regexp/syntax` refuses, in its words: the regex crate is more lenient in places, and says it otherwise.

use std::iter::Peekable;
use std::str::Chars;

/// The most that repetitions may multiply to.
const MAX_REPEAT: u64 = 1_000;

/// Checks a pattern as `syntax.Parse` does with the flags of `regexp.Compile`. The error is Go's text after `error parsing regexp: `.
pub(crate) fn check(pattern: &str) -> Result<(), String> {
    let mut parser = Parser { whole: pattern, groups: vec![Group::default()] };
    let mut rest = pattern;
    let mut last_repeat = "";
    while let Some(c) = rest.chars().next() {
        let before = rest;
        let mut repeat = "";
        match c {
            '(' if rest.starts_with("(?") => rest = parser.perl_group(rest)?,
            '(' => {
                parser.groups.push(Group::default());
                rest = &rest[1..];
            }
            ')' => {
                parser.close()?;
                rest = &rest[1..];
            }
            '|' => {
                parser.top().operand = None;
                rest = &rest[1..];
            }
            '[' => rest = parser.class(rest)?,
            '*' | '+' | '?' => {
                rest = parser.repeat(before, &rest[1..], last_repeat, 1)?;
                repeat = before;
            }
            '{' => match counts(rest) {
                None => {
                    parser.operand();
                    rest = &rest[1..];
                }
                Some((least, most, after)) => {
                    let too_many = least > MAX_REPEAT || most.is_some_and(|m| m.is_some_and(|m| m > MAX_REPEAT || least > m));
                    if too_many {
                        return Err(format!("invalid repeat count: `{}`", &before[..before.len() - after.len()]));
                    }
                    let times = match most {
                        Some(Some(most)) => most,
                        Some(None) => least.max(1),
                        None => least,
                    };
                    rest = parser.repeat(before, after, last_repeat, times)?;
                    repeat = before;
                }
            },
            '\\' => rest = parser.escape(rest)?,
            c => {
                parser.operand();
                rest = &rest[c.len_utf8()..];
            }
        }
        last_repeat = repeat;
    }
    if parser.groups.len() > 1 {
        return Err(format!("missing closing ): `{pattern}`"));
    }
    Ok(())
}

struct Parser<'p> {
    whole: &'p str,
    groups: Vec<Group>,
}

/// What an open group holds so far: how often the last operand repeats, and the most of all operands.
#[derive(Default)]
struct Group {
    operand: Option<u64>,
    most: u64,
}

impl<'p> Parser<'p> {
    fn top(&mut self) -> &mut Group {
        if self.groups.is_empty() {
            self.groups.push(Group::default());
        }
        let last = self.groups.len() - 1;
        &mut self.groups[last]
    }

    fn operand(&mut self) {
        let top = self.top();
        top.operand = Some(1);
        top.most = top.most.max(1);
    }

    fn close(&mut self) -> Result<(), String> {
        if self.groups.len() < 2 {
            return Err(format!("unexpected ): `{}`", self.whole));
        }
        let inner = self.groups.pop().unwrap_or_default().most.max(1);
        let top = self.top();
        top.operand = Some(inner);
        top.most = top.most.max(inner);
        Ok(())
    }

    /// A repetition of the operand before it. Nothing but a `?` may follow at once.
    fn repeat(&mut self, before: &'p str, after: &'p str, last_repeat: &str, times: u64) -> Result<&'p str, String> {
        let after = after.strip_prefix('?').unwrap_or(after);
        let text = |from: &str| from[..from.len() - after.len()].to_owned();
        if !last_repeat.is_empty() {
            return Err(format!("invalid nested repetition operator: `{}`", text(last_repeat)));
        }
        let top = self.top();
        let Some(inner) = top.operand else {
            return Err(format!("missing argument to repetition operator: `{}`", text(before)));
        };
        let total = inner.saturating_mul(times);
        if times >= 2 && total > MAX_REPEAT {
            return Err(format!("invalid repeat count: `{}`", text(before)));
        }
        top.operand = Some(total);
        top.most = top.most.max(total);
        Ok(after)
    }

    /// `(?flags)`, `(?flags:`, `(?P<name>`, `(?<name>`
    fn perl_group(&mut self, rest: &'p str) -> Result<&'p str, String> {
        let name_at = match rest {
            _ if rest.len() > 4 && rest[2..].starts_with("P<") => Some(4),
            _ if rest.len() > 3 && rest[2..].starts_with('<') => Some(3),
            _ => None,
        };
        if let Some(at) = name_at {
            let Some(end) = rest.find('>') else { return Err(format!("invalid named capture: `{rest}`")) };
            let name = &rest[at..end.max(at)];
            if name.is_empty() || !name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()) {
                return Err(format!("invalid named capture: `{}`", &rest[..=end]));
            }
            self.groups.push(Group::default());
            return Ok(&rest[end + 1..]);
        }
        let (mut negative, mut flag) = (false, false);
        let mut left = &rest[2..];
        while let Some(c) = left.chars().next() {
            left = &left[c.len_utf8()..];
            match c {
                'i' | 'm' | 's' | 'U' => flag = true,
                '-' if !negative => (negative, flag) = (true, false),
                ':' | ')' if !negative || flag => {
                    if c == ':' {
                        self.groups.push(Group::default());
                    }
                    return Ok(left);
                }
                _ => break,
            }
        }
        Err(format!("invalid or unsupported Perl syntax: `{}`", &rest[..rest.len() - left.len()]))
    }

    fn escape(&mut self, rest: &'p str) -> Result<&'p str, String> {
        self.operand();
        match rest.as_bytes().get(1) {
            Some(b'A' | b'b' | b'B' | b'z' | b'd' | b'D' | b's' | b'S' | b'w' | b'W') => Ok(&rest[2..]),
            Some(b'C') => Err("invalid escape sequence: `\\C`".to_owned()),
            Some(b'Q') => Ok(rest[2..].split_once("\\E").map_or("", |(_, after)| after)),
            Some(b'p' | b'P') => unicode_class(rest),
            _ => escaped(rest).map(|(_, after)| after),
        }
    }

    fn class(&mut self, rest: &'p str) -> Result<&'p str, String> {
        self.operand();
        let mut left = rest[1..].strip_prefix('^').unwrap_or(&rest[1..]);
        let mut first = true;
        while first || !left.starts_with(']') {
            first = false;
            if left.len() > 2
                && left.starts_with("[:")
                && let Some(end) = left[2..].find(":]")
            {
                let name = &left[..end + 4];
                if !NAMES.contains(&name[2..name.len() - 2].trim_start_matches('^')) {
                    return Err(format!("invalid character class range: `{name}`"));
                }
                left = &left[name.len()..];
                continue;
            }
            match left.as_bytes() {
                [b'\\', b'p' | b'P', ..] => {
                    left = unicode_class(left)?;
                    continue;
                }
                [b'\\', b'd' | b'D' | b's' | b'S' | b'w' | b'W', ..] => {
                    left = &left[2..];
                    continue;
                }
                _ => {}
            }
            let range = left;
            let (low, after) = class_char(left, rest)?;
            left = after;
            if left.len() >= 2 && left.starts_with('-') && !left[1..].starts_with(']') {
                let (high, after) = class_char(&left[1..], rest)?;
                left = after;
                if high < low {
                    return Err(format!("invalid character class range: `{}`", &range[..range.len() - left.len()]));
                }
            }
        }
        Ok(&left[1..])
    }
}

const NAMES: [&str; 14] =
    ["alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word", "xdigit"];

fn class_char<'p>(left: &'p str, whole: &str) -> Result<(u32, &'p str), String> {
    match left.chars().next() {
        None => Err(format!("missing closing ]: `{whole}`")),
        Some('\\') => escaped(left),
        Some(c) => Ok((u32::from(c), &left[c.len_utf8()..])),
    }
}

fn unicode_class(rest: &str) -> Result<&str, String> {
    let after = rest[2..].chars().next().map_or(2, |c| 2 + c.len_utf8());
    let (class, left) = if rest[2..].starts_with('{') {
        match rest.find('}') {
            None => return Err(format!("invalid character class range: `{rest}`")),
            Some(end) => rest.split_at(end + 1),
        }
    } else {
        rest.split_at(after)
    };
    let name = class[2..].trim_matches(['{', '}']).trim_start_matches('^');
    if regex::Regex::new(&format!("\\p{{{name}}}")).is_err() {
        return Err(format!("invalid character class range: `{class}`"));
    }
    Ok(left)
}

/// One escaped character, in a class or outside.
fn escaped(rest: &str) -> Result<(u32, &str), String> {
    let mut chars = rest[1..].chars().peekable();
    let Some(c) = chars.next() else { return Err("trailing backslash at end of expression: ``".to_owned()) };
    let code = match c {
        '1'..='7' if !chars.peek().is_some_and(|d| ('0'..='7').contains(d)) => None,
        '0'..='7' => {
            let mut code = u32::from(c) - u32::from('0');
            for _ in 0..2 {
                if let Some(digit) = chars.next_if(|d| ('0'..='7').contains(d)) {
                    code = code * 8 + u32::from(digit) - u32::from('0');
                }
            }
            Some(code)
        }
        'x' => hex(&mut chars),
        'a' => Some(7),
        'f' => Some(12),
        'n' => Some(10),
        'r' => Some(13),
        't' => Some(9),
        'v' => Some(11),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(u32::from(c)),
        _ => None,
    };
    let left: usize = chars.map(char::len_utf8).sum();
    let (shown, after) = rest.split_at(rest.len() - left);
    code.map(|code| (code, after)).ok_or_else(|| format!("invalid escape sequence: `{shown}`"))
}

/// What follows `\x`: two digits, or any number of them in braces. The characters read are gone in any case.
fn hex(chars: &mut Peekable<Chars<'_>>) -> Option<u32> {
    let first = chars.next()?;
    if first != '{' {
        let second = chars.next();
        return Some(first.to_digit(16)? * 16 + second?.to_digit(16)?);
    }
    let mut code = None;
    loop {
        match chars.next()? {
            '}' => return code,
            c => code = Some(code.unwrap_or(0) * 16 + c.to_digit(16)?).filter(|code| *code <= 0x10_ffff),
        }
        code?;
    }
}

/// `{n}`, `{n,}`, `{n,m}`: the least, the most if there is a comma, and what follows. None: the brace stands for itself.
#[allow(clippy::option_option)]
fn counts(rest: &str) -> Option<(u64, Option<Option<u64>>, &str)> {
    let number = |text: &str| match text {
        "" => None,
        text if text.len() > 1 && text.starts_with('0') || !text.bytes().all(|b| b.is_ascii_digit()) => None,
        text => Some(text.parse().unwrap_or(u64::MAX)),
    };
    let end = rest.find('}')?;
    let (body, after) = (&rest[1..end], &rest[end + 1..]);
    match body.split_once(',') {
        None => Some((number(body)?, None, after)),
        Some((least, "")) => Some((number(least)?, Some(None), after)),
        Some((least, most)) => Some((number(least)?, Some(Some(number(most)?)), after)),
    }
}
