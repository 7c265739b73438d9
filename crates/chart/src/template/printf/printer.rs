//! One value in the form that its flags ask for.

use super::super::value::{ListType, Map, Struct, Value};
use crate::go::quote;
use crate::go::time::{MONTHS, Time, ZERO_SECONDS, Zone};

/// What is printed for an address, which in Go differs at each run: as long as most of them, and a digit first.
const ADDRESS: &str = "0x1c0000000000";
/// Values nested deeper than this are cut: only cyclic ones are.
const MAX_DEPTH: usize = 200;
/// Output at which a deep value stops growing: cycles with several branches explode.
const MAX_NESTED: usize = 16 << 20;
pub(super) const LOWER: &[u8; 17] = b"0123456789abcdefx";
pub(super) const UPPER: &[u8; 17] = b"0123456789ABCDEFX";

/// Writes values in the form that its flags ask for.
pub(crate) struct Printer<'o> {
    pub(super) out: &'o mut Vec<u8>,
    pub(super) flags: Flags,
    erroring: bool,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
    pub(super) plus: bool,
    pub(super) minus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    pub(super) plus_v: bool,
    pub(super) sharp_v: bool,
}

impl<'o> Printer<'o> {
    pub(crate) fn new(out: &'o mut Vec<u8>) -> Printer<'o> {
        Printer { out, flags: Flags::default(), erroring: false }
    }

    pub(super) fn with(out: &'o mut Vec<u8>, flags: Flags) -> Printer<'o> {
        Printer { out, flags, erroring: false }
    }

    /// `%v`
    pub(crate) fn value(&mut self, value: &Value) {
        self.arg(value, 'v');
    }

    /// `%v` of a struct, also where a pointer to it is at hand.
    pub(crate) fn pointed_to(&mut self, object: &Struct) {
        self.fields(object, 'v', 0);
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
            Value::Nil if depth > 0 => self.put("<nil>"),
            Value::Nil if verb == 'v' => self.pad(b"<nil>"),
            Value::Nil => self.bad_verb(value, verb),
            Value::Bool(b) if matches!(verb, 't' | 'v') => self.pad(if *b { b"true" } else { b"false" }),
            Value::Int(i) | Value::Int64(i) | Value::Named(_, i) => self.integer(value, i.unsigned_abs(), *i < 0, true, verb),
            Value::Uint8(u) => self.integer(value, u64::from(*u), false, false, verb),
            Value::Uint64(u) => self.integer(value, *u, false, false, verb),
            Value::Float(f) => self.float(value, *f, verb),
            Value::Str(text) => self.string(value, text.as_bytes(), verb),
            Value::Raw(bytes) => self.string(value, bytes, verb),
            Value::Bytes(bytes) => self.bytes(bytes, verb, depth),
            Value::List(list) if list.ty == ListType::Bytes && !self.flags.sharp_v => self.bytes(&[], verb, depth),
            Value::List(list) if list.ty == ListType::Bytes => self.put(if depth > 0 { "[]uint8(nil)" } else { "[]byte(nil)" }),
            Value::List(list) => self.list(list.ty, list.nil, &list.items, verb, depth),
            Value::Map(map) => self.map(map, verb, depth),
            Value::Struct(object) if object.pointer && depth > 0 && !matches!(verb, 'v' | 'b' | 'o' | 'd' | 'x' | 'X') => {
                self.bad_verb(value, verb)
            }
            Value::Struct(object) => self.object(object, verb, depth),
            Value::Time(time) if self.flags.sharp_v => self.put(&go_syntax_of_time(time)),
            Value::Time(time) => self.time_fields(time, verb),
            Value::Bool(_) => self.bad_verb(value, verb),
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

    pub(super) fn bad_verb(&mut self, value: &Value, verb: char) {
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

    pub(super) fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn put_char(&mut self, c: char) {
        self.out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    pub(super) fn padding(&mut self, count: usize) {
        let fill = if self.flags.zero && !self.flags.minus { b'0' } else { b' ' };
        self.out.resize(self.out.len() + count, fill);
    }

    pub(super) fn pad(&mut self, bytes: &[u8]) {
        let missing = self.flags.width.unwrap_or(0).saturating_sub(runes(bytes));
        if self.flags.minus {
            self.out.extend_from_slice(bytes);
            self.padding(missing);
        } else {
            self.padding(missing);
            self.out.extend_from_slice(bytes);
        }
    }

    pub(super) fn pad_without_zeros(&mut self, bytes: &[u8]) {
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

    fn bytes(&mut self, bytes: &[u8], verb: char, depth: usize) {
        match verb {
            'v' | 'd' => {
                let (open, between, close) = match (self.flags.sharp_v, depth) {
                    (false, _) => ("[", " ", "]"),
                    // Inside of other values fmt names the type, not its alias.
                    (true, 0) => ("[]byte{", ", ", "}"),
                    (true, _) => ("[]uint8{", ", ", "}"),
                };
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
                    self.integer(&Value::Uint8(*byte), u64::from(*byte), false, false, verb);
                }
                self.put("]");
            }
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
            return match self.flags.sharp_v {
                true => self.put(&format!("(*{})({ADDRESS})", object.ty.name)),
                false => self.put(ADDRESS),
            };
        }
        self.put(if object.pointer { "&" } else { "" });
        self.fields(object, verb, depth);
    }

    /// The fields of `time.Time`, for verbs that its methods do not serve: nanoseconds, seconds since the year 1, and a pointer to the zone.
    fn time_fields(&mut self, time: &Time, verb: char) {
        self.put("{");
        self.integer(&Value::Uint64(time.nanos().into()), time.nanos().into(), false, false, verb);
        self.put(" ");
        let seconds = time.seconds().wrapping_sub(ZERO_SECONDS);
        self.integer(&Value::Int64(seconds), seconds.unsigned_abs(), seconds < 0, true, verb);
        self.put(" ");
        match verb {
            'v' => self.pad(b"<nil>"),
            'b' | 'o' | 'd' | 'x' | 'X' => self.integer(&Value::Uint64(0), 0, false, false, verb),
            _ => self.put(&format!("%!{verb}(*time.Location=<nil>)")),
        }
        self.put("}");
    }

    fn fields(&mut self, object: &Struct, verb: char, depth: usize) {
        let go_syntax = self.flags.sharp_v;
        self.put(if go_syntax { object.ty.name } else { "" });
        self.put("{");
        for (i, (field, value)) in object.ty.fields.iter().zip(&object.fields).enumerate() {
            // A version's text is a field here only.
            if object.ty.name == "semver.Version" && object.ty.prints_as == Some(i) {
                continue;
            }
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

/// `time.Time.GoString`
fn go_syntax_of_time(time: &Time) -> String {
    let zone = match time.zone() {
        Zone::Utc => "time.UTC".to_owned(),
        Zone::Fixed { name, .. } => format!("time.Location({})", quote::quote(name)),
        Zone::Named(zone) => format!("time.Location({})", quote::quote(zone.iana_name().unwrap_or_default())),
    };
    let c = time.civil();
    let month = MONTHS[(c.month as usize - 1) % 12];
    format!("time.Date({}, time.{month}, {}, {}, {}, {}, {}, {zone})", c.year, c.day, c.hour, c.minute, c.second, time.nanos())
}

pub(super) fn rune_len(bytes: &[u8]) -> usize {
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

impl Printer<'_> {
    pub(super) fn argument(&mut self, value: &Value, verb: char) {
        let pointer = match value {
            Value::Map(_) | Value::List(_) | Value::Bytes(_) => true,
            Value::Struct(object) => object.pointer,
            _ => false,
        };
        if verb == 'p' && !pointer {
            return self.bad_verb(value, verb);
        }
        if verb == 'p' {
            return self.put(ADDRESS);
        }
        let bytes = matches!(value, Value::Bytes(_)) || matches!(value, Value::List(list) if list.ty == ListType::Bytes);
        // fmt prints a slice of bytes without asking for its methods, and so one by one
        if verb == 'w' && !bytes {
            return self.bad_verb(value, verb);
        }
        self.arg(value, verb);
    }
}
