//! What an echo costs by its size: the tables that the README shows, and a plot of them.

use std::path::Path;

use crate::beside;
use crate::entrants::{Entrant, MULTIPLEXER, PING_PONG, TRAITWIRE};
use crate::plot::{Axis, Plot, Series, save};
use crate::support::workload::{Echo, Work};
use crate::table::Results;
use crate::values::{Values, number, rate, size};

/// Small blocks by many callers at once, large ones by few: at most 4 MiB are on their way.
pub(crate) const SIZES: [Echo; 4] = [
    Echo { bytes: 16, in_flight: 64 },
    Echo { bytes: 4 << 10, in_flight: 64 },
    Echo { bytes: 64 << 10, in_flight: 16 },
    Echo { bytes: 1 << 20, in_flight: 4 },
];

/// What the plot shows; the other transports are pipes, or sockets again.
const PLOTTED: [&[&str]; 2] = [&["unix", "shm", "mem"], &["tcp"]];

const HEADINGS: [&str; 8] = ["over", "by", "p50 µs", "×", "p99 µs", "calls/s", "×", "CPU µs"];

/// Prints the tables, and writes the plot to a file.
pub(crate) fn report(results: &Results, rounds: usize, plot: &Path) {
    println!(
        "Echoes. p50 and p99: one at a time; calls/s and CPU (both processes, for one echo): several in flight on\n\
         one connection. Medians of {rounds} rounds ±half their spread. × is the ratio to the bare echo over the\n\
         same, or else to the first row; several at once, the bare echo has at most 64 KiB on their way."
    );
    for echo in SIZES {
        println!("\n**{}**, {} in flight\n", size(echo.bytes), echo.in_flight);
        print(&rows(results, echo));
    }
    let panels = panels(results);
    if panels.iter().all(Vec::is_empty) {
        return eprintln!("no plot: it shows {}", PLOTTED.concat().join(", "));
    }
    save(&panels, plot);
}

/// The figures of one size, a row for each entrant.
fn rows(results: &Results, echo: Echo) -> Vec<[String; 8]> {
    let mut last = "";
    let rows = results.entrants().iter().enumerate().map(|(at, entrant)| {
        let (over, by) = named(*entrant);
        let over = if std::mem::replace(&mut last, entrant.transport) == last { String::new() } else { over };
        let values = |at, figure| values(results, at, echo, figure);
        let cell = |figure, write: fn(f64) -> String, unit| written(&values(at, figure), write, unit);
        let ratio = |figure| {
            let (own, bare) = (values(at, figure).median(), values(bare(results, *entrant), figure).median());
            own.zip(bare).map_or("-".to_owned(), |(own, bare)| format!("{:.2}", own / bare))
        };
        [
            over,
            by,
            cell("p50_ns", number, 1e3),
            ratio("p50_ns"),
            cell("p99_ns", number, 1e3),
            cell("calls_per_s", rate, 1.0),
            ratio("calls_per_s"),
            cell("cpu_ns_per_call", number, 1e3),
        ]
    });
    rows.collect()
}

fn values(results: &Results, entrant: usize, echo: Echo, figure: &str) -> Values {
    results.values(entrant, &format!("{} {figure}", Work::Echo(echo)))
}

fn written(values: &Values, write: fn(f64) -> String, unit: f64) -> String {
    let median = values.median();
    median.map_or("-".to_owned(), |median| format!("{} ±{:.0}%", write(median / unit), values.spread()))
}

/// The bare echo over the same transport, or else the first entrant.
fn bare(results: &Results, entrant: Entrant) -> usize {
    let is_bare = |other: &Entrant| other.name == PING_PONG && other.transport == entrant.transport;
    results.entrants().iter().position(is_bare).unwrap_or(0)
}

/// A Markdown table whose columns also stand below one another as they are.
fn print(rows: &[[String; 8]]) {
    let heading = HEADINGS.map(str::to_owned);
    let width = |column: usize| {
        let cells = std::iter::once(&heading).chain(rows).map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let line = |row: &[String; 8]| {
        let cells = row.iter().enumerate().map(|(column, cell)| match column {
            0 | 1 => format!("{cell:<0$}", width(column)),
            _ => format!("{cell:>0$}", width(column)),
        });
        println!("| {} |", cells.collect::<Vec<_>>().join(" | "));
    };
    line(&heading);
    let rules = (0..HEADINGS.len()).map(|column| {
        let dashes = "-".repeat(width(column) + 1);
        if column < 2 { format!("{dashes}-") } else { format!("{dashes}:") }
    });
    println!("|{}|", rules.collect::<Vec<_>>().join("|"));
    rows.iter().for_each(line);
}

/// A transport and who uses it, as a reader knows them.
fn named(entrant: Entrant) -> (String, String) {
    let over = match entrant.transport {
        "unix" => "Unix socket".to_owned(),
        "tcp" => "TCP".to_owned(),
        scheme => format!("`{scheme}:`"),
    };
    let by = match entrant.name {
        PING_PONG => "bare echo".to_owned(),
        MULTIPLEXER => "calls by hand".to_owned(),
        TRAITWIRE => "Traitwire".to_owned(),
        other => format!("{other} {}", beside::version(other).unwrap_or_default()),
    };
    (over, by)
}

/// Time above, rate below; TCP to the right.
fn panels(results: &Results) -> Vec<Vec<Plot<'static>>> {
    let [near, far] = PLOTTED;
    let columns = [
        ("One at a time: Unix socket, memory", "Several in flight: Unix socket, memory", near),
        ("One at a time: TCP", "Several in flight: TCP", far),
    ];
    let has = |transports: &[&str]| {
        results.entrants().iter().any(|entrant| transports.contains(&entrant.transport))
    };
    let columns: Vec<_> = columns.into_iter().filter(|(.., transports)| has(transports)).collect();
    let panel = |title, transports: &[&str], figure: &str, unit: f64, y| Plot {
        title,
        x: Axis { name: "bytes of an echo", write: |value| size(value as usize) },
        y,
        series: series(results, transports, figure, unit),
    };
    let times = columns.iter().map(|(title, _, transports)| {
        panel(*title, transports, "p50_ns", 1e3, Axis { name: "median time, µs", write: number })
    });
    let rates = columns.iter().map(|(_, title, transports)| {
        panel(*title, transports, "calls_per_s", 1.0, Axis { name: "echoes a second", write: rate })
    });
    vec![times.collect(), rates.collect()]
}

fn series(results: &Results, transports: &[&str], figure: &str, unit: f64) -> Vec<Series> {
    let entrants = results.entrants().iter().enumerate();
    let entrants = entrants.filter(|(_, entrant)| transports.contains(&entrant.transport));
    let series = entrants.map(|(at, entrant)| {
        let points = SIZES.iter().filter_map(|echo| {
            let median = values(results, at, *echo, figure).median()?;
            Some((echo.bytes as f64, median / unit))
        });
        let (_, by) = named(*entrant);
        let name = match entrant.transport {
            "unix" | "tcp" => by,
            scheme => format!("{by}, {scheme}:"),
        };
        let is_limit = entrant.name == PING_PONG || entrant.name == MULTIPLEXER;
        Series { name, points: points.collect(), is_limit }
    });
    series.collect()
}
