//! What is random stays as it was at the first render, and nobody without the key can know it.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use helmward_chart::chart::{Chart, LoadLimits, load_tree};
use helmward_chart::render::{Input, ReleaseInfo, helm_template_capabilities, render};
use helmward_chart::template::{Keyed, Place, Time};
use serde_json::Map;

const HERE: Place<'_> = Place { cluster: "k", namespace: "ns", release: "rel", chart: "c" };

/// A line for each function that asks for random bytes.
const CALLS: &[(&str, &str)] = &[
    ("alphanum", "{{ randAlphaNum 24 }}"),
    ("alpha", "{{ randAlpha 24 }}"),
    ("ascii", "{{ randAscii 24 | b64enc }}"),
    ("numeric", "{{ randNumeric 24 }}"),
    ("bytes", "{{ randBytes 24 }}"),
    ("int", "{{ randInt 0 1000000000000000 }}"),
    ("uuid", "{{ uuidv4 }}"),
    ("shuffle", "{{ shuffle \"abcdefghijklmnopqrstuvwxyz0123456789\" }}"),
    ("aes", "{{ encryptAES \"key\" \"secret\" }}"),
    ("ecdsa", "{{ genPrivateKey \"ecdsa\" | b64enc }}"),
    ("ed25519", "{{ genPrivateKey \"ed25519\" | b64enc }}"),
    ("ca", "{{ $ca := genCAWithKey \"ca\" 365 (genPrivateKey \"ecdsa\") }}{{ print $ca.Cert $ca.Key | b64enc }}"),
    (
        "self-signed",
        "{{ $c := genSelfSignedCertWithKey \"a\" (list \"10.0.0.1\") (list \"b\") 365 (genPrivateKey \"ecdsa\") }}{{ print $c.Cert $c.Key | b64enc }}",
    ),
    (
        "signed",
        "{{ $ca := genCAWithKey \"ca\" 365 (genPrivateKey \"ecdsa\") }}{{ $c := genSignedCertWithKey \"a\" nil nil 365 $ca (genPrivateKey \"ecdsa\") }}{{ print $c.Cert $c.Key | b64enc }}",
    ),
];

/// Functions that take seconds without optimisation.
const SLOW: [&str; 4] = [
    "{{ bcrypt \"secret\" }}",
    "{{ htpasswd \"user\" \"secret\" }}",
    "{{ genPrivateKey \"rsa\" | b64enc }}",
    "{{ $ca := genCA \"ca\" 365 }}{{ $c := genSignedCert \"a\" nil nil 365 $ca }}{{ print $ca.Cert $ca.Key $c.Cert $c.Key | b64enc }}",
];

fn chart(files: &[(&str, String)]) -> Chart {
    let own = ("Chart.yaml".to_owned(), Bytes::from_static(b"apiVersion: v2\nname: c\nversion: 1.0.0\n"));
    load_tree(files.iter().map(|(name, text)| ((*name).to_owned(), Bytes::from(text.clone()))).chain([own]), &LoadLimits::default())
        .unwrap()
}

fn calls() -> String {
    CALLS.iter().map(|(name, call)| format!("{name}: '{call}'\n")).collect()
}

