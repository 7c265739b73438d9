//! Hostile templates end with an error.

use super::*;

fn fails(template: &str, limits: Limits, expect: &str) {
    let template = template.to_owned();
    let expect = expect.to_owned();
    with_stack(move || match render_within(&template, limits) {
        Ok(text) => panic!("{template}: gave {} bytes", text.len()),
        Err(err) => assert!(err.text().ends_with(&expect), "{template}: {}", &err.text()[err.text().len().saturating_sub(300)..]),
    })
    .unwrap();
}

#[test]
fn recursion() {
    let unlimited = Limits::default();
    fails(
        r#"{{ define "r" }}{{ include "r" . }}{{ end }}{{ include "r" . }}"#,
        unlimited.clone(),
        "error calling include: rendering template has a nested reference name: r: unable to execute template",
    );
    fails(
        r#"{{ define "r" }}{{ template "r" . }}{{ end }}{{ template "r" . }}"#,
        unlimited.clone(),
        "exceeded maximum template depth (12000)",
    );
    fails(
        r#"{{ define "r" }}{{ if true }}{{ range $i := 1 }}{{ with 1 }}{{ template "r" . }}{{ end }}{{ end }}{{ end }}{{ end }}{{ template "r" . }}"#,
        unlimited,
        "exceeded maximum template depth (12000)",
    );
    fails(&format!("{{{{ {}1{} }}}}", "(".repeat(20_000), ")".repeat(20_000)), Limits::default(), "max expression depth exceeded");
    fails(&format!("{}{}", "{{ if true }}".repeat(20_000), "{{ end }}".repeat(20_000)), Limits::default(), "max expression depth exceeded");
}

#[test]
fn sizes() {
    let small = Limits { steps: 40_000, bytes: 1 << 20, items: 1_000, ..Limits::default() };
    let bytes = "render budget of 1048576 bytes is used up";
    let steps = "render budget of 40000 steps is used up";
    for (template, expect) in [
        ("{{ range until 5000 }}{{ end }}", "a sequence of 5000 elements is over the limit of 1000"),
        ("{{ range 5000 }}{{ end }}", "a sequence of 5000 elements is over the limit of 1000"),
        ("{{ seq 5000 }}", "a sequence of 5000 elements is over the limit of 1000"),
        ("{{ range 500 }}{{ range 500 }}{{ end }}{{ end }}", steps),
        ("{{ repeat 1000000000 \"aaaa\" }}", bytes),
        ("{{ $x := \"aaaaaaaa\" }}{{ range 100 }}{{ $x = printf \"%s%s\" $x $x }}{{ end }}", bytes),
        ("{{ $x := list 1 }}{{ range 100 }}{{ $x = concat $x $x }}{{ end }}", bytes),
        ("{{ $d := dict }}{{ range $i := 900 }}{{ range $j := 900 }}{{ $_ := set $d (print $i \" \" $j) $d }}{{ end }}{{ end }}", steps),
        ("{{ indent 1000000000 \"a\" }}", bytes),
        ("{{ randAlphaNum 1000000000 }}", bytes),
        ("{{ replace \"a\" (repeat 10000 \"b\") (repeat 10000 \"a\") }}", bytes),
        ("{{ regexReplaceAll \"a\" (repeat 10000 \"a\") (repeat 10000 \"b\") }}", bytes),
        ("{{ wrapWith 1 (repeat 10000 \"b\") (repeat 10000 \"a \") }}", bytes),
        ("{{ join (repeat 10000 \"b\") (until 900) }}", bytes),
    ] {
        fails(template, small.clone(), expect);
    }
}

#[test]
fn deep_and_cyclic_values() {
    with_stack(|| {
        let deep = "{{ $x := dict }}{{ range until 100000 }}{{ $x = dict \"a\" $x }}{{ end }}";
        for (template, expect) in [
            (format!("{deep}{{{{ toYaml $x | len }}}} {{{{ toJson $x | len }}}} {{{{ deepEqual $x $x }}}}"), Ok("0 0 true")),
            ("{{ $x := dict }}{{ $_ := set $x \"a\" $x }}{{ toYaml $x }}{{ toJson $x }}.".to_owned(), Ok(".")),
            ("{{ $_ := set . \"self\" . }}{{ .self.self.self.Release.Name }}".to_owned(), Ok("rel")),
            (format!("{deep}{{{{ deepCopy $x }}}}"), Err("nested too deeply or contains itself")),
            (format!("{deep}{{{{ merge $x (deepCopy $x) }}}}"), Err("nested too deeply or contains itself")),
        ] {
            match (render(&template), expect) {
                (Ok(text), Ok(expect)) => assert_eq!(text, expect),
                (Err(err), Err(expect)) => assert!(err.text().ends_with(expect), "{err}"),
                (got, _) => panic!("{template}: {got:?}"),
            }
        }
    })
    .unwrap();
}

#[test]
fn parsing_fits_a_common_stack() {
    let ifs = format!("{}x{}", "{{ if true }}".repeat(299), "{{ end }}".repeat(299));
    let parens = format!("{{{{ {}1{} }}}}", "(".repeat(299), ")".repeat(299));
    let chain = format!("{{{{ if false }}}}{}x{{{{ end }}}}", "{{ else if false }}".repeat(900));
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(move || {
            let engine = Engine::new(Limits::default());
            assert!(engine.parse("t", &ifs).is_ok());
            assert!(engine.parse("t", &parens).is_ok());
            assert!(engine.parse("t", &chain).is_ok());
        })
        .unwrap()
        .join()
        .unwrap();
}
