//! Texts, actions, control structures, variables, errors.

use super::{fails, renders};

#[test]
fn texts_and_trimming() {
    renders(&[
        ("a {{- 1 -}} b", "a1b"),
        ("a {{- /* c */}} b", "a b"),
        ("a {{/* c */ -}} b", "a b"),
        ("a{{- /* c */ -}}\n\u{a0}b", "a\u{a0}b"),
        ("{{ 1 }}\n{{- 2 }}\n", "12\n"),
        ("{{1 -}}  x", "1x"),
        ("{{ -3 }}", "-3"),
        ("{{`a\nb`}}", "a\nb"),
        ("{{ \"a\\tb\\u00e9\" }}", "a\tbé"),
        ("{{ 1 | }}", "1"),
    ]);
}

#[test]
fn numbers() {
    renders(&[
        ("{{ 1000000.0 }} {{ 1e6 }} {{ 100000.0 }} {{ .num }} {{ .big }}", "1e+06 1e+06 100000 3 1.234567e+06"),
        ("{{ 0x1F }} {{ 0o17 }} {{ 017 }} {{ 1_000 }} {{ 'a' }} {{ +1 }}", "31 15 15 1000 97 1"),
        ("{{ typeOf 1 }} {{ typeOf 1.0 }} {{ typeOf .num }} {{ typeOf (int .num) }}", "int float64 float64 int"),
    ]);
    fails(&[
        ("{{ 08 }}", "template: t:1: illegal number syntax: \"08\""),
        ("{{ 99999999999999999999 }}", "template: t:1: integer overflow: \"99999999999999999999\""),
        ("{{ 18446744073709551615 }}", "template: t:1:3: executing \"t\" at <18446744073709551615>: 18446744073709551615 overflows int"),
    ]);
}

#[test]
fn control() {
    renders(&[
        ("{{ if .no }}a{{ else if .num }}b{{ else }}c{{ end }}", "b"),
        ("{{ with .map }}{{ .a }}{{ else }}n{{ end }}", "1"),
        ("{{ with .no }}a{{ else with .map }}{{ .b }}{{ end }}", "2"),
        ("{{ range .list }}[{{ . }}]{{ end }}", "[x][y][z]"),
        ("{{ range $i, $e := .list }}{{ $i }}={{ $e }};{{ end }}", "0=x;1=y;2=z;"),
        ("{{ range $k, $v := .map }}{{ $k }}={{ $v }};{{ end }}", "a=1;b=2;"),
        ("{{ range .no }}a{{ else }}none{{ end }}", "none"),
        ("{{ range 3 }}{{ . }}{{ end }}", "012"),
        ("{{ range $i := 3 }}{{ $i }}{{ if eq $i 1 }}{{ break }}{{ end }}{{ end }}", "01"),
        ("{{ range .list }}{{ if eq . \"y\" }}{{ continue }}{{ end }}{{ . }}{{ end }}", "xz"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $x := 3 }}{{ end }}{{ $x }}", "2"),
        ("{{ $x := 1 }}{{ if .no }}{{ $x := 2 }}{{ else }}{{ $x }}{{ end }}", "1"),
        ("{{ $x := 1 }}{{ range .list }}{{ $x }}{{ $x = . }}{{ end }}{{ $x }}", "1xyz"),
        ("{{ range $x := .no }}{{ else }}{{ $x }}{{ end }}", ""),
        ("{{ define \"d\" }}<{{ . }}>{{ end }}{{ template \"d\" .num }}{{ template \"d\" }}", "<3><>"),
        ("{{ block \"b\" .map }}{{ .a }}{{ end }}", "1"),
        ("{{ ($y := 5) }}{{ $y }}", "55"),
    ]);
    fails(&[
        ("{{ if }}{{ end }}", "template: t:1: missing value for if"),
        ("{{ end }}", "template: t:1: unexpected {{end}}"),
        ("{{ if true }}", "template: t:1: unexpected EOF"),
        ("{{ break }}", "template: t:1: {{break}} outside {{range}}"),
        ("{{ nope }}", "template: t:1: function \"nope\" not defined"),
        ("{{ $x }}", "template: t:1: undefined variable \"$x\""),
        ("{{ $x = 1 }}", "template: t:1:3: executing \"t\" at <1>: undefined variable: $x"),
        ("{{ 1 | 2 }}", "template: t:1: non executable command in pipeline stage 2"),
        ("{{ \"a", "template: t:1: unterminated quoted string"),
        ("{{ (1 }}", "template: t:1: unclosed left paren"),
        ("{{ 1 ) }}", "template: t:1: unexpected right paren"),
        ("{{ .a. }}", "template: t:1: unexpected <.> in operand"),
        ("\n{{ if\n true", "template: t:3: unclosed action started at t:2"),
        ("{{ range $a, $b, $c := .x }}{{ end }}", "template: t:1: too many declarations in range"),
        ("{{ define \"a\" }}x{{ end }}{{ define \"a\" }}y{{ end }}", "template: t:1: template: multiple definition of template \"a\""),
        ("{{ template \"q\" . }}", "template: t:1:12: executing \"t\" at <{{template \"q\" .}}>: template \"q\" not defined"),
        ("{{ range .str }}{{ end }}", "template: t:1:9: executing \"t\" at <.str>: range can't iterate over s"),
        ("{{ nil }}", "template: t:1:3: executing \"t\" at <nil>: nil is not a command"),
        ("{{ 1 2 }}", "template: t:1:3: executing \"t\" at <1>: can't give argument to non-function 1"),
    ]);
}

