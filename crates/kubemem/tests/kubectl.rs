//! A session of kubectl against the program: `KUBECTL=kubectl cargo test -p kubemem --test kubectl`; without `KUBECTL` nothing is tested, and that is said.
//!
//! What is expected in `kubectl/recorded.txt` was seen on a kube-apiserver, controller-manager and scheduler 1.36, by
//! `KUBECTL=kubectl KUBECONFIG=FILE kubectl/session.sh > kubectl/recorded.txt` on a throwaway cluster whose pods become ready.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Commands whose output differs, and why.
const KNOWN: &[(&str, &str)] = &[("api-versions", "autoscaling/v1 is not served")];

/// What is seen of each command, in order; a command that comes again is told apart by its number.
fn sections(transcript: &str) -> Vec<(String, String)> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut out: Vec<(String, String)> = Vec::new();
    for line in transcript.lines() {
        match (line.strip_prefix("$ kubectl "), out.last_mut()) {
            (Some(command), _) => {
                let time = seen.entry(command).and_modify(|n| *n += 1).or_insert(1);
                out.push((format!("{command} ({time})"), String::new()));
            }
            (None, Some((_, text))) => *text = format!("{text}{line}\n"),
            (None, None) => {}
        }
    }
    out
}

#[test]
fn a_session_is_as_on_a_cluster() {
    let Ok(kubectl) = std::env::var("KUBECTL") else {
        println!("KUBECTL is not set: no session of kubectl was tried");
        return;
    };
    let folder = std::env::temp_dir().join(format!("kubemem-kubectl-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let kubeconfig = folder.join("kubeconfig");
    let mut server = Command::new(env!("CARGO_BIN_EXE_kubemem")).arg("--tls").arg("--kubeconfig").arg(&kubeconfig).spawn().unwrap();
    for _ in 0..1000 {
        if std::fs::read_to_string(&kubeconfig).is_ok_and(|text| text.ends_with('}')) {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubectl");
    let session = Command::new("bash").arg(here.join("session.sh")).env("KUBECTL", kubectl).env("KUBECONFIG", &kubeconfig).output();
    server.kill().unwrap();
    server.wait().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let seen = sections(&String::from_utf8(session.unwrap().stdout).unwrap());
    let expected = sections(&std::fs::read_to_string(here.join("recorded.txt")).unwrap());
    assert_eq!(
        seen.iter().map(|(command, _)| command).collect::<Vec<_>>(),
        expected.iter().map(|(command, _)| command).collect::<Vec<_>>()
    );
    let mut wrong = String::new();
    for ((command, seen), (_, expected)) in seen.iter().zip(&expected) {
        let known = KNOWN.iter().find(|(start, _)| command.starts_with(start));
        match (seen == expected, known) {
            (false, None) => wrong.push_str(&format!("$ kubectl {command}\n--- a cluster\n{expected}--- here\n{seen}\n")),
            (true, Some((_, why))) => wrong.push_str(&format!("$ kubectl {command}\ndoes not differ any more: {why}\n")),
            _ => {}
        }
    }
    println!("{} commands, {} known to differ", seen.len(), KNOWN.len());
    assert!(wrong.is_empty(), "{wrong}");
}
