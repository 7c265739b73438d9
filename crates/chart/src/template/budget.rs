//! Limits on what one render may use, so that a hostile chart ends with an error and not with the process.

use super::error::Fail;
use super::stop::Stop;
use super::value::Value;

/// Limits of one render. Helm has few of them: a hostile chart takes there what there is.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Actions and calls executed.
    pub steps: u64,
    /// Bytes written by templates and made by functions that multiply their input.
    pub bytes: u64,
    /// Nested includes of one name: Helm's `recursionMaxNums` (engine/engine.go).
    pub includes: u32,
    /// Nested constructs of all kinds (blocks, parentheses, includes), which bound the native stack. Go's `maxExecDepth`
    /// (text/template/exec.go) counts templates only, and is 100,000.
    pub depth: u32,
    /// Elements made by one `until`, `seq` or `range` over an integer.
    pub items: u64,
    /// Bytes of one template file.
    pub source: usize,
    /// Nested blocks and parentheses of one template file. Go's `maxStackDepth` (text/template/parse/parse.go) counts parentheses
    /// only, and is 10,000.
    pub nesting: u32,
    /// Bytes of one string or list that a function makes: functions hold several copies for a moment.
    pub text: usize,
    /// Values of the chart, its sub-charts and the user after merging; a map counts as eight.
    pub values: usize,
    /// The caller's clock or cancellation.
    pub stop: Stop,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            steps: 50_000_000,
            bytes: 512 << 20,
            includes: 1_000,
            depth: 12_000,
            items: 10_000_000,
            source: 8 << 20,
            nesting: 300,
            text: 64 << 20,
            values: 2_000_000,
            stop: Stop::default(),
        }
    }
}

/// What ends a render whose [`Stop`] is set.
pub(crate) const STOPPED: &str = "the render was stopped by its caller: its time is up, or it was cancelled";

const STEPS_BETWEEN_ASKING: u64 = 512;

/// What is left of the limits in a running render.
#[derive(Debug)]
pub(crate) struct Budget {
    limits: Limits,
    steps: u64,
    bytes: u64,
    depth: u32,
}

impl Budget {
    pub(crate) fn new(limits: Limits) -> Budget {
        Budget { steps: limits.steps, bytes: limits.bytes, depth: 0, limits }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A file begins: nothing is nested, even if the last one ended early.
    pub(crate) fn start_file(&mut self) {
        self.depth = 0;
    }

    /// One action or call.
    pub(crate) fn step(&mut self) -> Result<(), Fail> {
        self.steps(1)
    }

    /// Many steps at once: a function that walks this many elements.
    pub(crate) fn steps(&mut self, count: usize) -> Result<(), Fail> {
        match self.steps.checked_sub(count as u64) {
            Some(left) => {
                let ask = left / STEPS_BETWEEN_ASKING != self.steps / STEPS_BETWEEN_ASKING;
                self.steps = left;
                if ask { self.go_on() } else { Ok(()) }
            }
            None => Err(Fail::Budget(format!("render budget of {} steps is used up", self.limits.steps))),
        }
    }

    /// An error once the caller wants the render to end.
    pub(crate) fn go_on(&self) -> Result<(), Fail> {
        if self.limits.stop.is_set() { Err(Fail::Budget(STOPPED.to_owned())) } else { Ok(()) }
    }

    /// Bytes about to be made.
    pub(crate) fn bytes(&mut self, count: usize) -> Result<(), Fail> {
        match self.bytes.checked_sub(count as u64) {
            Some(_) if count > self.limits.text => {
                Err(Fail::Budget(format!("a value of {count} bytes is over the limit of {}", self.limits.text)))
            }
            Some(left) => {
                self.bytes = left;
                Ok(())
            }
            None => Err(Fail::Budget(format!("render budget of {} bytes is used up", self.limits.bytes))),
        }
    }

    /// A list of this many elements is about to be made.
    pub(crate) fn list(&mut self, count: usize) -> Result<(), Fail> {
        self.steps(count / 16)?;
        self.bytes(count.saturating_mul(size_of::<Value>()))
    }

    /// A map of this many entries is about to be made. A map takes room for eleven entries as soon as it has one.
    pub(crate) fn map(&mut self, count: usize) -> Result<(), Fail> {
        self.steps(count / 8)?;
        self.bytes(count.div_ceil(8).saturating_mul(512))
    }

    /// A text of this many bytes is about to become values, which take more room than the text.
    pub(crate) fn decode(&mut self, bytes: usize) -> Result<(), Fail> {
        self.bytes(bytes.saturating_mul(8))
    }

    /// A sequence of this many elements is about to be made.
    pub(crate) fn items(&mut self, count: u64) -> Result<(), Fail> {
        if count > self.limits.items {
            return Err(Fail::Budget(format!("a sequence of {count} elements is over the limit of {}", self.limits.items)));
        }
        self.steps(usize::try_from(count / 8).unwrap_or(usize::MAX))
    }

    /// One construct deeper. Paired with [`Budget::leave`].
    pub(crate) fn enter(&mut self) -> Result<(), Fail> {
        if self.depth >= self.limits.depth {
            return Err(Fail::Budget(format!("templates are nested more than {} levels deep", self.limits.depth)));
        }
        self.depth += 1;
        Ok(())
    }

    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
    }
}
