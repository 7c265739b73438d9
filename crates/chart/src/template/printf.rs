//! Go's `fmt.Sprintf` for every kind of value.

use super::print::unicode_point;
use super::value::{Kind, ListType, Map, Struct, Value};
use crate::go::num;
use crate::go::quote;

/// Values nested deeper than this are cut: only cyclic ones are.
const MAX_DEPTH: usize = 200;
/// Output at which a deep value stops growing: cycles with several branches explode.
const MAX_NESTED: usize = 16 << 20;
const LOWER: &[u8; 17] = b"0123456789abcdefx";
const UPPER: &[u8; 17] = b"0123456789ABCDEFX";

/// `fmt.Sprintf`
pub(crate) fn sprintf(format: &[u8], args: &[Value]) -> Vec<u8> {
    let mut out = Vec::with_capacity(format.len() + 16);
    Scanner { format, args, at: 0, arg: 0, reordered: false, good: true, out: &mut out }.run();
    out
}

/// Writes values in the form that its flags ask for.
pub(crate) struct Printer<'o> {
    out: &'o mut Vec<u8>,
    flags: Flags,
    erroring: bool,
}

#[derive(Clone, Copy, Default)]
struct Flags {
    width: Option<usize>,
    precision: Option<usize>,
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    plus_v: bool,
    sharp_v: bool,
}

impl<'o> Printer<'o> {
    pub(crate) fn new(out: &'o mut Vec<u8>) -> Printer<'o> {
        Printer { out, flags: Flags::default(), erroring: false }
    }

    /// `%v`
    pub(crate) fn value(&mut self, value: &Value) {
        self.arg(value, 'v');
    }

    fn arg(&mut self, value: &Value, verb: char) {
        match (value, verb) {
            (Value::Nil, 'T' | 'v') => self.pad(b"<nil>"),
            (Value::Nil, verb) => self.bad_verb(value, verb),
            (value, 'T') => self.text(value.type_name().as_bytes()),
            (value, verb) => self.nested(value, verb, 0),
        }
    }

    fn nested(&mut self, value: &Value, verb: char, depth: usize) {
        if depth > MAX_DEPTH || depth > 4 && self.out.len() > MAX_NESTED {
            self.out.extend_from_slice(b"...");
            return;
        }
        if self.method(value, verb) {
            return;
        }
        match value {
            Value::Nil if verb == 'v' && self.flags.sharp_v => self.put("interface {}(nil)"),
            Value::Nil if verb == 'v' || depth > 0 => self.pad(b"<nil>"),
            Value::Nil => self.bad_verb(value, verb),
            Value::Bool(b) if matches!(verb, 't' | 'v') => self.pad(if *b { b"true" } else { b"false" }),
            Value::Int(i) | Value::Int64(i) | Value::Named(_, i) => self.integer(value, i.unsigned_abs(), *i < 0, true, verb),
            Value::Uint8(u) => self.integer(value, u64::from(*u), false, false, verb),
            Value::Uint64(u) => self.integer(value, *u, false, false, verb),
            Value::Float(f) => self.float(value, *f, verb),
            Value::Str(text) => self.string(value, text.as_bytes(), verb),
            Value::Raw(bytes) => self.string(value, bytes, verb),
            Value::Bytes(bytes) => self.bytes(value, bytes, verb),
            Value::List(list) => self.list(list.ty, list.nil, &list.items, verb, depth),
            Value::Map(map) => self.map(map, verb, depth),
            Value::Struct(object) => self.object(object, verb, depth),
            Value::Time(_) | Value::Bool(_) => self.bad_verb(value, verb),
        }
    }

    /// Types with a `String` method print by it, where the verb is one for strings.
    fn method(&mut self, value: &Value, verb: char) -> bool {
        if self.erroring || self.flags.sharp_v || !matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') {
            return false;
        }
        let text = match value {
            Value::Time(time) => Value::from(time.to_string()),
            Value::Named(named, n) => Value::from(named.text(*n)),
            Value::Struct(object) if object.pointer => match object.ty.prints_as.and_then(|field| object.fields.get(field)) {
                Some(text) => text.clone(),
                None => return false,
            },
            _ => return false,
        };
        match text.string_bytes() {
            Some(bytes) => self.string(&text, bytes, verb),
            None => return false,
        }
        true
    }