#[test]
fn nil_has_two_forms() {
    renders(&[
        ("{{ .nope }}|{{ .map.nope }}|{{ $x := .nope }}{{ $x }}", "||"),
        ("{{ $x := .nope }}{{ $x.b | default \"d\" }}", "d"),
        ("{{ (.nope).b | default \"d\" }}", "d"),
        ("{{ $x := .nope }}{{ hasKey $x \"q\" }}", "false"),
        ("{{ printf \"%v\" .nope }}", "<nil>"),
        ("{{ quote .nope }}|{{ quote .nope 1 }}|{{ cat .nope \"a\" }}", "|\"1\"|a"),
        ("{{ define \"d\" }}{{ .nope }}{{ end }}{{ include \"d\" . | len }}", "10"),
        ("{{ define \"d\" }}{{ .nope }}{{ end }}{{ include \"d\" . | quote }}", "\"\""),
    ]);
    fails(&[
        ("{{ .nope.x }}", "template: t:1:8: executing \"t\" at <.nope.x>: nil pointer evaluating interface {}.x"),
        ("{{ .map.c.d.e }}", "template: t:1:7: executing \"t\" at <.map.c.d.e>: nil pointer evaluating interface {}.d"),
        (
            "{{ hasKey .nope \"q\" }}",
            "template: t:1:10: executing \"t\" at <.nope>: wrong type for value; expected map[string]interface {}; got interface {}",
        ),
        ("{{ $x := .nope }}{{ upper $x }}", "template: t:1:26: executing \"t\" at <$x>: invalid value; expected string"),
        ("{{ upper .nope }}", "template: t:1:9: executing \"t\" at <.nope>: wrong type for value; expected string; got interface {}"),
        ("{{ .str.x }}", "template: t:1:7: executing \"t\" at <.str.x>: can't evaluate field x in type interface {}"),
        ("{{ $x := .str }}{{ $x.y }}", "template: t:1:21: executing \"t\" at <$x.y>: can't evaluate field y in type string"),
        ("{{ range .list }}{{ .z }}{{ end }}", "template: t:1:20: executing \"t\" at <.z>: can't evaluate field z in type interface {}"),
        ("{{ len .nope }}", "template: t:1:3: executing \"t\" at <len .nope>: error calling len: len of nil pointer"),
    ]);
}

#[test]
fn comparisons() {
    renders(
        &[
            (
                "{{ eq 1 1 }} {{ eq .num 3.0 }} {{ eq \"a\" \"b\" \"a\" }} {{ ne 1 2 }} {{ lt 1 2 }} {{ ge 2 2 }}",
                "true true true true true true",
            ),
            ("{{ eq .nope nil }} {{ eq .nope \"\" }}", "true false"),
            ("{{ and 1 0 2 }} {{ or 0 \"\" 5 }} {{ not 1 }} {{ and }}", ""),
        ][..2],
    );
    renders(&[("{{ and 1 0 2 }} {{ or 0 \"\" 5 }} {{ not 1 }}", "0 5 false"), ("{{ and false (fail \"no\") }}", "false")]);
    fails(&[
        (
            "{{ eq .num 1 }}",
            "template: t:1:3: executing \"t\" at <eq .num 1>: error calling eq: incompatible types for comparison: float64 and int",
        ),
        (
            "{{ lt \"a\" 1 }}",
            "template: t:1:3: executing \"t\" at <lt \"a\" 1>: error calling lt: incompatible types for comparison: string and int",
        ),
        ("{{ eq 1 }}", "template: t:1:3: executing \"t\" at <eq 1>: error calling eq: missing argument for comparison"),
        ("{{ and }}", "template: t:1:3: executing \"t\" at <and>: wrong number of args for and: want at least 1 got 0"),
        ("{{ index .list 5 }}", "template: t:1:3: executing \"t\" at <index .list 5>: error calling index: index out of range: 5"),
        ("{{ index .nope 5 }}", "template: t:1:3: executing \"t\" at <index .nope 5>: error calling index: index of untyped nil"),
    ]);
}

#[test]
fn include_and_tpl() {
    renders(&[
        ("{{ define \"d\" }}{{ . }}{{ end }}{{ include \"d\" 5 | quote }}", "\"5\""),
        ("{{ tpl \"{{ .str }}-{{ .nope }}\" . }}", "s-"),
        (
            "{{ define \"d\" }}old{{ end }}{{ tpl `{{ define \"d\" }}new{{ end }}{{ include \"d\" . }}` . }} {{ include \"d\" . }}",
            "new old",
        ),
        ("{{ tpl \"plain\" . }}", "plain"),
    ]);
    fails(&[
        (
            "{{ include \"q\" . }}",
            "template: t:1:3: executing \"t\" at <include \"q\" .>: error calling include: template: no template \"q\" associated with template \"gotpl\"",
        ),
        (
            "{{ define \"d\" }}\n{{ .a.b }}{{ end }}{{ include \"d\" . }}",
            "template: t:2:23: executing \"t\" at <include \"d\" .>: error calling include: template: t:2:5: executing \"d\" at <.a.b>: nil pointer evaluating interface {}.b",
        ),
        (
            "{{ tpl \"{{ .a.b }}\" . }}",
            "template: t:1:3: executing \"t\" at <tpl \"{{ .a.b }}\" .>: error calling tpl: error during tpl function execution for \"{{ .a.b }}\": template: gotpl:1:5: executing \"gotpl\" at <.a.b>: nil pointer evaluating interface {}.b",
        ),
        (
            "{{ tpl \"{{ \" . }}",
            "template: t:1:3: executing \"t\" at <tpl \"{{ \" .>: error calling tpl: cannot parse template \"{{ \": template: gotpl:1: unclosed action",
        ),
    ]);
}
