//! What has been measured, for people and as JSON. Never measures.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Map, json};
use traitwire::Endpoint;
use traitwire::dynamic::Value;

use super::load::Load;
use super::tally::Tally;
use super::turns::End;
use crate::output::clean;

const PERCENTILES: [f64; 6] = [50.0, 75.0, 90.0, 99.0, 99.9, 99.99];
/// Rows of the histogram at most, and the width of its longest bar.
const ROWS: usize = 16;
const WIDTH: usize = 44;

pub(super) fn text(target: &str, endpoint: &Endpoint, load: &Load, tally: &Tally) -> String {
    let ended = if tally.interrupted { ", interrupted" } else { "" };
    let mut text =
        format!("{} at {}: {}{ended}\n\n", clean(target), clean(&endpoint.to_string()), said(load));
    let mut rows = vec![("answered", tally.answered)];
    rows.extend(load.items.is_some().then_some(("items", tally.items)));
    rows.extend([("own errors", tally.own_errors), ("failed", tally.failed())]);
    for (name, count) in rows {
        let rate = if ["answered", "items"].contains(&name) {
            format!(" ({}/s)", thousands(tally.rate_of(count) as u64))
        } else {
            String::new()
        };
        let codes: Vec<_> = tally.failures.iter().map(|(code, count)| format!("{code} {count}")).collect();
        let codes =
            if name == "failed" && count > 0 { format!(" ({})", codes.join(", ")) } else { String::new() };
        let _ = writeln!(text, "{name:>12}  {}{rate}{codes}", thousands(count));
    }
    for (name, count, what) in [
        ("timed out", tally.timed_out, "of them"),
        ("unstarted", tally.unstarted, "due and never made"),
        ("unfinished", tally.unfinished, "without an answer when it ended"),
    ] {
        if count > 0 {
            let waited = "they count with the time that they had waited";
            let _ = writeln!(text, "{name:>12}  {} {what}; {waited}", thousands(count));
        }
    }
    if tally.latencies.is_empty() {
        return text;
    }
    text.push('\n');
    for percentile in PERCENTILES {
        let at = tally.latencies.value_at_percentile(percentile);
        let _ = writeln!(text, "{:>12}  {}", format!("p{percentile}"), time(at));
    }
    let _ = writeln!(text, "{:>12}  {}\n", "max", time(tally.latencies.max()));
    text + &histogram(tally)
}

/// What was done, in words.
fn said(load: &Load) -> String {
    let calls = match load.end {
        End::Count(count) => format!("{} calls", thousands(count)),
        End::Time(time) => format!("calls for {}", humantime::format_duration(time)),
    };
    match load.rate {
        None => format!("{calls}, {} at once", load.concurrency),
        Some(rate) => format!("{calls}, {rate} each second, {} at once at most", load.concurrency),
    }
}

pub(super) fn json(target: &str, load: &Load, tally: &Tally) -> Value {
    let latencies = &tally.latencies;
    let mut times = Map::from_iter([
        ("min".to_owned(), json!(latencies.min())),
        ("mean".to_owned(), json!(latencies.mean().round() as u64)),
    ]);
    for percentile in PERCENTILES {
        times.insert(format!("p{percentile}"), json!(latencies.value_at_percentile(percentile)));
    }
    times.insert("max".to_owned(), json!(latencies.max()));
    let mut report = json!({
        "method": target,
        "concurrency": load.concurrency,
        "rate": load.rate,
        "seconds": tally.took.as_secs_f64(),
        "answered": tally.answered,
        "calls_per_second": tally.rate_of(tally.answered),
        "own_errors": tally.own_errors,
        "failed": tally.failures,
        "unstarted": tally.unstarted,
        "unfinished": tally.unfinished,
        "interrupted": tally.interrupted,
        "latency_ns": times,
    });
    if load.items.is_some() {
        report["items"] = json!(tally.items);
        report["items_per_second"] = json!(tally.rate_of(tally.items));
    }
    report
}

/// A bar for each range of times. The ranges grow by the same factor, since the rarest calls take many times as long
/// as most.
fn histogram(tally: &Tally) -> String {
    let (low, high) = (tally.latencies.min().max(1) as f64, tally.latencies.max().max(1) as f64);
    let factor = (high / low).powf(1.0 / ROWS as f64).max(1.05);
    let mut counts = [0_u64; ROWS];
    for step in tally.latencies.iter_recorded() {
        let row = ((step.value_iterated_to() as f64 / low).ln() / factor.ln()) as usize;
        counts[row.min(ROWS - 1)] += step.count_at_value();
    }
    let most = counts.iter().copied().max().unwrap_or(1).max(1);
    let used = counts.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
    let mut text = String::new();
    for (row, count) in counts[..used].iter().enumerate() {
        let up_to = time((low * factor.powi(row as i32 + 1)) as u64);
        let _ = writeln!(text, "{up_to:>12}  {:<WIDTH$} {}", bar(*count, most), thousands(*count));
    }
    text
}

/// A bar in eighths of a character; what is there at all can be seen.
fn bar(count: u64, most: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (count as f64 / most as f64 * (WIDTH * 8) as f64).ceil() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// A time to three digits.
fn time(nanoseconds: u64) -> String {
    let time = Duration::from_nanos(nanoseconds).as_secs_f64();
    let (value, unit) = match nanoseconds {
        0..1_000 => return format!("{nanoseconds} ns"),
        1_000..1_000_000 => (time * 1e6, "µs"),
        1_000_000..1_000_000_000 => (time * 1e3, "ms"),
        _ => (time, "s"),
    };
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$} {unit}")
}

fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let grouped = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    grouped.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        for (nanoseconds, said) in [
            (7, "7 ns"),
            (1_234, "1.23 µs"),
            (56_789, "56.8 µs"),
            (999_400, "999 µs"),
            (2_500_000_000, "2.50 s"),
        ] {
            assert_eq!(time(nanoseconds), said);
        }
        assert_eq!([thousands(7), thousands(1_234_567)], ["7", "1 234 567"]);
    }

    #[test]
    fn every_call_is_in_a_bar() {
        let mut tally = Tally::new();
        for latency in [10, 11, 12, 500, 70_000_000] {
            tally.note(Duration::from_nanos(latency * 1000), Ok(0));
        }
        let drawn = histogram(&tally);
        let counts = drawn.lines().map(|line| line.rsplit(' ').next().expect("it has a count"));
        assert_eq!(counts.map(|count| count.parse::<u64>().expect("a number")).sum::<u64>(), 5, "{drawn}");
        assert_eq!(drawn.lines().count(), ROWS);
        assert_eq!((bar(1, 1_000_000), bar(1, 2)), ("▏".to_owned(), "█".repeat(WIDTH / 2)));
    }
}
