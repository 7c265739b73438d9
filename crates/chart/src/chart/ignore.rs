//! `.helmignore`: which files of a chart directory are no part of the chart.

use super::LoadError;
use super::paths::{self, Glob};

/// The rules of one `.helmignore` and the built-in one. Helm's `ignore.Rules` (ignore/rules.go).
#[derive(Debug, Default)]
pub struct IgnoreRules {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    /// None for a malformed pattern, which matches nothing.
    glob: Option<Glob>,
    negate: bool,
    must_dir: bool,
    scope: Scope,
}

/// What a pattern is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// The whole path below the chart's root.
    Path,
    /// The last part of the path.
    Name,
}

impl IgnoreRules {
    /// The rules of a `.helmignore`, followed by the built-in rule for hidden files in `templates/`: Helm's `Parse` and
    /// `AddDefaults` (ignore/rules.go).
    ///
    /// # Errors
    /// Where a rule has `**` or is no pattern.
    pub fn parse(text: &str) -> Result<Self, LoadError> {
        let mut rules = Self::default();
        for line in text.strip_prefix('\u{feff}').unwrap_or(text).lines() {
            rules.add(line)?;
        }
        rules.add("templates/.?*")?;
        Ok(rules)
    }

    fn add(&mut self, line: &str) -> Result<(), LoadError> {
        let rule = line.trim();
        if rule.is_empty() || rule.starts_with('#') {
            return Ok(());
        }
        if rule.contains("**") {
            return Err(LoadError::Ignore("double-star (**) syntax is not supported".to_owned()));
        }
        paths::matches(rule, "abc").map_err(|e| LoadError::Ignore(e.to_string()))?;
        let (negate, rule) = match rule.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, rule),
        };
        let (must_dir, rule) = match rule.strip_suffix('/') {
            Some(rest) => (true, rest),
            None => (false, rule),
        };
        let scope = if rule.contains('/') { Scope::Path } else { Scope::Name };
        // A leading slash only anchors the rule: the paths held against it have none.
        let glob = Glob::new(rule.strip_prefix('/').unwrap_or(rule)).ok();
        self.patterns.push(Pattern { glob, negate, must_dir, scope });
        Ok(())
    }

    /// Whether the rules leave out this file or directory. The first rule that speaks decides; a negated
    /// rule leaves out all that it does *not* match. Helm's `Ignore` (ignore/rules.go).
    pub fn ignores(&self, name: &str, is_dir: bool) -> bool {
        if name.is_empty() || name == "." || name == "./" {
            return false;
        }
        for p in &self.patterns {
            if p.negate {
                if (p.must_dir && !is_dir) || !p.matches(name) {
                    return true;
                }
                continue;
            }
            if p.must_dir && !is_dir {
                continue;
            }
            if p.matches(name) {
                return true;
            }
        }
        false
    }

    /// Whether a file is left out by a rule for it or for a directory above it, as the walk of Helm's `LoadDir`
    /// (loader/directory.go) does not go into such a directory.
    pub fn ignores_file(&self, name: &str) -> bool {
        name.match_indices('/').any(|(i, _)| self.ignores(&name[..i], true)) || self.ignores(name, false)
    }
}

impl Pattern {
    fn matches(&self, name: &str) -> bool {
        let subject = match self.scope {
            Scope::Path => name,
            Scope::Name => name.rsplit('/').next().unwrap_or(name),
        };
        self.glob.as_ref().is_some_and(|glob| glob.matches(subject))
    }
}
