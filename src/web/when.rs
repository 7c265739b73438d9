//! Times for people. Every time is a `<time>` with the exact moment in it; the page's script keeps the words current.

use jiff::Timestamp;
use maud::{Markup, html};

/// `12 s`, `41 m`, `2 h`, `3 d`.
pub(super) fn span(seconds: i64) -> String {
    match seconds.max(0) {
        s @ 0..60 => format!("{s} s"),
        s @ 60..3600 => format!("{} m", s / 60),
        s @ 3600..172_800 => format!("{} h", s / 3600),
        s => format!("{} d", s / 86_400),
    }
}

/// How long ago, as `41 m`.
pub(super) fn age(then: Timestamp, now: Timestamp) -> Markup {
    html! { time datetime=(stamp(then)) title=(words(then)) data-ago { (span(seconds(then, now))) } }
}

/// How long ago, as `41 m ago`.
pub(super) fn ago(then: Timestamp, now: Timestamp) -> Markup {
    html! { (age(then, now)) " ago" }
}

/// The time of day, with the date where it is another day.
pub(super) fn clock(then: Timestamp, now: Timestamp) -> Markup {
    let text = words(then);
    let (day, time) = text.split_once(' ').unwrap_or(("", &text));
    let today = words(now).starts_with(day);
    html! { time datetime=(stamp(then)) title=(text) { @if !today { (day) " " } (time.trim_end_matches(" UTC")) } }
}

/// `2026-11-21 11:42:09 UTC`.
pub(super) fn words(then: Timestamp) -> String {
    format!("{} UTC", stamp(then).trim_end_matches('Z').replace('T', " "))
}

/// RFC 3339 in whole seconds.
pub(super) fn stamp(then: Timestamp) -> String {
    Timestamp::from_second(then.as_second()).unwrap_or(then).to_string()
}

/// Seconds from one to the other; negative where `then` lies ahead.
pub(super) fn seconds(then: Timestamp, now: Timestamp) -> i64 {
    now.as_second() - then.as_second()
}

/// How long something took: `12 ms`, `0.4 s`, `41 s`, `3 m 5 s`.
pub(super) fn took(from: Timestamp, to: Timestamp) -> String {
    let millis = to.as_millisecond() - from.as_millisecond();
    match millis.max(0) {
        ms @ 0..100 => format!("{ms} ms"),
        100..10_000 => format!("{}.{} s", millis.max(0) / 1000, millis.max(0) % 1000 / 100),
        10_000..60_000 => format!("{} s", millis / 1000),
        60_000..3_600_000 => format!("{} m {} s", millis / 60_000, millis / 1000 % 60),
        _ => span(millis / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_spans() {
        for (seconds, want) in [(-5, "0 s"), (59, "59 s"), (60, "1 m"), (3599, "59 m"), (7200, "2 h"), (172_799, "47 h"), (172_800, "2 d")]
        {
            assert_eq!(span(seconds), want);
        }
        let at = |ms| Timestamp::from_millisecond(ms).expect("in range");
        for (ms, want) in [(12, "12 ms"), (420, "0.4 s"), (9_999, "9.9 s"), (41_000, "41 s"), (185_000, "3 m 5 s"), (7_200_000, "2 h")] {
            assert_eq!(took(at(0), at(ms)), want);
        }
    }

    #[test]
    fn the_date_is_shown_when_it_is_another() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
        let text = |then: &str| clock(then.parse().expect("a time"), now).into_string();
        assert!(text("2026-11-21T11:42:09.5Z").ends_with(">11:42:09</time>"), "{}", text("2026-11-21T11:42:09.5Z"));
        assert!(text("2026-11-20T11:42:09Z").ends_with(">2026-11-20 11:42:09</time>"));
    }
}
