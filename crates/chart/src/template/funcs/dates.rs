//! Dates. The local zone is UTC, and now is what the caller of the render says it is.

use super::{Answer, FuncDef, Ty, bytes, func, text};
use crate::go::num;
use crate::go::time::{Duration, Time, Zone};
use crate::template::error::Fail;
use crate::template::exec::Ctx;
use crate::template::methods::{Method, method};
use crate::template::value::{NamedInt, Value};

use Ty::{Any, Int, Str};

pub(super) static FUNCS: &[FuncDef] = &[
    func("now", &[], |ctx, _| Ok(Value::time(ctx.world.now.clone()))),
    func("date", &[Str, Any], |ctx, args| in_zone(ctx, bytes(&args[0]), &args[1], "Local")),
    func("dateInZone", &[Str, Any, Str], |ctx, args| in_zone(ctx, bytes(&args[0]), &args[1], &text(&args[2]))),
    func("date_in_zone", &[Str, Any, Str], |ctx, args| in_zone(ctx, bytes(&args[0]), &args[1], &text(&args[2]))),
    func("htmlDate", &[Any], |ctx, args| in_zone(ctx, b"2006-01-02", &args[0], "Local")),
    func("htmlDateInZone", &[Any, Str], |ctx, args| in_zone(ctx, b"2006-01-02", &args[0], &text(&args[1]))),
    func("dateModify", &[Str, Ty::Time], modify),
    func("date_modify", &[Str, Ty::Time], modify),
    func("mustDateModify", &[Str, Ty::Time], must_modify),
    func("must_date_modify", &[Str, Ty::Time], must_modify),
    func("toDate", &[Str, Str], |_, args| Ok(Value::time(parse(args).unwrap_or_else(|_| zero())))),
    func("mustToDate", &[Str, Str], |_, args| Ok(Value::time(parse(args)?))),
    func("ago", &[Any], |ctx, args| {
        let now = &ctx.world.now;
        let then = moment(now, &args[0]);
        Ok(Value::from(now.sub(&then).round(Duration::SECOND).to_string()))
    }),
    func("duration", &[Any], |_, args| {
        let seconds = match &args[0] {
            Value::Str(text) => num::nearest_int(text),
            Value::Int64(seconds) => *seconds,
            _ => 0,
        };
        Ok(Value::from(Duration::from_seconds(seconds).to_string()))
    }),
    func("durationRound", &[Any], |ctx, args| {
        let duration = match &args[0] {
            Value::Str(text) => Duration::parse(text).unwrap_or(Duration(0)),
            Value::Int64(nanos) => Duration(*nanos),
            Value::Time(time) => ctx.world.now.sub(time),
            _ => Duration(0),
        };
        Ok(Value::from(duration.largest_unit()))
    }),
    func("unixEpoch", &[Ty::Time], |_, args| Ok(Value::from(time(&args[0]).seconds().to_string()))),
];

/// Go's zero time.
fn zero() -> Time {
    Time::unix(crate::go::time::ZERO_SECONDS, 0)
}

fn time(value: &Value) -> Time {
    match value {
        Value::Time(time) => (**time).clone(),
        _ => zero(),
    }
}

/// What sprig takes for a point in time: a time or seconds since 1970; anything else is now.
fn moment(now: &Time, value: &Value) -> Time {
    match value {
        Value::Time(time) => (**time).clone(),
        Value::Int(seconds) | Value::Int64(seconds) => Time::unix(*seconds, 0),
        _ => now.clone(),
    }
}

fn in_zone(ctx: &mut Ctx<'_>, layout: &[u8], date: &Value, zone: &str) -> Answer {
    ctx.world.budget.bytes(layout.len().saturating_mul(2))?;
    let zone = Zone::load(zone).unwrap_or(Zone::Utc);
    let date = moment(&ctx.world.now, date).in_zone(&zone);
    let mut out = Vec::with_capacity(2 * layout.len());
    for chunk in layout.utf8_chunks() {
        out.extend_from_slice(date.format(chunk.valid()).as_bytes());
        // What means nothing in a layout stands for itself.
        out.extend_from_slice(chunk.invalid());
    }
    Ok(Value::bytes_as_string(out))
}

fn modify(_: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let date = time(&args[1]);
    Ok(Value::time(Duration::parse(&text(&args[0])).map_or_else(|_| date.clone(), |by| date.add(by))))
}

fn must_modify(_: &mut Ctx<'_>, args: &[Value]) -> Answer {
    Ok(Value::time(time(&args[1]).add(Duration::parse(&text(&args[0]))?)))
}

fn parse(args: &[Value]) -> Result<Time, Fail> {
    Ok(Time::parse_in(&text(&args[0]), &text(&args[1]), &Zone::Utc)?)
}

