//! Differences that are explained and stay: each is in `docs/shortcomings.md`.

use super::case::{Case, Outcome};

/// The cause of a difference, where it has a known one.
pub(crate) fn explains(case: &Case, mine: &Outcome, theirs: &Outcome) -> Option<&'static str> {
    let (mine, theirs) = (text(mine), text(theirs));
    let calls = |function: &str| case.main.contains(function) || case.helpers.contains(function);
    let rules = [
        ("No number of a template is a complex one here.", mine.contains("complex constants are not supported")),
        (
            "Templates that call themselves end sooner here: a thread's stack does not grow as Go's does.",
            theirs.replace("(100000)", "(12000)") == mine,
        ),
        ("`now` prints without the reading of Go's monotonic clock, whose digits vary.", calls("now") && calls("len")),
        (
            "TOML is read by a library with words, dates and types of its own.",
            calls("fromToml") && (calls("= 2020-01-01") || calls("12:30:00") || calls("[[x]]") || theirs.contains("toml: ")),
        ),
        (
            "Floats in base 16 and 2.",
            ["x1P", "x1p", "X1P", "x0p", "X0P", "P+", "P-", "p+", "p-"].iter().any(|mark| theirs.contains(mark) && !mine.contains(mark)),
        ),
        (
            "A slice can be cut beyond its length where Go made room for more.",
            mine.contains("slice index out of bounds") && !theirs.contains("slice index out of bounds"),
        ),
        (
            "A file that is not there, taken by field and not by a method, is a nil slice of bytes in Go, and empty here.",
            (calls(".Files.nope") || calls(".Files.Nope")) && theirs.contains("null"),
        ),
        (
            "goyaml v3 writes bytes as a list of numbers, and times without quotes.",
            calls("toYamlPretty") && (calls(".Files") || calls("Date") || calls("date")),
        ),
        (
            "Text that is no UTF-8 is read as U+FFFD by functions that look at characters and not at bytes.",
            calls("b64dec")
                && (["\u{fffd}", "\\ufffd", "\\xef\\xbf\\xbd"].iter().any(|mark| mine.contains(mark))
                    || theirs.contains("UTF-8")
                    || calls("initials")),
        ),
        ("Bytes inside of other values are `[]uint8` in Go syntax.", theirs.contains("[]uint8{") && mine.contains("[]byte{")),
        ("Bytes inside of other values are `[]uint8` in Go syntax.", theirs.contains("[]byte(nil)")),
        (
            "A copy of a version is empty in Go, which cannot copy its fields; TOML has it as a text.",
            calls("semver") && (calls("eepCopy") || calls("toToml")),
        ),
        (
            "A copy of a version is empty in Go, which cannot copy its fields; TOML has it as a text.",
            theirs.contains("cannot encode array with nil element"),
        ),
        ("A part of a slice of bytes is a list here.", calls("lice") && calls("GetBytes")),
        (
            "A key that does not parse and an argument that does not fit are complained of in another order.",
            calls("WithKey") && mine.contains("error calling gen") && theirs.contains("error calling gen"),
        ),
        ("A map of strings takes any value here.", theirs.contains("is not assignable to type string")),
        ("A pointer in the words of `range`.", mine.contains("range can't iterate over &{")),
        (
            "`call` names what is no function by its type where it comes through a pipe.",
            theirs.contains("error calling call: non-function") && mine.contains("error calling call: non-function"),
        ),
        ("mergo looks into structs, and stumbles.", theirs.contains("reflect: call of reflect.Value.Field on map Value")),
        ("The YAML method of values that contain themselves is empty here.", theirs.contains("error calling YAML: ")),
        ("The length of text that is no UTF-8 counts U+FFFD where it went through characters.", calls("b64dec") && calls("len")),
        (
            "A list of strings made of a nil one is empty here, not nil.",
            calls("regexFindAll") && (calls("toStrings") || calls("sortAlpha")),
        ),
        (
            "A list of strings made of a nil one is empty here, not nil.",
            calls("toYamlPretty") && (calls(".Capabilities") || calls("toYamlPretty $") || calls("toYamlPretty .")),
        ),
        (
            "The length of a text with an address in it.",
            calls("len") && matches!((mine.parse::<i64>(), theirs.parse::<i64>()), (Ok(a), Ok(b)) if (a - b).abs() <= 4),
        ),
        ("Go's `Local` is UTC here, and prints as that.", theirs.contains("time.Local") && mine.contains("time.UTC")),
        (
            "Structs are written to TOML and by goyaml v3 with their Go names and order: only `.Chart` and `.Capabilities` are structs.",
            (calls("toYamlPretty") || calls("toToml")) && STRUCTS.iter().any(|field| theirs.contains(field)),
        ),
    ];
    rules.iter().find(|r| r.1).map(|r| r.0)
}

const STRUCTS: [&str; 6] = ["kubeversion:", "apiversions:", "isroot:", "APIVersions = ", "IsRoot = ", "KubeVersion = "];

fn text(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Text(text) | Outcome::Error(text) | Outcome::Panic(text) => text,
    }
}