    fn bad_verb(&mut self, value: &Value, verb: char) {
        self.erroring = true;
        self.put("%!");
        self.put_char(verb);
        self.put("(");
        match value {
            Value::Nil => self.put("<nil>"),
            value => {
                self.put(&value.type_name());
                self.put("=");
                self.arg(value, 'v');
            }
        }
        self.put(")");
        self.erroring = false;
    }

    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn put_char(&mut self, c: char) {
        self.out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn padding(&mut self, count: usize) {
        let fill = if self.flags.zero && !self.flags.minus { b'0' } else { b' ' };
        self.out.resize(self.out.len() + count, fill);
    }

    fn pad(&mut self, bytes: &[u8]) {
        let missing = self.flags.width.unwrap_or(0).saturating_sub(runes(bytes));
        if self.flags.minus {
            self.out.extend_from_slice(bytes);
            self.padding(missing);
        } else {
            self.padding(missing);
            self.out.extend_from_slice(bytes);
        }
    }

    fn pad_without_zeros(&mut self, bytes: &[u8]) {
        let zero = std::mem::take(&mut self.flags.zero);
        self.pad(bytes);
        self.flags.zero = zero;
    }

    // strings

    fn truncate<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let Some(count) = self.flags.precision else {
            return bytes;
        };
        let mut at = 0;
        for _ in 0..count {
            if at >= bytes.len() {
                break;
            }
            at += rune_len(&bytes[at..]);
        }
        &bytes[..at]
    }

    fn text(&mut self, bytes: &[u8]) {
        self.pad(self.truncate(bytes));
    }

    fn quoted(&mut self, bytes: &[u8]) {
        let bytes = self.truncate(bytes);
        let text = std::str::from_utf8(bytes).ok();
        let quoted = match text {
            Some(text) if self.flags.sharp && quote::can_backquote(text) => format!("`{text}`"),
            Some(text) if self.flags.plus => quote::quote_ascii(text),
            Some(text) => quote::quote(text),
            None => quote::quote_bytes(bytes),
        };
        self.pad(quoted.as_bytes());
    }

    fn string(&mut self, value: &Value, bytes: &[u8], verb: char) {
        match verb {
            'v' if self.flags.sharp_v => self.quoted(bytes),
            'v' | 's' => self.text(bytes),
            'x' => self.hex(bytes, LOWER),
            'X' => self.hex(bytes, UPPER),
            'q' => self.quoted(bytes),
            _ => self.bad_verb(value, verb),
        }
    }

    fn hex(&mut self, bytes: &[u8], digits: &[u8; 17]) {
        let count = self.flags.precision.unwrap_or(bytes.len()).min(bytes.len());
        let mut text = Vec::with_capacity(2 * count + 2);
        for (i, byte) in bytes[..count].iter().enumerate() {
            if self.flags.space && i > 0 {
                text.push(b' ');
            }
            if self.flags.sharp && (self.flags.space || i == 0) {
                text.extend_from_slice(&[b'0', digits[16]]);
            }
            text.extend_from_slice(&[digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]);
        }
        self.pad(&text);
    }

    fn bytes(&mut self, value: &Value, bytes: &[u8], verb: char) {
        match verb {
            'v' | 'd' => {
                let (open, between, close) = if self.flags.sharp_v { ("[]byte{", ", ", "}") } else { ("[", " ", "]") };
                self.put(open);
                for (i, byte) in bytes.iter().enumerate() {
                    self.put(if i > 0 { between } else { "" });
                    if self.flags.sharp_v {
                        self.put(&format!("0x{byte:x}"));
                    } else {
                        self.number(u64::from(*byte), 10, false, verb, LOWER);
                    }
                }
                self.put(close);
            }
            's' => self.text(bytes),
            'x' => self.hex(bytes, LOWER),
            'X' => self.hex(bytes, UPPER),
            'q' => self.quoted(bytes),
            _ => {
                self.put("[");
                for (i, byte) in bytes.iter().enumerate() {
                    self.put(if i > 0 { " " } else { "" });
                    self.integer(value, u64::from(*byte), false, false, verb);
                }
                self.put("]");
            }
        }
    }

