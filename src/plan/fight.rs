//! When a correction is undone again and again: it backs off and names the other writer.

use super::Drift;
use jiff::{SignedDuration, Timestamp};

/// So many corrections within [`WINDOW`] are a fight.
pub const ROUNDS: usize = 3;
/// The time in which corrections count as one fight.
pub const WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// The longest pause between two corrections.
pub const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(2);

/// Whether a field may be corrected now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Correction {
    /// Yes.
    Now,
    /// Not before this time: somebody else keeps setting it.
    NotBefore(Timestamp),
}

/// Judges by the times of earlier corrections of the same object, oldest first. The pause doubles with each further
/// round and is forgotten once the object stayed corrected for longer than the longest pause and the window together.
#[must_use]
pub fn next_correction(earlier: &[Timestamp], now: Timestamp) -> Correction {
    let lasting = |gap: SignedDuration| gap > LONGEST_PAUSE + WINDOW;
    let mut rounds = 0;
    let mut after = now;
    for time in earlier.iter().rev() {
        if lasting(after.duration_since(*time)) {
            break;
        }
        rounds += 1;
        after = *time;
    }
    let Some(last) = earlier.last().filter(|_| rounds >= ROUNDS) else { return Correction::Now };
    let third_last = earlier[earlier.len() - ROUNDS];
    // Three corrections that were days of work apart are no fight; a pause that we made ourselves does not end one.
    if rounds == ROUNDS && last.duration_since(third_last) > WINDOW {
        return Correction::Now;
    }
    let doubled = u32::try_from(rounds - ROUNDS).ok().and_then(|n| 1_i32.checked_shl(n)).filter(|factor| *factor > 0).unwrap_or(i32::MAX);
    let pause = WINDOW.checked_mul(doubled).map_or(LONGEST_PAUSE, |pause| pause.min(LONGEST_PAUSE));
    let next = last.checked_add(pause).unwrap_or(Timestamp::MAX);
    if next <= now { Correction::Now } else { Correction::NotBefore(next) }
}

/// One sentence that names the field and the other writer.
#[must_use]
pub fn message(drift: &Drift, rounds: usize, next: Timestamp) -> String {
    let other = drift.owners.first().or(drift.suspect.as_ref()).map_or_else(|| "somebody".to_owned(), ToString::to_string);
    format!("{other} keeps changing {} of {}; corrected {rounds} times, next at {next}", drift.path, drift.object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_mins(minutes)).expect("in range")
    }

    #[test]
    fn corrections_back_off_after_three_rounds() {
        for (earlier, now, want) in [
            (&[][..], 0, Correction::Now),
            (&[0, 1], 2, Correction::Now),
            (&[0, 1, 2], 3, Correction::NotBefore(at(12))),
            (&[0, 1, 2], 12, Correction::Now),
            (&[0, 30, 60], 61, Correction::Now),
            (&[0, 1, 2, 12], 13, Correction::NotBefore(at(32))),
            (&[0, 1, 2, 12, 32, 72, 152], 153, Correction::NotBefore(at(272))),
            (&[0, 1, 2], 500, Correction::Now),
            (&[0, 1, 2, 500], 501, Correction::Now),
        ] {
            let earlier: Vec<_> = earlier.iter().map(|minutes| at(*minutes)).collect();
            assert_eq!(next_correction(&earlier, at(now)), want, "{earlier:?} {now}");
        }
    }
}