pub(crate) static TIME_METHODS: &[Method] = &[
    method("Format", &[Str], |ctx, receiver, args| {
        let layout = text(&args[0]);
        ctx.world.budget.bytes(layout.len().saturating_mul(2))?;
        Ok(Value::from(time(receiver).format(&layout)))
    }),
    method("String", &[], |_, receiver, _| Ok(Value::from(time(receiver).to_string()))),
    method("Unix", &[], |_, receiver, _| Ok(Value::Int64(time(receiver).seconds()))),
    method("UnixMilli", &[], |_, receiver, _| Ok(Value::Int64(nanos(receiver) / 1_000_000))),
    method("UnixMicro", &[], |_, receiver, _| Ok(Value::Int64(nanos(receiver) / 1_000))),
    method("UnixNano", &[], |_, receiver, _| Ok(Value::Int64(nanos(receiver)))),
    method("Year", &[], |_, receiver, _| Ok(Value::Int(time(receiver).civil().year))),
    method("Month", &[], |_, receiver, _| Ok(Value::Named(NamedInt::Month, i64::from(time(receiver).civil().month)))),
    method("Day", &[], |_, receiver, _| Ok(Value::Int(i64::from(time(receiver).civil().day)))),
    method("Hour", &[], |_, receiver, _| Ok(Value::Int(i64::from(time(receiver).civil().hour)))),
    method("Minute", &[], |_, receiver, _| Ok(Value::Int(i64::from(time(receiver).civil().minute)))),
    method("Second", &[], |_, receiver, _| Ok(Value::Int(i64::from(time(receiver).civil().second)))),
    method("Nanosecond", &[], |_, receiver, _| Ok(Value::Int(i64::from(time(receiver).nanos())))),
    method("Weekday", &[], |_, receiver, _| Ok(Value::Named(NamedInt::Weekday, i64::from(time(receiver).weekday())))),
    method("YearDay", &[], |_, receiver, _| Ok(Value::Int(i64::from(time(receiver).year_day())))),
    method("UTC", &[], |_, receiver, _| Ok(Value::time(time(receiver).in_zone(&Zone::Utc)))),
    method("Local", &[], |_, receiver, _| Ok(Value::time(time(receiver).in_zone(&Zone::Utc)))),
    method("IsZero", &[], |_, receiver, _| Ok(Value::Bool(time(receiver).is_zero()))),
    method("AddDate", &[Int, Int, Int], |_, receiver, args| {
        let [years, months, days] = [0, 1, 2].map(|i| super::int(&args[i]));
        Ok(Value::time(time(receiver).add_date(years, months, days)))
    }),
    method("Add", &[Any], |_, receiver, args| match &args[0] {
        Value::Named(NamedInt::Duration, by) => Ok(Value::time(time(receiver).add(Duration(*by)))),
        other => Err(Fail::Text(format!("wrong type for value; expected time.Duration; got {}", other.type_name()))),
    }),
    method("Sub", &[Ty::Time], |_, receiver, args| Ok(duration(time(receiver).sub(&time(&args[0]))))),
    method("Before", &[Ty::Time], |_, receiver, args| Ok(Value::Bool(instant(receiver) < instant(&args[0])))),
    method("After", &[Ty::Time], |_, receiver, args| Ok(Value::Bool(instant(receiver) > instant(&args[0])))),
    method("Equal", &[Ty::Time], |_, receiver, args| Ok(Value::Bool(instant(receiver) == instant(&args[0])))),
];

fn instant(value: &Value) -> (i64, u32) {
    let time = time(value);
    (time.seconds(), time.nanos())
}

fn nanos(value: &Value) -> i64 {
    let time = time(value);
    time.seconds().wrapping_mul(1_000_000_000).wrapping_add(i64::from(time.nanos()))
}

fn duration(by: Duration) -> Value {
    Value::Named(NamedInt::Duration, by.0)
}

fn length(value: &Value) -> Result<Duration, Fail> {
    match value {
        Value::Named(NamedInt::Duration, by) => Ok(Duration(*by)),
        other => Err(Fail::Text(format!("wrong type for value; expected time.Duration; got {}", other.type_name()))),
    }
}

pub(crate) static NAMED_METHODS: &[Method] = &[method("String", &[], named_text)];

pub(crate) static DURATION_METHODS: &[Method] = &[
    method("String", &[], named_text),
    method("Seconds", &[], |_, receiver, _| Ok(Value::Float(length(receiver)?.seconds()))),
    method("Minutes", &[], |_, receiver, _| Ok(Value::Float(length(receiver)?.minutes()))),
    method("Hours", &[], |_, receiver, _| Ok(Value::Float(length(receiver)?.hours()))),
    method("Milliseconds", &[], |_, receiver, _| Ok(Value::Int64(length(receiver)?.0 / 1_000_000))),
    method("Microseconds", &[], |_, receiver, _| Ok(Value::Int64(length(receiver)?.0 / 1_000))),
    method("Nanoseconds", &[], |_, receiver, _| Ok(Value::Int64(length(receiver)?.0))),
    method("Round", &[Any], |_, receiver, args| Ok(duration(length(receiver)?.round(length(&args[0])?)))),
    method("Truncate", &[Any], |_, receiver, args| Ok(duration(length(receiver)?.truncate(length(&args[0])?)))),
    method("Abs", &[], |_, receiver, _| Ok(duration(Duration(length(receiver)?.0.saturating_abs())))),
];

fn named_text(_: &mut Ctx<'_>, receiver: &Value, _: &[Value]) -> Answer {
    Ok(match receiver {
        Value::Named(named, n) => Value::from(named.text(*n)),
        _ => Value::Nil,
    })
}