    // numbers

    fn integer(&mut self, value: &Value, size: u64, negative: bool, signed: bool, verb: char) {
        match verb {
            'v' if self.flags.sharp_v && !signed => self.put(&format!("0x{size:x}")),
            'v' | 'd' => self.number(size, 10, negative, verb, LOWER),
            'b' => self.number(size, 2, negative, verb, LOWER),
            'o' | 'O' => self.number(size, 8, negative, verb, LOWER),
            'x' => self.number(size, 16, negative, verb, LOWER),
            'X' => self.number(size, 16, negative, verb, UPPER),
            'c' | 'q' | 'U' => {
                let code = if negative { None } else { u32::try_from(size).ok() };
                let c = code.and_then(char::from_u32).unwrap_or('\u{fffd}');
                match verb {
                    'c' => self.pad(c.to_string().as_bytes()),
                    'q' => self.pad(quote::quote_char(c).as_bytes()),
                    _ => self.unicode(if negative { size.wrapping_neg() } else { size }),
                }
            }
            _ => self.bad_verb(value, verb),
        }
    }

    fn unicode(&mut self, code: u64) {
        let digits = self.flags.precision.unwrap_or(4).max(4);
        let mut text = format!("U+{code:0digits$X}");
        let c = u32::try_from(code).ok().and_then(char::from_u32);
        if let Some((_, shown)) = c.map(unicode_point).as_deref().and_then(|point| point.split_once(' '))
            && self.flags.sharp
        {
            text = format!("{text} {shown}");
        }
        self.pad_without_zeros(text.as_bytes());
    }

    fn number(&mut self, size: u64, base: u64, negative: bool, verb: char, digits: &[u8; 17]) {
        let mut least = 0;
        if let Some(precision) = self.flags.precision {
            least = precision;
            if precision == 0 && size == 0 {
                let zero = std::mem::take(&mut self.flags.zero);
                self.padding(self.flags.width.unwrap_or(0));
                self.flags.zero = zero;
                return;
            }
        } else if let (true, false, Some(width)) = (self.flags.zero, self.flags.minus, self.flags.width) {
            least = width.saturating_sub(usize::from(negative || self.flags.plus || self.flags.space));
        }
        // written backwards
        let mut text = Vec::with_capacity(24);
        let mut rest = size;
        loop {
            text.push(digits[(rest % base) as usize]);
            rest /= base;
            if rest == 0 {
                break;
            }
        }
        while text.len() < least {
            text.push(b'0');
        }
        if self.flags.sharp {
            match base {
                2 => text.extend_from_slice(b"b0"),
                8 if text.last() != Some(&b'0') => text.push(b'0'),
                16 => text.extend_from_slice(&[digits[16], b'0']),
                _ => {}
            }
        }
        if verb == 'O' {
            text.extend_from_slice(b"o0");
        }
        if negative {
            text.push(b'-');
        } else if self.flags.plus {
            text.push(b'+');
        } else if self.flags.space {
            text.push(b' ');
        }
        text.reverse();
        self.pad_without_zeros(&text);
    }

    fn float(&mut self, value: &Value, f: f64, verb: char) {
        let (verb, precision) = match verb {
            'v' => ('g', None),
            'g' | 'G' => (verb, None),
            'f' | 'e' | 'E' => (verb, Some(6)),
            'F' => ('f', Some(6)),
            _ => return self.bad_verb(value, verb),
        };
        let precision = self.flags.precision.or(precision);
        let mut text = num::format_float(f, verb, precision);
        if !text.starts_with(['-', '+']) {
            text.insert(0, '+');
        }
        if self.flags.space && text.starts_with('+') && !self.flags.plus {
            text.replace_range(..1, " ");
        }
        if !f.is_finite() {
            let text = if f.is_nan() && !self.flags.space && !self.flags.plus { &text[1..] } else { &text };
            return self.pad_without_zeros(text.as_bytes());
        }
        if self.flags.sharp {
            text = with_point(&text, verb, precision);
        }
        if !self.flags.plus && text.starts_with('+') {
            return self.pad(&text.as_bytes()[1..]);
        }
        match self.flags.width {
            Some(width) if self.flags.zero && !self.flags.minus && width > text.len() => {
                self.put(&text[..1]);
                self.padding(width - text.len());
                self.put(&text[1..]);
            }
            _ => self.pad(text.as_bytes()),
        }
    }

