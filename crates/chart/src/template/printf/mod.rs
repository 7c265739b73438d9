//! Go's `fmt.Sprintf` for every kind of value.

mod numbers;
mod printer;

use super::value::{Kind, Value};
pub(crate) use printer::Printer;
use printer::{Flags, rune_len};

/// `fmt.Sprintf`
pub(crate) fn sprintf(format: &[u8], args: &[Value]) -> Vec<u8> {
    let mut out = Vec::with_capacity(format.len() + 16);
    Scanner { format, args, at: 0, arg: 0, reordered: false, good: true, out: &mut out }.run();
    out
}

struct Scanner<'f, 'o> {
    format: &'f [u8],
    args: &'f [Value],
    at: usize,
    arg: usize,
    reordered: bool,
    good: bool,
    out: &'o mut Vec<u8>,
}

impl Scanner<'_, '_> {
    fn run(mut self) {
        while self.at < self.format.len() {
            let rest = &self.format[self.at..];
            let plain = rest.iter().position(|b| *b == b'%').unwrap_or(rest.len());
            self.out.extend_from_slice(&rest[..plain]);
            self.at += plain;
            if self.at >= self.format.len() {
                break;
            }
            self.at += 1;
            self.good = true;
            if !self.directive() {
                break;
            }
        }
        if !self.reordered && self.arg < self.args.len() {
            self.out.extend_from_slice(b"%!(EXTRA ");
            for (i, arg) in self.args[self.arg..].iter().enumerate() {
                self.out.extend_from_slice(if i > 0 { b", " } else { b"" });
                if !arg.is_nil() {
                    self.out.extend_from_slice(arg.type_name().as_bytes());
                    self.out.push(b'=');
                }
                Printer::new(self.out).value(arg);
            }
            self.out.push(b')');
        }
    }

    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        while let Some(c) = self.peek() {
            match c {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => break,
            }
            self.at += 1;
        }
        flags
    }

    /// One directive after its percent sign. False where the format ended.
    fn directive(&mut self) -> bool {
        let mut flags = self.flags();
        let mut after_index = self.index();
        if self.peek() == Some(b'*') {
            self.at += 1;
            match self.int_arg() {
                Some(width) => {
                    flags.width = Some(width.unsigned_abs() as usize);
                    if width < 0 {
                        flags.minus = true;
                        flags.zero = false;
                    }
                }
                None => self.out.extend_from_slice(b"%!(BADWIDTH)"),
            }
            after_index = false;
        } else {
            flags.width = self.digits();
            if after_index && flags.width.is_some() {
                self.good = false;
            }
        }
        if self.peek() == Some(b'.') && self.at + 1 < self.format.len() {
            self.at += 1;
            if after_index {
                self.good = false;
            }
            after_index = self.index();
            if self.peek() == Some(b'*') {
                self.at += 1;
                match self.int_arg().and_then(|n| usize::try_from(n).ok()) {
                    Some(precision) => flags.precision = Some(precision),
                    None => self.out.extend_from_slice(b"%!(BADPREC)"),
                }
                after_index = false;
            } else {
                flags.precision = Some(self.digits().unwrap_or(0));
            }
        }
        if !after_index {
            self.index();
        }
        let Some(first) = self.peek() else {
            self.out.extend_from_slice(b"%!(NOVERB)");
            return false;
        };
        let len = rune_len(&self.format[self.at..]);
        let verb = match std::str::from_utf8(&self.format[self.at..self.at + len]) {
            Ok(text) => text.chars().next().unwrap_or('\u{fffd}'),
            Err(_) => '\u{fffd}',
        };
        self.at += len;
        if first == b'%' {
            self.out.push(b'%');
        } else if !self.good {
            self.complain(verb, "BADINDEX");
        } else if self.arg >= self.args.len() {
            self.complain(verb, "MISSING");
        } else {
            if verb == 'v' {
                flags.sharp_v = std::mem::take(&mut flags.sharp);
                flags.plus_v = std::mem::take(&mut flags.plus);
            }
            let arg = &self.args[self.arg];
            self.arg += 1;
            Printer::with(self.out, flags).argument(arg, verb);
        }
        true
    }

    fn complain(&mut self, verb: char, what: &str) {
        self.out.extend_from_slice(format!("%!{verb}({what})").as_bytes());
    }

    fn digits(&mut self) -> Option<usize> {
        let mut number = None;
        while let Some(c @ b'0'..=b'9') = self.peek() {
            let so_far = number.unwrap_or(0);
            if so_far > 1_000_000 {
                self.at = self.format.len();
                return None;
            }
            number = Some(so_far * 10 + usize::from(c - b'0'));
            self.at += 1;
        }
        number
    }

    /// An explicit argument index `[n]`; true where a well-formed one was read.
    fn index(&mut self) -> bool {
        if self.peek() != Some(b'[') {
            return false;
        }
        self.reordered = true;
        let rest = &self.format[self.at..];
        let Some(close) = rest.iter().position(|b| *b == b']') else {
            self.at += 1;
            self.good = false;
            return false;
        };
        let number = std::str::from_utf8(&rest[1..close]).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let index = number.and_then(|text| text.parse::<usize>().ok());
        self.at += close + 1;
        match index {
            Some(index) if (1..=self.args.len()).contains(&index) => {
                self.arg = index - 1;
                true
            }
            Some(_) => {
                self.good = false;
                true
            }
            None => {
                self.good = false;
                false
            }
        }
    }

    fn int_arg(&mut self) -> Option<i64> {
        let arg = self.args.get(self.arg)?;
        self.arg += 1;
        let number = match (arg, arg.kind()) {
            (Value::Int(i) | Value::Int64(i) | Value::Named(_, i), _) => *i,
            (Value::Uint8(u), _) => i64::from(*u),
            (Value::Uint64(u), Kind::Uint64) => i64::try_from(*u).ok()?,
            _ => return None,
        };
        if number.abs() > 1_000_000 { None } else { Some(number) }
    }
}
