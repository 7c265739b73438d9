//! The patterns by which Masterminds/semver reads versions and constraints (version.go, constraints.go), by hand: compiling
//! them takes longer than most charts take to render. In none of them does a shorter match of a part let the rest match
//! where the longest does not, so nothing is ever taken back.

/// A reader of one text.
pub(super) struct Scan<'t> {
    text: &'t str,
    at: usize,
}

/// The parts of a version as they are written, without their marks; empty where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts<'t> {
    pub(super) major: &'t str,
    pub(super) minor: &'t str,
    pub(super) patch: &'t str,
    pub(super) prerelease: &'t str,
    pub(super) metadata: &'t str,
}

/// An operator and a version in which parts may be wildcards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Condition<'t> {
    pub(super) operator: &'t str,
    pub(super) version: &'t str,
    pub(super) parts: Parts<'t>,
}

/// `from - to` with the blanks around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range<'t> {
    pub(super) text: &'t str,
    pub(super) from: &'t str,
    pub(super) to: &'t str,
    /// Where the text goes on.
    pub(super) end: usize,
}

/// Longer ones before those that they begin with.
const OPERATORS: [&str; 10] = ["!=", ">=", "=>", "<=", "=<", "~>", "=", ">", "<", "~"];

impl<'t> Scan<'t> {
    pub(super) fn new(text: &'t str) -> Scan<'t> {
        Scan { text, at: 0 }
    }

    /// The whole text as a version of numbers: `semver.looseSemVerRegex`.
    pub(super) fn loose_version(mut self) -> Option<Parts<'t>> {
        let parts = self.version(|b| b.is_ascii_digit())?;
        (self.at == self.text.len()).then_some(parts)
    }