    // containers

    fn list(&mut self, ty: ListType, nil: bool, items: &[Value], verb: char, depth: usize) {
        let go_syntax = self.flags.sharp_v;
        if go_syntax {
            self.put(ty.go_name());
            if nil {
                return self.put("(nil)");
            }
        }
        self.put(if go_syntax { "{" } else { "[" });
        for (i, item) in items.iter().enumerate() {
            self.put(if i == 0 {
                ""
            } else if go_syntax {
                ", "
            } else {
                " "
            });
            self.nested(item, verb, depth + 1);
        }
        self.put(if go_syntax { "}" } else { "]" });
    }

    fn map(&mut self, map: &Map, verb: char, depth: usize) {
        let go_syntax = self.flags.sharp_v;
        if go_syntax {
            self.put(map.ty.go_name());
            if map.nil {
                return self.put("(nil)");
            }
        }
        self.put(if go_syntax { "{" } else { "map[" });
        for (i, (key, value)) in map.borrow().iter().enumerate() {
            self.put(if i == 0 {
                ""
            } else if go_syntax {
                ", "
            } else {
                " "
            });
            self.nested(&Value::Str(key.clone()), verb, depth + 1);
            self.put(":");
            self.nested(value, verb, depth + 1);
        }
        self.put(if go_syntax { "}" } else { "]" });
    }

    fn object(&mut self, object: &Struct, verb: char, depth: usize) {
        if object.pointer && depth > 0 {
            // Go prints the address here, which differs at each run.
            return self.put("0xc000000000");
        }
        let go_syntax = self.flags.sharp_v;
        self.put(if object.pointer { "&" } else { "" });
        self.put(if go_syntax { object.ty.name } else { "" });
        self.put("{");
        for (i, (field, value)) in object.ty.fields.iter().zip(&object.fields).enumerate() {
            self.put(if i == 0 {
                ""
            } else if go_syntax {
                ", "
            } else {
                " "
            });
            if self.flags.plus_v || go_syntax {
                self.put(field.name);
                self.put(":");
            }
            self.nested(value, verb, depth + 1);
        }
        self.put("}");
    }
}

/// The `#` flag of floats: always a decimal point, and trailing zeros kept.
fn with_point(text: &str, verb: char, precision: Option<usize>) -> String {
    let (mut body, tail) = match text.find(['e', 'E']) {
        Some(at) => (text[..at].to_owned(), &text[at..]),
        None => (text.to_owned(), ""),
    };
    let mut digits = if matches!(verb, 'g' | 'G') { precision.unwrap_or(6) as i64 } else { 0 };
    let mut seen = false;
    for c in body[1..].chars().filter(|c| *c != '.') {
        seen |= c != '0';
        digits -= i64::from(seen);
    }
    if !body.contains('.') {
        if body.len() == 2 && &body[1..] == "0" {
            digits -= 1;
        }
        body.push('.');
    }
    body.extend(std::iter::repeat_n('0', usize::try_from(digits).unwrap_or(0)));
    body + tail
}

fn rune_len(bytes: &[u8]) -> usize {
    let len = match bytes[0] {
        0..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    match bytes.get(..len) {
        Some(head) if std::str::from_utf8(head).is_ok() => len,
        _ => 1,
    }
}

fn runes(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.chars().count(),
        Err(_) => {
            let (mut at, mut count) = (0, 0);
            while at < bytes.len() {
                at += rune_len(&bytes[at..]);
                count += 1;
            }
            count
        }
    }
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
            Printer { out: self.out, flags, erroring: false }.argument(arg, verb);
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

impl Printer<'_> {
    fn argument(&mut self, value: &Value, verb: char) {
        if verb == 'p' && !matches!(value, Value::Map(_) | Value::List(_) | Value::Struct(_) | Value::Bytes(_)) {
            return self.bad_verb(value, verb);
        }
        if verb == 'p' {
            return self.put("0xc000000000");
        }
        if verb == 'w' {
            return self.bad_verb(value, verb);
        }
        self.arg(value, verb);
    }
}
