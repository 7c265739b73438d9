//! What templates draw by chance (passwords, certificates, ids) and another tool has drawn before: kept as it is deployed.
//!
//! Which texts are drawn is seen by rendering again with another chance: what differs is drawn. Such a text is kept where all that is not
//! drawn in it is as it was; else what was drawn in it is put in place of what was drawn now, as far as it is known from other texts, so that a
//! password and the address that holds it go on fitting together. Annotations are mostly checksums: they are kept only where nothing else
//! changed.

use crate::object::{Json, Manifest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use helmward_chart::render::Doc;
use helmward_chart::yaml;
use std::collections::BTreeMap;

/// Drawn texts shorter than this may stand anywhere by chance.
const TELLING: usize = 6;

/// Keeps what was drawn before in the documents of a render. `others` are the same documents, rendered with other chances. Says whether
/// anything was drawn.
pub fn keep(docs: &mut [Doc], others: &[&[Doc]], before: &[Manifest]) -> bool {
    let read = |docs: &[Doc]| -> Vec<Json> { docs.iter().map(|d| yaml::from_str(&format!("{}\n", d.text)).unwrap_or_default()).collect() };
    let others: Vec<Vec<Json>> = others.iter().map(|o| read(o)).collect();
    if others.is_empty() || others.iter().any(|o| o.len() != docs.len()) {
        return false;
    }
    let mut bodies = read(docs);
    let was = bodies.clone();
    let mut work = Work::default();
    for pass in [Pass::Fields, Pass::Rest, Pass::Annotations] {
        work.pass = pass;
        for (i, body) in bodies.iter_mut().enumerate() {
            let same: Vec<&Json> = others.iter().map(|o| &o[i]).collect();
            let Some(old) = before.iter().find(|m| is(m, body)) else {
                work.changed |= !body.is_null();
                continue;
            };
            let secret = body["kind"] == "Secret";
            work.walk(body, &was[i], &same, &old.body, Place { secret, data: false, annotation: false, top: true });
        }
    }
    for ((doc, body), was) in docs.iter_mut().zip(&bodies).zip(&was) {
        if body != was {
            yaml::to_string(body).trim_end().clone_into(&mut doc.text);
        }
    }
    work.drawn
}

/// Whether a manifest is of the object of a document, which may leave its namespace open.
fn is(manifest: &Manifest, body: &Json) -> bool {
    let text = |pointer: &str| body.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
    let namespace = text("/metadata/namespace");
    manifest.id.kind == text("/kind")
        && manifest.id.name == text("/metadata/name")
        && manifest.api_version == text("/apiVersion")
        && (namespace.is_empty() || manifest.id.namespace == namespace)
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Pass {
    /// Texts that can be kept as they are, and what else changed.
    #[default]
    Fields,
    /// Texts around which something changed.
    Rest,
    /// Annotations, once it is known whether anything changed.
    Annotations,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    secret: bool,
    data: bool,
    annotation: bool,
    top: bool,
}

#[derive(Default)]
struct Work {
    pass: Pass,
    drawn: bool,
    /// Whether something that is not drawn is otherwise than before.
    changed: bool,
    /// What was drawn now, and what stands for it.
    known: BTreeMap<String, String>,
}

impl Work {
    /// `now` is changed in place; `fresh` is how it was rendered, `same` how it is with other chances.
    fn walk(&mut self, now: &mut Json, fresh: &Json, same: &[&Json], old: &Json, place: Place) {
        match (now, fresh, old) {
            (Json::Object(now), Json::Object(fresh), Json::Object(old)) => {
                for (key, value) in now.iter_mut() {
                    let place = Place {
                        data: place.data || (place.secret && place.top && key == "data"),
                        annotation: place.annotation || key == "annotations",
                        top: false,
                        ..place
                    };
                    let others: Option<Vec<&Json>> = same.iter().map(|o| o.get(key)).collect();
                    match (fresh.get(key), others, old.get(key)) {
                        (Some(fresh), Some(others), Some(old)) => self.walk(value, fresh, &others, old, place),
                        _ => self.changed |= self.pass == Pass::Fields && !place.annotation,
                    }
                }
            }
            (Json::Array(now), Json::Array(fresh), Json::Array(old)) => {
                for (i, value) in now.iter_mut().enumerate() {
                    let named = value.get("name").cloned().filter(Json::is_string);
                    let before = match &named {
                        Some(name) => old.iter().find(|o| o.get("name") == Some(name)),
                        None => old.get(i),
                    };
                    let others: Option<Vec<&Json>> = same.iter().map(|o| o.get(i)).collect();
                    match (fresh.get(i), others, before) {
                        (Some(fresh), Some(others), Some(old)) => self.walk(value, fresh, &others, old, Place { top: false, ..place }),
                        _ => self.changed |= self.pass == Pass::Fields && !place.annotation,
                    }
                }
            }
            (now, fresh, old) if same.iter().all(|o| *o == fresh) => {
                self.changed |= self.pass == Pass::Fields && !place.annotation && now != old;
            }
            (now, fresh, old) => {
                self.drawn = true;
                self.text(now, fresh, same, old, place);
            }
        }
    }

    /// A text that is drawn, or has something drawn in it.
    fn text(&mut self, now: &mut Json, fresh: &Json, same: &[&Json], old: &Json, place: Place) {
        if place.annotation {
            if self.pass == Pass::Annotations && !self.changed && old.is_string() {
                now.clone_from(old);
            }
            return;
        }
        let read = |value: &Json| -> Option<String> {
            let text = value.as_str()?;
            if place.data { String::from_utf8(STANDARD.decode(text).ok()?).ok() } else { Some(text.to_owned()) }
        };
        let others: Option<Vec<String>> = same.iter().map(|o| read(o)).collect();
        let (Some(text), Some(others), Some(before)) = (read(fresh), others, read(old)) else {
            // What is no text was drawn as a whole.
            if self.pass == Pass::Fields && std::mem::discriminant(fresh) == std::mem::discriminant(old) && !old.is_object() {
                now.clone_from(old);
            }
            return;
        };
        match self.pass {
            Pass::Fields => match fits(&text, &others, &before) {
                Some(pairs) => {
                    self.known.extend(pairs.into_iter().filter(|(new, _)| new.len() >= TELLING));
                    now.clone_from(old);
                }
                None => self.changed = true,
            },
            Pass::Rest if *now == *fresh && *now != *old => {
                let kept = self.known.iter().fold(text.clone(), |text, (new, old)| text.replace(new, old));
                if kept != text {
                    *now = Json::String(if place.data { STANDARD.encode(kept) } else { kept });
                }
            }
            _ => {}
        }
    }
}

/// Where `before` is the same text as `now` but for what is drawn in it: what is drawn now, each with what was drawn before.
fn fits(now: &str, others: &[String], before: &str) -> Option<Vec<(String, String)>> {
    let (words, old) = (words(now), words(before));
    let others_words: Vec<Vec<&str>> = others.iter().map(|o| self::words(o)).collect();
    if others_words.iter().all(|o| o.len() == words.len()) {
        if old.len() != words.len() {
            return None;
        }
        let mut pairs = Vec::new();
        for (i, (word, old)) in words.iter().zip(&old).enumerate() {
            if others_words.iter().any(|o| o[i] != *word) {
                pairs.push(((*word).to_owned(), (*old).to_owned()));
            } else if word != old {
                return None;
            }
        }
        return Some(pairs);
    }
    // Something was drawn that is no single word, such as a certificate: only what is around it can be compared.
    let start = others.iter().map(|o| now.bytes().zip(o.bytes()).take_while(|(a, b)| a == b).count()).min()?;
    let end = others.iter().map(|o| now.bytes().rev().zip(o.bytes().rev()).take_while(|(a, b)| a == b).count()).min()?;
    let (head, tail) = (now.as_bytes().get(..start)?, now.as_bytes().get(now.len() - end.min(now.len() - start)..)?);
    let around = before.len() >= head.len() + tail.len() && before.as_bytes().starts_with(head) && before.as_bytes().ends_with(tail);
    around.then(|| vec![(now.to_owned(), before.to_owned())])
}

/// Letters and digits that stand together, and each other character by itself.
fn words(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = None;
    for (i, c) in text.char_indices() {
        if c.is_ascii_alphanumeric() {
            start.get_or_insert(i);
        } else {
            out.extend(start.take().map(|s| &text[s..i]));
            out.push(&text[i..i + c.len_utf8()]);
        }
    }
    out.extend(start.map(|s| &text[s..]));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Origin;
    use serde_json::json;

    fn doc(body: &Json) -> Doc {
        let text = yaml::to_string(body).trim_end().to_owned();
        Doc { path: "c/templates/a.yaml".into(), kind: String::new(), api_version: String::new(), name: String::new(), text, first_line: 0 }
    }

    fn object(kind: &str, rest: Json) -> Json {
        let mut body = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}});
        for (key, value) in rest.as_object().expect("a map") {
            body[key] = value.clone();
        }
        body
    }

    /// Renders `make` with the chances 1 to 5, beside what was made with chance 0 of `old`.
    fn kept(make: &dyn Fn(&str) -> Vec<Json>, old: &dyn Fn(&str) -> Vec<Json>) -> (Vec<Json>, bool) {
        let chance = |n: u32| format!("{}Chance{}", char::from(b'a' + u8::try_from(n).expect("small")), n * 7919);
        let render = |n| make(&chance(n)).iter().map(doc).collect::<Vec<_>>();
        let mut docs = render(1);
        let others: Vec<Vec<Doc>> = (2..6).map(render).collect();
        let others: Vec<&[Doc]> = others.iter().map(Vec::as_slice).collect();
        let before: Vec<Manifest> = old(&chance(0)).into_iter().map(|b| Manifest::new(b, Origin::default()).expect("an object")).collect();
        let drawn = keep(&mut docs, &others, &before);
        (docs.iter().map(|d| yaml::from_str(&d.text).expect("YAML")).collect(), drawn)
    }

    #[test]
    fn what_was_drawn_stays_with_all_that_holds_it() {
        let make = |host: &'static str| {
            move |chance: &str| {
                vec![
                    object(
                        "Secret",
                        json!({"data": {"password": STANDARD.encode(chance), "url": STANDARD.encode(format!("db://u:{chance}@{host}/x"))}}),
                    ),
                    object("ConfigMap", json!({"data": {"host": host, "config": format!("host={host}\ntoken={chance}\n")}})),
                    object("Pod", json!({"metadata": {"name": "a", "annotations": {"sum": format!("sum-{chance}")}}, "spec": {"a": 1}})),
                ]
            }
        };
        let (now, drawn) = kept(&make("one"), &make("one"));
        assert!(drawn);
        assert_eq!(now, make("one")("aChance0"), "nothing changed, and so nothing changes");
        let (now, _) = kept(&make("two"), &make("one"));
        let mut expect = make("two")("aChance0");
        expect[2]["metadata"]["annotations"]["sum"] = json!("sum-bChance7919");
        assert_eq!(now, expect, "what is not drawn is as it is wanted now; a checksum tells that something changed");
    }

    #[test]
    fn without_chance_nothing_is_kept() {
        let make = |level: &'static str| move |_: &str| vec![object("ConfigMap", json!({"data": {"level": level}}))];
        let (now, drawn) = kept(&make("two"), &make("one"));
        assert_eq!((now, drawn), (make("two")(""), false));
    }
}
