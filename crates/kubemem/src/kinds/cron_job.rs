//! The rules of CronJobs: what a schedule may say.

use serde_json::Value;

use super::at::At;
use super::job;
use crate::status::Cause;

/// The rules of CronJobs.
pub(crate) fn validate(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut out = Vec::new();
    let spec = At::new(&new["spec"], "spec");
    let schedule = spec.get("schedule");
    let text = schedule.text();
    out.extend(schedule.need());
    if !text.is_empty() {
        out.extend(problem(text).map(|problem| schedule.invalid(&problem)));
    }
    let had_zone = old.is_some_and(|old| old["spec"]["schedule"].as_str().unwrap_or_default().contains("TZ"));
    if text.contains("TZ") && !had_zone {
        out.push(schedule.invalid("cannot use TZ or CRON_TZ in schedule, use timeZone field instead"));
    } else if text.contains("TZ") && spec.get("timeZone").is_set() {
        out.push(schedule.invalid("cannot use both timeZone field and TZ or CRON_TZ in schedule"));
    }
    out.extend(spec.get("startingDeadlineSeconds").not_negative());
    let zone = spec.get("timeZone");
    if zone.is_set() && old.is_none_or(|old| old["spec"]["timeZone"] != *zone.value) {
        time_zone(&zone, &mut out);
    }
    out.extend(spec.get("concurrencyPolicy").one_of(&["Allow", "Forbid", "Replace"]));
    let template = spec.get("jobTemplate").get("spec");
    job::validate_spec(&template, &mut out);
    if template.get("selector").is_set() {
        out.push(template.get("selector").invalid("`selector` will be auto-generated"));
    }
    out.extend(["successfulJobsHistoryLimit", "failedJobsHistoryLimit"].iter().filter_map(|field| spec.get(field).not_negative()));
    out
}

fn time_zone(zone: &At<'_>, out: &mut Vec<Cause>) {
    let name = zone.text();
    let fine = |c: char| c.is_ascii_alphanumeric() || ".-_+".contains(c);
    let part =
        |part: &str| !matches!(part, "." | "..") && !part.starts_with('-') && (1..=14).contains(&part.len()) && part.chars().all(fine);
    if name.is_empty() {
        out.push(zone.invalid("timeZone must be nil or non-empty string"));
    } else if !name.split('/').all(part) {
        out.push(zone.invalid(&format!("unknown time zone {name}")));
    } else if name.eq_ignore_ascii_case("local") {
        out.push(zone.invalid("timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"));
    }
}

/// The least and the most of a field of a schedule, and names for its values.
type Bounds = (u32, u32, &'static [&'static str]);

const BOUNDS: [Bounds; 5] = [
    (0, 59, &[]),
    (0, 23, &[]),
    (1, 31, &[]),
    (1, 12, &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
    (0, 6, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

const NAMED: [&str; 7] = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

/// Why a schedule cannot be read.
fn problem(schedule: &str) -> Option<String> {
    let zoned = ["TZ=", "CRON_TZ="].iter().any(|prefix| schedule.starts_with(prefix));
    let schedule = if zoned { schedule.split_once(' ').map_or("", |(_, rest)| rest.trim()) } else { schedule };
    if schedule.starts_with('@') {
        let known = NAMED.contains(&schedule) || schedule.starts_with("@every ");
        return (!known).then(|| format!("unrecognized descriptor: {schedule}"));
    }
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if fields.len() != BOUNDS.len() {
        return Some(format!("expected exactly 5 fields, found {}: [{}]", fields.len(), fields.join(" ")));
    }
    let mut ranges = fields.iter().zip(BOUNDS).flat_map(|(field, bounds)| field.split(',').map(move |range| (range, bounds)));
    ranges.find_map(|(range, bounds)| if range.is_empty() { None } else { range_problem(range, bounds).err() })
}

fn range_problem(range: &str, (least, most, names): Bounds) -> Result<(), String> {
    let number = |text: &str| match names.iter().position(|name| *name == text.to_lowercase()) {
        Some(at) => Ok(least + u32::try_from(at).unwrap_or(0)),
        None => match text.parse::<i64>() {
            Ok(number) => u32::try_from(number).map_err(|_| format!("negative number ({number}) not allowed: {text}")),
            Err(_) => Err(format!("failed to parse int from {text}: strconv.Atoi: parsing \"{text}\": invalid syntax")),
        },
    };
    let parts: Vec<&str> = range.split('/').collect();
    let ends: Vec<&str> = parts[0].split('-').collect();
    let (start, mut end) = match ends.as_slice() {
        ["*" | "?", ..] => (least, most),
        [one] => (number(one)?, number(one)?),
        [from, to] => (number(from)?, number(to)?),
        _ => return Err(format!("too many hyphens: {range}")),
    };
    let step = match parts.as_slice() {
        [_] => 1,
        [_, step] => {
            if ends.len() == 1 {
                end = most;
            }
            number(step)?
        }
        _ => return Err(format!("too many slashes: {range}")),
    };
    if start < least {
        Err(format!("beginning of range ({start}) below minimum ({least}): {range}"))
    } else if end > most {
        Err(format!("end of range ({end}) above maximum ({most}): {range}"))
    } else if start > end {
        Err(format!("beginning of range ({start}) beyond end of range ({end}): {range}"))
    } else if step == 0 {
        Err(format!("step of range should be a positive number: {range}"))
    } else {
        Ok(())
    }
}
