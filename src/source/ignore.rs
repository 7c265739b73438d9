//! Ignore rules: the gitignore grammar of `.sourceignore` files and `spec.ignore`, and the exclusions that hold without any.
//!
//! Rules are judged per file, not per directory, so that `/*` followed by `!/deploy` keeps everything under `deploy`,
//! as Flux does (and git itself does not).

/// Never part of a source.
const VCS: &[&str] = &[".git/", ".gitignore", ".gitmodules", ".gitattributes"];

/// Left out as long as nobody wrote a rule of their own.
const DEFAULTS: &[&str] = &[
    "*.jpg",
    "*.jpeg",
    "*.gif",
    "*.png",
    "*.wmv",
    "*.flv",
    "*.tar.gz",
    "*.zip",
    ".github/",
    ".circleci/",
    ".travis.yml",
    ".gitlab-ci.yml",
    "appveyor.yml",
    ".drone.yml",
    "cloudbuild.yaml",
    "codeship-services.yml",
    "codeship-steps.yml",
    "**/.goreleaser.yml",
    "**/.sops.yaml",
    "**/.flux.yaml",
];

/// Ordered rules; the last one that matches a path decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IgnoreRules {
    rules: Vec<Rule>,
}

impl IgnoreRules {
    /// Adds the lines of one file, which hold below `domain` (a directory, empty for the root).
    pub fn add(&mut self, domain: &str, text: &str) {
        let domain: Vec<String> = domain.split('/').filter(|part| !part.is_empty()).map(Into::into).collect();
        self.rules.extend(text.lines().filter_map(|line| Rule::parse(line, &domain)));
    }

    /// True where nobody wrote a rule, so that only the default exclusions hold.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rules with the built-in ones before them. The file type and CI exclusions hold only where there are no others.
    #[must_use]
    pub fn with_defaults(self) -> Self {
        let mut all = Self::default();
        VCS.iter().for_each(|line| all.add("", line));
        if self.is_empty() {
            DEFAULTS.iter().for_each(|line| all.add("", line));
        }
        all.rules.extend(self.rules);
        all
    }

