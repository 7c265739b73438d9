//! Arguments as pflag reads them. Helm's flags may stand anywhere, take `=` or the next argument, repeat, and be switched off
//! again (`--no-hooks=false`); clap reads what is written here in one plain form.

use clap::{Arg, ArgAction, Command};
use helmward_chart::go::quote::quote;
use std::collections::HashMap;

/// Flags whose values are lists with commas (pflag's `StringSlice`); all other repeatable flags take each value as it stands.
const SLICES: [&str; 2] = ["values", "api-versions"];
/// Flags of `key=value` pairs (pflag's `StringToString`).
const PAIRS: &str = "labels";

/// The arguments in the form `command --flag=value … -- positional …`, if they are for a command that reads as Helm does.
///
/// # Errors
/// In pflag's words, where a flag is unknown or its value is missing or wrong.
pub(in crate::cli) fn canonical(root: &Command, args: &[String], names: &[&str]) -> Result<Option<Vec<String>>, String> {
    let Some(at) = subcommand(root, args) else { return Ok(None) };
    let Some(sub) = root.get_subcommands().find(|sub| names.contains(&sub.get_name()) && sub.get_name() == args[at]) else {
        return Ok(None);
    };
    let known: Vec<&Arg> = sub.get_arguments().chain(root.get_arguments()).filter(|arg| !arg.is_positional()).collect();
    let mut read = Reader { known, set: Vec::new(), index: HashMap::new(), help: false };
    let mut positional = Vec::new();
    let before = args.get(1..at).unwrap_or_default();
    let mut rest = before.iter().chain(&args[at + 1..]);
    while let Some(arg) = rest.next() {
        match arg.strip_prefix('-') {
            None | Some("") => positional.push(arg.clone()),
            Some("-") => positional.extend(rest.by_ref().cloned()),
            Some(flag) => match flag.strip_prefix('-') {
                Some(long) => read.long(arg, long, &mut rest)?,
                None => read.short(flag, &mut rest)?,
            },
        }
    }
    let mut out = vec![args[0].clone(), args[at].clone()];
    if read.help {
        out.push("--help".to_owned());
    }
    out.extend(read.set.into_iter().flatten());
    out.push("--".to_owned());
    out.extend(positional);
    Ok(Some(out))
}

/// Where the command stands: the first argument that is no flag and no flag's value.
fn subcommand(root: &Command, args: &[String]) -> Option<usize> {
    let mut at = 1;
    while let Some(arg) = args.get(at) {
        let Some(flag) = arg.strip_prefix('-') else { return Some(at) };
        let found = match flag.strip_prefix('-') {
            Some(long) => root.get_arguments().find(|a| a.get_long() == Some(long)),
            None => root.get_arguments().find(|a| a.get_short().is_some_and(|s| flag.chars().eq([s]))),
        };
        at += if found.is_some_and(|arg| arg.get_action().takes_values()) { 2 } else { 1 };
    }
    None
}

struct Reader<'a> {
    known: Vec<&'a Arg>,
    /// Each flag in its plain form; none where it was switched off.
    set: Vec<Option<String>>,
    /// Where in `set` a flag stands that has one value.
    index: HashMap<String, usize>,
    help: bool,
}

