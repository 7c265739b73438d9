//! An object that server-side apply refuses as it is written, and that can be sent all the same: what the server's words name is mended,
//! and nothing else.
//!
//! - An item of a keyed list that stands there more than once (`duplicate entries for key [name="V"]`). Every API takes such an object by
//!   `create`, and the last item is the one that counts; so it is here. It is put in the place of the first, because what refers to it may
//!   stand between the two.
//! - A field that the schema does not have (`field not declared in schema`), where that was asked for: it is dropped, as `create` does.

use crate::object::Json;

/// What the server says of an object that it could not even read as one of its kind.
const REFUSED: &str = "failed to create typed patch object (";
const UNKNOWN: &str = "field not declared in schema";
const DUPLICATE: &str = "duplicate entries for key ";

/// An object as it can be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Mended {
    /// The object.
    pub body: Json,
    /// What was done, one sentence each.
    pub notes: Vec<String>,
}

/// Mends an object by the server's refusal of it; `None` where that is about something else, or about unknown fields that must not be
/// dropped. The server does not say all at once: what comes back may be refused again, for what is left.
#[must_use]
pub fn mend(body: &Json, refusal: &str, drop_unknown: bool) -> Option<Mended> {
    let (_, words) = refusal.split_once(REFUSED)?.1.split_once("): ")?;
    let lines: Vec<&str> = words.lines().map(str::trim).filter(|line| line.starts_with('.')).collect();
    let mut out = Mended { body: body.clone(), notes: Vec::new() };
    for line in lines {
        let (place, why) = place(&out.body, line)?;
        if why.starts_with(UNKNOWN) {
            if !drop_unknown {
                return None;
            }
            remove(&mut out.body, &place);
            out.notes.push(format!("{}: not declared in the schema; dropped before apply", shown(line, why)));
        } else {
            let key = why.strip_prefix(DUPLICATE)?;
            let list = at(&mut out.body, &place)?.as_array_mut()?;
            if let Some(times) = last_counts(list, &keys(key)?) {
                out.notes.push(format!("{}: {key} is given {times} times; the last one counts", shown(line, why)));
            }
        }
    }
    (out.body != *body).then_some(out)
}

/// One step into an object.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(usize),
}

/// The place that a line is about, and what the line says of it. Names stand there as they are, dots and all, so that only the object
/// itself tells where one ends.
fn place<'a>(body: &Json, line: &'a str) -> Option<(Vec<Step>, &'a str)> {
    let (mut node, mut rest, mut steps) = (body, line, Vec::new());
    loop {
        if let Some(why) = rest.strip_prefix(": ") {
            return Some((steps, why));
        }
        if let Some(after) = rest.strip_prefix('.') {
            let ends = |name: &&String| after.strip_prefix(name.as_str()).is_some_and(|r| r.starts_with(['.', '[']) || r.starts_with(": "));
            let (name, inner) = node.as_object()?.iter().filter(|(name, _)| ends(name)).max_by_key(|(name, _)| name.len())?;
            (node, rest) = (inner, &after[name.len()..]);
            steps.push(Step::Field(name.clone()));
        } else {
            let (inside, after) = bracket(rest)?;
            let list = node.as_array()?;
            let index = match inside.parse::<usize>() {
                Ok(index) => index,
                Err(_) => {
                    let keys = keys(&rest[..rest.len() - after.len()])?;
                    list.iter().position(|item| matches(item, &keys))?
                }
            };
            (node, rest) = (list.get(index)?, after);
            steps.push(Step::Index(index));
        }
    }
}

/// The inside of a bracket and what follows it. Texts inside may hold brackets.
fn bracket(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('[')?;
    let (mut quoted, mut escaped) = (false, false);
    for (i, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ']' if !quoted => return Some((&inner[..i], &inner[i + 1..])),
            _ => {}
        }
    }
    None
}

/// `[containerPort=80,protocol="TCP"]` as names with values; the empty name stands for the item itself (`[="x"]`).
fn keys(text: &str) -> Option<Vec<(String, Json)>> {
    let (mut rest, _) = bracket(text)?;
    let mut out = Vec::new();
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=')?;
        let mut values = serde_json::Deserializer::from_str(value).into_iter::<Json>();
        let parsed = values.next()?.ok()?;
        rest = &value[values.byte_offset()..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
        out.push((name.to_owned(), parsed));
    }
    Some(out)
}

/// Whether keys name an item. One that the item lacks has its default there.
fn matches(item: &Json, keys: &[(String, Json)]) -> bool {
    keys.iter().all(|(name, value)| if name.is_empty() { item == value } else { item.get(name).is_none_or(|found| found == value) })
}

/// Keeps the last of the items with these keys, in the place of the first. How many there were; `None` where there was one.
fn last_counts(list: &mut Vec<Json>, keys: &[(String, Json)]) -> Option<usize> {
    let found: Vec<usize> = (0..list.len()).filter(|&i| matches(&list[i], keys)).collect();
    let (&first, others) = found.split_first()?;
    let &last = others.last()?;
    list.swap(first, last);
    for &i in others.iter().rev() {
        list.remove(i);
    }
    Some(found.len())
}