/// What the file of this name comes to, by key.
fn rendered(chart: &Chart, file: &str, key: &[u8], place: Place<'_>, now: i64) -> BTreeMap<String, String> {
    let (user, capabilities) = (Map::new(), helm_template_capabilities());
    let release = ReleaseInfo::install(place.release, place.namespace);
    let input = Input::new(chart, &user, release, &capabilities, Time::unix(now, 0), Arc::new(Keyed::new(key, place)));
    let rendered = render(&input).unwrap();
    let doc = rendered.manifests.iter().find(|doc| doc.path.ends_with(file)).unwrap();
    doc.text.lines().filter_map(|line| line.split_once(": ")).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

#[test]
fn a_render_again_gives_the_same_bytes() {
    let files = [("templates/a.yaml", calls() + "now: '{{ now | unixEpoch }}'\n")];
    let first = rendered(&chart(&files), "a.yaml", b"key", HERE, 1_700_000_000);
    assert_eq!(first.len(), CALLS.len() + 1);
    assert_eq!(rendered(&chart(&files), "a.yaml", b"key", HERE, 1_700_000_000), first);
    let chart = chart(&files);
    assert_eq!(rendered(&chart, "a.yaml", b"key", HERE, 1_700_000_000), first);
    assert_eq!(rendered(&chart, "a.yaml", b"key", HERE, 1_700_000_000), first, "one chart, rendered twice");
}

#[test]
fn all_that_they_depend_on_changes_them() {
    let files = [("templates/a.yaml", calls())];
    let chart = chart(&files);
    let first = rendered(&chart, "a.yaml", b"key", HERE, 0);
    for (what, key, place) in [
        ("key", &b"yek"[..], HERE),
        ("cluster", b"key", Place { cluster: "k2", ..HERE }),
        ("namespace", b"key", Place { namespace: "ns2", ..HERE }),
        ("release", b"key", Place { release: "rel2", ..HERE }),
        ("chart", b"key", Place { chart: "c2", ..HERE }),
        ("parts run together", b"key", Place { cluster: "kn", namespace: "s", ..HERE }),
    ] {
        let other = rendered(&chart, "a.yaml", key, place, 0);
        for (name, value) in &first {
            assert_ne!(value, &other[name], "{name} does not depend on the {what}");
        }
    }
}

#[test]
fn a_call_depends_on_its_place_and_not_on_other_files() {
    let text = calls();
    let alone = rendered(&chart(&[("templates/m.yaml", text.clone())]), "m.yaml", b"key", HERE, 0);
    let among = chart(&[
        ("templates/m.yaml", text.clone()),
        ("templates/a.yaml", "a: '{{ randAlphaNum 9 }}'".to_owned()),
        ("templates/z.yaml", text.clone()),
    ]);
    assert_eq!(rendered(&among, "m.yaml", b"key", HERE, 0), alone, "files before and behind");
    let other_file = rendered(&among, "z.yaml", b"key", HERE, 0);
    let later = rendered(&chart(&[("templates/m.yaml", "x: '{{ uuidv4 }}'\n".to_owned() + &text)]), "m.yaml", b"key", HERE, 0);
    let twice = chart(&[("templates/m.yaml", "a: '{{ uuidv4 }}'\nb: '{{ uuidv4 }}'".to_owned())]);
    let twice = rendered(&twice, "m.yaml", b"key", HERE, 0);
    assert_ne!(twice["a"], twice["b"], "number of the call");
    for (name, value) in &alone {
        assert_ne!(value, &other_file[name], "{name} does not depend on the file");
        assert_ne!(value, &later[name], "{name} does not depend on the number of its call");
    }
}

#[test]
fn slow_functions_come_back_under_their_key_only() {
    std::thread::scope(|scope| {
        for call in SLOW {
            let made = |key: &'static [u8]| {
                let files = [("templates/a.yaml", format!("a: '{call}'\n"))];
                scope.spawn(move || rendered(&chart(&files), "a.yaml", key, HERE, 0)["a"].clone())
            };
            let [first, again, other] = [made(b"key"), made(b"key"), made(b"yek")].map(|made| made.join().unwrap());
            assert_eq!(first, again, "{call}");
            assert_ne!(first, other, "{call}");
        }
    });
}

#[test]
fn certificates_have_the_dates_of_the_time_given() {
    let files = [("templates/a.yaml", calls())];
    let chart = chart(&files);
    let (first, later) = (rendered(&chart, "a.yaml", b"key", HERE, 0), rendered(&chart, "a.yaml", b"key", HERE, 86_400));
    for (name, value) in &first {
        let dated = matches!(name.as_str(), "ca" | "self-signed" | "signed");
        assert_eq!(value != &later[name], dated, "{name}");
    }
}

#[test]
fn passwords_by_the_master_password_scheme_need_no_key() {
    // by `helm template` of v3.22.0
    let files = [("templates/a.yaml", "a: '{{ derivePassword 1 \"long\" \"password\" \"user\" \"example.com\" }}'\n".to_owned())];
    for key in [b"key", b"yek"] {
        assert_eq!(rendered(&chart(&files), "a.yaml", key, HERE, 0)["a"], "'ZedaFaxcZaso9*'");
    }
}