impl<'a> Reader<'a> {
    fn long<'s>(&mut self, whole: &str, flag: &str, rest: &mut impl Iterator<Item = &'s String>) -> Result<(), String> {
        if flag.starts_with(['-', '=']) {
            return Err(format!("bad flag syntax: {whole}"));
        }
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value.to_owned())));
        let Some(arg) = self.known.iter().copied().find(|arg| arg.get_long() == Some(name)) else {
            if name == "help" {
                self.help = true;
                return Ok(());
            }
            return Err(format!("unknown flag: --{name}"));
        };
        let value = match value.or_else(|| implied(arg)) {
            Some(value) => value,
            None => rest.next().cloned().ok_or_else(|| format!("flag needs an argument: --{name}"))?,
        };
        self.store(arg, value)
    }

    fn short<'s>(&mut self, flags: &str, rest: &mut impl Iterator<Item = &'s String>) -> Result<(), String> {
        let mut left = flags;
        while let Some(c) = left.chars().next() {
            let after = &left[c.len_utf8()..];
            let Some(arg) = self.known.iter().copied().find(|arg| arg.get_short() == Some(c)) else {
                if c == 'h' {
                    self.help = true;
                    return Ok(());
                }
                return Err(format!("unknown shorthand flag: '{c}' in -{left}"));
            };
            let value = match after.strip_prefix('=').filter(|value| !value.is_empty()) {
                Some(value) => value.to_owned(),
                None => match implied(arg) {
                    Some(value) => {
                        self.store(arg, value)?;
                        left = after;
                        continue;
                    }
                    None if !after.is_empty() => after.to_owned(),
                    None => rest.next().cloned().ok_or_else(|| format!("flag needs an argument: '{c}' in -{left}"))?,
                },
            };
            return self.store(arg, value);
        }
        Ok(())
    }

    fn store(&mut self, arg: &Arg, value: String) -> Result<(), String> {
        let long = arg.get_long().unwrap_or_default();
        let wrong = |why: String| {
            let shown = arg.get_short().map_or_else(|| format!("--{long}"), |short| format!("-{short}, --{long}"));
            format!("invalid argument {} for {} flag: {why}", quote(&value), quote(&shown))
        };
        match arg.get_action() {
            ArgAction::SetTrue => {
                let on =
                    parse_bool(&value).ok_or_else(|| wrong(format!("strconv.ParseBool: parsing {}: invalid syntax", quote(&value))))?;
                self.once(long, on.then(|| format!("--{long}")));
            }
            ArgAction::Append if SLICES.contains(&long) => {
                let items = csv(&value).map_err(wrong)?;
                self.set.extend(items.into_iter().map(|item| Some(format!("--{long}={item}"))));
            }
            ArgAction::Append => {
                if long == PAIRS
                    && let Some(odd) = csv(&value).map_err(wrong)?.iter().find(|pair| !pair.contains('='))
                {
                    return Err(wrong(format!("{odd} must be formatted as key=value")));
                }
                self.set.push(Some(format!("--{long}={value}")));
            }
            _ => self.once(long, Some(format!("--{long}={value}"))),
        }
        Ok(())
    }

    /// The last one counts.
    fn once(&mut self, long: &str, form: Option<String>) {
        let at = *self.index.entry(long.to_owned()).or_insert_with(|| {
            self.set.push(None);
            self.set.len() - 1
        });
        self.set[at] = form;
    }
}

/// The value of a flag that stands alone.
fn implied(arg: &Arg) -> Option<String> {
    match arg.get_action() {
        ArgAction::SetTrue => Some("true".to_owned()),
        _ if arg.get_num_args().is_some_and(|range| range.min_values() == 0) => Some("client".to_owned()),
        _ => None,
    }
}

/// Go's `strconv.ParseBool`.
fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// The first record of a CSV text, as Go's `encoding/csv` reads it.
fn csv(text: &str) -> Result<Vec<String>, String> {
    let (mut fields, mut rest) = (Vec::new(), text);
    if text.is_empty() {
        return Ok(fields);
    }
    loop {
        let column = text.len() - rest.len() + 1;
        if let Some(quoted) = rest.strip_prefix('"') {
            let (mut field, mut left) = (String::new(), quoted);
            loop {
                let Some((part, after)) = left.split_once('"') else {
                    return Err(format!("parse error on line 1, column {}: extraneous or missing \" in quoted-field", text.len() + 1));
                };
                field.push_str(part);
                left = after;
                match left.strip_prefix('"') {
                    Some(more) => {
                        field.push('"');
                        left = more;
                    }
                    None => break,
                }
            }
            fields.push(field);
            match left.strip_prefix(',') {
                Some(more) => rest = more,
                None if left.is_empty() || left.starts_with('\n') => return Ok(fields),
                None => {
                    let column = text.len() - left.len();
                    return Err(format!("parse error on line 1, column {column}: extraneous or missing \" in quoted-field"));
                }
            }
        } else {
            let line = rest.split('\n').next().unwrap_or_default();
            let field = line.split(',').next().unwrap_or_default();
            if let Some(at) = field.find('"') {
                return Err(format!("parse error on line 1, column {}: bare \" in non-quoted-field", column + at));
            }
            fields.push(field.to_owned());
            match rest[field.len()..].strip_prefix(',') {
                Some(more) => rest = more,
                None => return Ok(fields),
            }
        }
    }
}