fn at<'a>(body: &'a mut Json, place: &[Step]) -> Option<&'a mut Json> {
    place.iter().try_fold(body, |node, step| match step {
        Step::Field(name) => node.get_mut(name),
        Step::Index(index) => node.get_mut(index),
    })
}

fn remove(body: &mut Json, place: &[Step]) {
    let Some((Step::Field(name), parents)) = place.split_last() else { return };
    if let Some(map) = at(body, parents).and_then(Json::as_object_mut) {
        map.remove(name);
    }
}

/// The place as the server writes it.
fn shown<'a>(line: &'a str, why: &str) -> &'a str {
    line.strip_suffix(why).map_or(line, |place| place.trim_end_matches(": "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(lines: &[&str]) -> String {
        let words = match lines {
            [one] => (*one).to_owned(),
            many => format!("errors:\n{}", many.iter().map(|l| format!("  {l}")).collect::<Vec<_>>().join("\n")),
        };
        format!("{REFUSED}shop/web; apps/v1, Kind=Deployment): {words}")
    }

    #[test]
    fn the_last_of_several_counts_in_the_place_of_the_first() {
        let with = |env: Json, ports: Json| json!({"spec": {"containers": [{"name": "a"}, {"name": "b", "env": env, "ports": ports}]}});
        let v = |name: &str, value: &str| json!({"name": name, "value": value});
        let body = with(
            json!([v("V", "1"), v("W", "$(V)"), v("V", "2"), v("V", "3")]),
            json!([{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}, {"containerPort": 80, "protocol": "TCP", "name": "web"}]),
        );
        let words = refusal(&[
            ".spec.containers[name=\"b\"].env: duplicate entries for key [name=\"V\"]",
            ".spec.containers[name=\"b\"].env: duplicate entries for key [name=\"V\"]",
            ".spec.containers[name=\"b\"].ports: duplicate entries for key [containerPort=80,protocol=\"TCP\"]",
        ]);
        let mended = mend(&body, &words, false).expect("it can be mended");
        let ports = json!([{"containerPort": 80, "protocol": "TCP", "name": "web"}, {"containerPort": 80, "protocol": "UDP"}]);
        assert_eq!(mended.body, with(json!([v("V", "3"), v("W", "$(V)")]), ports));
        assert_eq!(
            mended.notes,
            [
                ".spec.containers[name=\"b\"].env: [name=\"V\"] is given 3 times; the last one counts",
                ".spec.containers[name=\"b\"].ports: [containerPort=80,protocol=\"TCP\"] is given 2 times; the last one counts"
            ]
        );
        assert_eq!(mend(&mended.body, &words, false), None, "once mended there is nothing left to mend");
    }

    #[test]
    fn sets_and_odd_names_are_found() {
        let body = json!({"spec": {"set": ["x", "y", "x"], "a.b": {"list": [{"k": "]\"", "v": 1}, {"k": "]\"", "v": 2}]}}});
        let words = refusal(&[".spec.set: duplicate entries for key [=\"x\"]", ".spec.a.b.list: duplicate entries for key [k=\"]\\\"\"]"]);
        let mended = mend(&body, &words, false).expect("it can be mended");
        assert_eq!(mended.body, json!({"spec": {"set": ["x", "y"], "a.b": {"list": [{"k": "]\"", "v": 2}]}}}));
    }

    #[test]
    fn unknown_fields_go_only_where_that_was_asked_for() {
        let body = json!({"spec": {"workload": {"type": "Deployment", "image": "a"}, "items": [{"name": "a", "odd": 1}]}});
        let words = refusal(&[".spec.workload.type: field not declared in schema", ".spec.items[0].odd: field not declared in schema"]);
        assert_eq!(mend(&body, &words, false), None);
        let mended = mend(&body, &words, true).expect("asked for");
        assert_eq!(mended.body, json!({"spec": {"workload": {"image": "a"}, "items": [{"name": "a"}]}}));
        assert_eq!(mended.notes[0], ".spec.workload.type: not declared in the schema; dropped before apply");
    }

    #[test]
    fn other_refusals_are_left_alone() {
        let body = json!({"spec": {"replicas": "two", "list": [1, 1]}});
        for words in [
            "admission webhook denied the request: .spec: duplicate entries for key [name=\"x\"]".to_owned(),
            refusal(&[".spec.replicas: expected numeric (int or float), got string"]),
            refusal(&[".spec.nowhere: duplicate entries for key [name=\"x\"]"]),
            refusal(&[".spec.list: duplicate entries for key [name="]),
            format!("{REFUSED}no end"),
        ] {
            assert_eq!(mend(&body, &words, true), None, "{words}");
        }
    }
}
