//! The smallest case that still shows a difference.

use super::case::Case;

/// Drops tokens and values as long as `differs` holds.
pub(crate) fn shrink(case: &Case, mut differs: impl FnMut(&Case) -> bool) -> Case {
    let mut best = case.clone();
    loop {
        let before = best.clone();
        if !best.helpers.is_empty() {
            let without = Case { helpers: String::new(), ..best.clone() };
            if differs(&without) {
                best = without;
            }
        }
        best.main = tokens_dropped(&best.main, |main| differs(&Case { main: main.to_owned(), ..best.clone() }));
        if !best.helpers.is_empty() {
            best.helpers = tokens_dropped(&best.helpers, |helpers| differs(&Case { helpers: helpers.to_owned(), ..best.clone() }));
        }
        for i in (0..best.values.len()).rev() {
            let mut without = best.clone();
            without.values.remove(i);
            if differs(&without) {
                best = without;
            }
        }
        if best == before {
            return best;
        }
    }
}

fn tokens_dropped(text: &str, mut differs: impl FnMut(&str) -> bool) -> String {
    let mut tokens = tokens(text);
    // A pair of parentheses goes with all that is in it, for the simplest thing that can stand there.
    let mut i = 0;
    while i < tokens.len() {
        if tokens[i] == "(" {
            let close = closing(&tokens, i);
            let inner = tokens[i + 1..close.max(i + 1)].to_vec();
            for put in [inner, vec!["1"], vec!["\"\""]] {
                let mut fewer = tokens[..i].to_vec();
                fewer.extend(put);
                fewer.extend_from_slice(&tokens[(close + 1).min(tokens.len())..]);
                if fewer.len() < tokens.len() && differs(&fewer.concat()) {
                    tokens = fewer;
                    break;
                }
            }
        }
        i += 1;
    }
    let mut size = (tokens.len() / 2).max(1);
    loop {
        let mut at = 0;
        while at < tokens.len() {
            let mut fewer = tokens.clone();
            fewer.drain(at..(at + size).min(tokens.len()));
            if differs(&fewer.concat()) {
                tokens = fewer;
            } else {
                at += size;
            }
        }
        if size == 1 {
            return tokens.concat();
        }
        size /= 2;
    }
}

fn closing(tokens: &[&str], open: usize) -> usize {
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        match *token {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i;
        }
    }
    tokens.len()
}

/// Actions' marks, strings, words, and single characters of all else.
fn tokens(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    let mut inside = false;
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_alphanumeric() || "_.$".contains(c);
        let len = if rest.starts_with("{{") || rest.starts_with("}}") {
            inside = rest.starts_with("{{");
            2
        } else if inside && (first == '"' || first == '`') {
            quoted(rest, first)
        } else if word(first) {
            rest.find(|c| !word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        out.push(&rest[..len]);
        rest = &rest[len..];
    }
    out
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return i + 1,
            _ => {}
        }
    }
    text.len()
}