    /// Whether a file, given by its path from the root, is left out.
    #[must_use]
    pub fn excludes(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        self.rules.iter().rev().find(|rule| rule.matches(&parts)).is_some_and(|rule| !rule.keep)
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    domain: Vec<String>,
    /// The line began with `!`.
    keep: bool,
    /// The line ended with `/`.
    dir_only: bool,
    /// The line holds a slash before its end, so it is bound to the domain.
    anchored: bool,
    parts: Vec<String>,
}

impl Rule {
    fn parse(line: &str, domain: &[String]) -> Option<Self> {
        if line.starts_with('#') || line.trim().is_empty() {
            return None;
        }
        let (keep, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let line = if line.ends_with("\\ ") { line } else { line.trim_end_matches(' ') };
        let (dir_only, line) = line.strip_suffix('/').map_or((false, line), |rest| (true, rest));
        let parts = line.split('/').map(Into::into).collect();
        Some(Self { domain: domain.to_vec(), keep, dir_only, anchored: line.contains('/'), parts })
    }

    fn matches(&self, path: &[&str]) -> bool {
        if path.len() <= self.domain.len() || self.domain.iter().zip(path).any(|(want, part)| want != part) {
            return false;
        }
        let path = &path[self.domain.len()..];
        if self.anchored { self.matches_anchored(path) } else { self.matches_name(path) }
    }

    /// A name matches at any depth, the directories above the file included.
    fn matches_name(&self, path: &[&str]) -> bool {
        let last = path.len() - 1;
        path.iter().enumerate().any(|(i, name)| glob(&self.parts[0], name) && !(self.dir_only && i == last))
    }

    fn matches_anchored(&self, mut path: &[&str]) -> bool {
        let (mut matched, mut may_skip) = (false, false);
        let last = self.parts.len() - 1;
        for (i, part) in self.parts.iter().enumerate() {
            match part.as_str() {
                "" => may_skip = false,
                "**" if i == last => break,
                "**" => may_skip = true,
                inner if inner.contains("**") => return false,
                _ => {
                    // a pattern that is longer than the path does not match
                    let reach = if std::mem::take(&mut may_skip) { path.len() } else { path.len().min(1) };
                    let Some(at) = path[..reach].iter().position(|name| glob(part, name)) else { return false };
                    path = &path[at + 1..];
                    matched = true;
                }
            }
        }
        matched && !(self.dir_only && path.is_empty())
    }
}

/// Shell patterns over one path segment: `*`, `?`, `[a-z]`, `[^a]`, `\x`. A malformed pattern matches nothing.
fn glob(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // the classic two-pointer walk: on a mismatch go back to the last star, so time stays linear in both lengths times stars
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p + 1, n));
            p += 1;
            continue;
        }
        match one(&pattern[p..], name[n]) {
            Some(used) => {
                p += used;
                n += 1;
            }
            None => match star {
                Some((after, from)) => {
                    p = after;
                    n = from + 1;
                    star = Some((after, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Matches one character; answers how much of the pattern was used.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '\\' => (*pattern.get(1)? == c).then_some(2),
        '[' => {
            let negated = pattern.get(1) == Some(&'^');
            let (mut i, mut hit) = (if negated { 2 } else { 1 }, false);
            let start = i;
            loop {
                if pattern.get(i) == Some(&']') && i > start {
                    return (hit != negated).then_some(i + 1);
                }
                let (low, next) = class_char(pattern, i)?;
                let (high, next) = if pattern.get(next) == Some(&'-') { class_char(pattern, next + 1)? } else { (low, next) };
                hit |= (low..=high).contains(&c);
                i = next;
            }
        }
        literal => (*literal == c).then_some(1),
    }
}

fn class_char(pattern: &[char], i: usize) -> Option<(char, usize)> {
    match pattern.get(i)? {
        '\\' => Some((*pattern.get(i + 1)?, i + 2)),
        '-' | ']' => None,
        c => Some((*c, i + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rules: &[(&str, &str)], excluded: &[&str], kept: &[&str]) {
        let mut set = IgnoreRules::default();
        rules.iter().for_each(|(domain, text)| set.add(domain, text));
        let set = set.with_defaults();
        for path in excluded {
            assert!(set.excludes(path), "{path} should be left out by {rules:?}");
        }
        for path in kept {
            assert!(!set.excludes(path), "{path} should be kept by {rules:?}");
        }
    }

    #[test]
    fn defaults_hold_only_without_rules() {
        let kept = ["a.yaml", "charts/web/Chart.yaml", "gitignore", ".sourceignore", "docs/zip"];
        check(&[], &[".gitignore", "x/.gitattributes", "a/b.png", "c.tar.gz", ".github/x.yml", "a/.github/x.yml", "q/.sops.yaml"], &kept);
        check(&[("", "# nothing\n\n")], &["a/b.png"], &kept);
        check(&[("", "docs/")], &[".gitignore", "docs/zip", "a/docs/x"], &["a/b.png", ".github/x.yml", "docs", "a.yaml"]);
    }

    #[test]
    fn everything_but() {
        let rules = "/*\n!/deploy\n/deploy/**/*.md\n/deploy/**/*.txt\n";
        check(&[("", rules)], &["README.md", "src/a.go", "deploy/x/a.md", "deploy/a/b/c.txt"], &["deploy/app.yaml", "deploy/x/y.yaml"]);
        check(&[("", rules)], &["deploy/a.md"], &[]);
    }

    #[test]
    fn domains_and_order() {
        check(
            &[("", "*.yaml"), ("apps", "!keep.yaml\n/top.txt")],
            &["a.yaml", "apps/b.yaml", "keep.yaml", "apps/top.txt"],
            &["apps/keep.yaml", "apps/x/keep.yaml", "apps/x/top.txt", "top.txt", "appsother/top.txt"],
        );
        check(&[("", "secret"), ("", "!secret")], &[], &["secret", "a/secret/b"]);
    }

    #[test]
    fn patterns() {
        for (pattern, yes, no) in [
            ("a*c", vec!["abc", "ac", "abbbc"], vec!["ab", "xac"]),
            ("?.md", vec!["a.md"], vec![".md", "ab.md"]),
            ("[a-c]x", vec!["ax", "cx"], vec!["dx", "x"]),
            ("[^a]x", vec!["bx"], vec!["ax"]),
            ("\\*x", vec!["*x"], vec!["ax"]),
            ("*a*b*c", vec!["xxaxxbxxc", "abc"], vec!["acb"]),
            ("[", vec![], vec!["[", "a"]),
            ("foo\\ ", vec!["foo "], vec!["foo"]),
            ("foo ", vec!["foo"], vec!["foo "]),
            ("docs/", vec!["docs/x"], vec!["docs"]),
            ("a/b/", vec!["a/b/c"], vec!["a/b", "x/a/b/c"]),
            ("**/x", vec!["x", "a/x", "a/b/x", "a/x/c"], vec!["a/y"]),
            ("a/**", vec!["a/x", "a/b/c"], vec!["b/a"]),
            ("**/a/b", vec!["a/b", "x/y/a/b"], vec!["a/x/b"]),
            ("a/**/z", vec!["a/z", "a/b/z", "a/b/c/z"], vec!["b/z"]),
        ] {
            let mut rules = IgnoreRules::default();
            rules.add("", pattern);
            yes.iter().for_each(|path| assert!(rules.excludes(path), "{pattern} should match {path}"));
            no.iter().for_each(|path| assert!(!rules.excludes(path), "{pattern} should not match {path}"));
        }
    }

    #[test]
    fn hostile_patterns_end() {
        let mut rules = IgnoreRules::default();
        rules.add("", &format!("{}b", "*a".repeat(200)));
        assert!(!rules.excludes(&"a".repeat(4000)));
    }
}
