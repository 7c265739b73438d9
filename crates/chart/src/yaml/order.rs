//! The order in which goyaml writes the keys of a map: natural, with digits as numbers and letters after signs.

use super::resolve::Flavour;
use crate::Json;
use crate::go::{json, unicode};
use serde_json::Map;

/// The entries of a map in goyaml's order.
pub(super) fn entries(map: &Map<String, Json>, flavour: Flavour) -> Vec<(&String, &Json)> {
    let entries = json::sorted(map);
    // Among words of letters the order of bytes is the natural order.
    if entries.len() < 2 || entries.iter().all(|(key, _)| key.bytes().all(|b| b.is_ascii_alphabetic())) {
        return entries;
    }
    let keyed = entries.into_iter().map(|entry| (entry.0.chars().collect::<Vec<char>>(), entry)).collect();
    merge_sort(keyed, flavour).into_iter().map(|(_, entry)| entry).collect()
}

type Keyed<'a> = (Vec<char>, (&'a String, &'a Json));

/// A sort of our own: the natural order is not transitive for all keys, which the standard library may answer with a panic.
fn merge_sort<'a>(mut items: Vec<Keyed<'a>>, flavour: Flavour) -> Vec<Keyed<'a>> {
    if items.len() < 2 {
        return items;
    }
    let right = merge_sort(items.split_off(items.len() / 2), flavour);
    let left = merge_sort(items, flavour);
    let mut out = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if less(&b.0, &a.0, flavour) { right.next() } else { left.next() };
        out.extend(next);
    }
    out.extend(left);
    out.extend(right);
    out
}

fn less(a: &[char], b: &[char], flavour: Flavour) -> bool {
    let Some(i) = a.iter().zip(b).position(|(x, y)| x != y) else {
        return a.len() < b.len();
    };
    let (x, y) = (a[i], b[i]);
    match (unicode::is_letter(x), unicode::is_letter(y)) {
        (true, true) => return x < y,
        (false, false) => {}
        // After a common run of digits v3 puts the longer number last.
        (x_letter, y_letter) => return if flavour == Flavour::V3 && i > 0 && unicode::is_digit(a[i - 1]) { x_letter } else { y_letter },
    }
    // A zero inside a number must not be read as a leading zero.
    let inside = (x == '0' || y == '0') && a[..i].iter().rev().take_while(|c| unicode::is_digit(**c)).any(|c| *c != '0');
    let start = i64::from(inside);
    let (x_len, x_num) = digits(&a[i..], start);
    let (y_len, y_num) = digits(&b[i..], start);
    if x_num != y_num {
        x_num < y_num
    } else if x_len != y_len {
        x_len < y_len
    } else {
        x < y
    }
}

fn digits(text: &[char], start: i64) -> (usize, i64) {
    let run = text.iter().take_while(|c| unicode::is_digit(**c));
    run.fold((0, start), |(len, n), c| (len + 1, n.wrapping_mul(10).wrapping_add(i64::from(*c as u32) - i64::from('0' as u32))))
}