    /// The whole text as conditions with blanks or commas between them: `semver.validConstraintRegex`.
    pub(super) fn conditions(mut self) -> Option<Vec<Condition<'t>>> {
        self.blanks();
        let mut found = vec![self.condition()?];
        while self.at < self.text.len() {
            let apart = self.blanks() > 0;
            if self.at == self.text.len() {
                break;
            }
            if self.eat(",") {
                self.blanks();
            } else if !apart {
                return None;
            }
            found.push(self.condition()?);
        }
        Some(found)
    }

    /// The first range from here on: `semver.constraintRangeRegex`.
    pub(super) fn range(mut self, from: usize) -> Option<Range<'t>> {
        let dash = from + self.text.get(from..)?.rfind('-')?;
        for start in (from..dash).filter(|at| self.text.is_char_boundary(*at)) {
            self.at = start;
            if let Some((from, to)) = self.range_here() {
                return Some(Range { text: &self.text[start..self.at], from, to, end: self.at });
            }
        }
        None
    }

    fn range_here(&mut self) -> Option<(&'t str, &'t str)> {
        self.blanks();
        let from = self.wildcards()?.0;
        if self.blanks() == 0 || !self.eat("-") || self.blanks() == 0 {
            return None;
        }
        let to = self.wildcards()?.0;
        self.blanks();
        Some((from, to))
    }

    fn condition(&mut self) -> Option<Condition<'t>> {
        let start = self.at;
        let _ = OPERATORS.iter().any(|operator| self.eat(operator)) || self.eat("^");
        let operator = &self.text[start..self.at];
        self.blanks();
        let (version, parts) = self.wildcards()?;
        Some(Condition { operator, version, parts })
    }

    /// A version whose numbers may be wildcards, and its text: `semver.cvRegex`, which takes `|` for one, too.
    fn wildcards(&mut self) -> Option<(&'t str, Parts<'t>)> {
        let start = self.at;
        let parts = self.version(|b| b.is_ascii_digit() || matches!(b, b'x' | b'X' | b'*' | b'|'))?;
        Some((&self.text[start..self.at], parts))
    }

    fn version(&mut self, of_number: fn(u8) -> bool) -> Option<Parts<'t>> {
        self.eat("v");
        let major = self.run(of_number);
        if major.is_empty() {
            return None;
        }
        let minor = self.marked(".", |scan| scan.run(of_number));
        let patch = self.marked(".", |scan| scan.run(of_number));
        let prerelease = self.marked("-", Self::identifiers);
        let metadata = self.marked("+", Self::identifiers);
        Some(Parts { major, minor, patch, prerelease, metadata })
    }

    /// What stands behind a mark; without it the mark is not taken either.
    fn marked(&mut self, mark: &str, read: impl FnOnce(&mut Self) -> &'t str) -> &'t str {
        let start = self.at;
        let found = if self.eat(mark) { read(self) } else { "" };
        if found.is_empty() {
            self.at = start;
        }
        found
    }

    /// Letters, digits and hyphens with single dots between them.
    fn identifiers(&mut self) -> &'t str {
        let start = self.at;
        let of_identifier = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if !self.run(of_identifier).is_empty() {
            while !self.marked(".", |scan| scan.run(of_identifier)).is_empty() {}
        }
        &self.text[start..self.at]
    }

    fn eat(&mut self, word: &str) -> bool {
        let there = self.text[self.at..].starts_with(word);
        self.at += if there { word.len() } else { 0 };
        there
    }

    /// How many blanks were stepped over; Go's `\s`.
    fn blanks(&mut self) -> usize {
        self.run(|b| matches!(b, b'\t' | b'\n' | 0x0c | b'\r' | b' ')).len()
    }

    fn run(&mut self, of: impl Fn(u8) -> bool) -> &'t str {
        let rest = &self.text[self.at..];
        let len = rest.bytes().take_while(|b| of(*b)).count();
        self.at += len;
        &rest[..len]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::Regex;
    use std::sync::LazyLock;

    const VERSION: &str = r"v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?";
    const OPERATOR: &str = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^";

    /// A pattern in which `\s` has Go's meaning.
    fn pattern(text: &str) -> Regex {
        Regex::new(&text.replace(r"\s", r"[\t\n\x0c\r ]")).unwrap()
    }

    static LOOSE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?(?:\+([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?$",
        )
    });
    static VALID: LazyLock<Regex> =
        LazyLock::new(|| pattern(&format!(r"^(\s*({OPERATOR})\s*({VERSION})\s*)((?:\s+|,\s*)({OPERATOR})\s*({VERSION})\s*)*$")));
    static FIND: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"({OPERATOR})\s*({VERSION})")));
    static ONE: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"^\s*({OPERATOR})\s*({VERSION})\s*$")));
    static RANGE: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"\s*(?<from>{VERSION})\s+-\s+(?<to>{VERSION})\s*")));

    fn parts<'t>(found: &regex::Captures<'t>, groups: [usize; 5]) -> Parts<'t> {
        let [major, minor, patch, prerelease, metadata] = groups.map(|i| found.get(i).map_or("", |m| m.as_str()).trim_start_matches('.'));
        Parts { major, minor, patch, prerelease, metadata }
    }

    fn conditions(text: &str) -> Option<Vec<Condition<'_>>> {
        VALID.is_match(text).then(|| {
            let one = |m: regex::Match<'_>| &text[m.range()];
            let found = FIND.find_iter(text).map(one).map(|text| ONE.captures(text).unwrap());
            found
                .map(|found| Condition {
                    operator: found.get(1).unwrap().as_str(),
                    version: found.get(2).unwrap().as_str(),
                    parts: parts(&found, [3, 4, 5, 7, 10]),
                })
                .collect()
        })
    }

    fn near_version() -> impl Strategy<Value = String> {
        "v?[0-9xX*|]{0,2}(\\.[0-9xX*]{0,2}){0,3}(-[a0.-]{0,4})?(\\+[a0.-]{0,4})?"
    }

    fn near_constraint() -> impl Strategy<Value = String> {
        prop::collection::vec(("[ \t,-]{0,3}", "[!=<>~^]{0,2}", "[ \x0b]{0,2}", near_version()), 0..4)
            .prop_map(|parts| parts.into_iter().map(|(a, b, c, d)| a + &b + &c + &d).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

        #[test]
        fn versions_are_read_as_by_the_pattern(text in prop_oneof![near_version(), "[v0-9.+é-]{0,9}"]) {
            prop_assert_eq!(Scan::new(&text).loose_version(), LOOSE.captures(&text).map(|found| parts(&found, [1, 2, 3, 4, 5])));
        }

        #[test]
        fn constraints_are_read_as_by_the_patterns(text in prop_oneof![near_constraint(), "[ v1x.*|+,<>=~^!aé-]{0,12}"]) {
            prop_assert_eq!(Scan::new(&text).conditions(), conditions(&text));
        }

        #[test]
        fn ranges_are_found_as_by_the_pattern(text in prop_oneof![near_constraint(), "[ v1x.*|+,é-]{0,12}", "([ 1.x-]{1,4} - [ 1.x-]{1,4}){1,3}"]) {
            let mut from = 0;
            let mut found = Vec::new();
            while let Some(range) = Scan::new(&text).range(from) {
                from = range.end;
                found.push((range.text, range.from, range.to));
            }
            let wanted: Vec<_> =
                RANGE.captures_iter(&text).map(|c| (c.get(0).unwrap().as_str(), c.name("from").unwrap().as_str(), c.name("to").unwrap().as_str())).collect();
            prop_assert_eq!(found, wanted);
        }
    }
}
