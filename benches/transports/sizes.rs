//! What an echo costs by its size: the table that the README shows, and a plot of it.

use std::path::Path;

use crate::entrants::{Entrant, MULTIPLEXER, PING_PONG};
use crate::plot::{Axis, Plot, Series};
use crate::support::workload::{Echo, Work};
use crate::table::Results;
use crate::values::{number, rate, size};

/// Small blocks by many callers at once, large ones by few: at most 4 MiB are on their way.
pub(crate) const SIZES: [Echo; 4] = [
    Echo { bytes: 16, in_flight: 64 },
    Echo { bytes: 4 << 10, in_flight: 64 },
    Echo { bytes: 64 << 10, in_flight: 16 },
    Echo { bytes: 1 << 20, in_flight: 4 },
];

/// Those with a limit beside them, and the two that stay on this machine.
pub(crate) const TRANSPORTS: [&str; 4] = ["unix", "tcp", "shm", "mem"];

/// A figure: its name, its heading, how it is written, and by what it is divided.
struct Column(&'static str, &'static str, fn(f64) -> String, f64);

const COLUMNS: [Column; 4] = [
    Column("p50_ns", "p50 µs", number, 1e3),
    Column("p99_ns", "p99 µs", number, 1e3),
    Column("calls_per_s", "calls/s", rate, 1.0),
    Column("cpu_ns_per_call", "CPU µs/call", number, 1e3),
];

/// Prints the table, and writes the plot to a file.
pub(crate) fn report(results: &Results, plot: &Path) {
    let headings = COLUMNS.map(|Column(_, heading, ..)| heading).join(" | ");
    println!("median ±half the spread of the rounds; both processes' CPU time\n");
    println!("| an echo of | over | {headings} |");
    println!("|---|---|{}", "--:|".repeat(COLUMNS.len()));
    for echo in SIZES {
        let work = Work::Echo(echo);
        for (at, entrant) in results.entrants().iter().enumerate() {
            let cells = COLUMNS.map(|Column(figure, _, write, unit)| {
                let values = results.values(at, &format!("{work} {figure}"));
                let Some(median) = values.median() else { return "-".to_owned() };
                format!("{} ±{:.0}%", write(median / unit), values.spread())
            });
            let first = format!("{}, {} in flight", size(echo.bytes), echo.in_flight);
            println!(
                "| {} | {} | {} |",
                if at == 0 { &first } else { "" },
                named(*entrant),
                cells.join(" | ")
            );
        }
    }
    let series = results.entrants().iter().enumerate().map(|(at, entrant)| {
        let points = SIZES.iter().filter_map(|echo| {
            let work = Work::Echo(*echo);
            let p50 = results.values(at, &format!("{work} p50_ns")).median()?;
            Some((echo.bytes as f64, p50 / 1e3))
        });
        Series { name: named(*entrant), points: points.collect(), is_limit: is_limit(*entrant) }
    });
    let plotted = Plot {
        title: "One echo at a time",
        x: Axis { name: "bytes", write: |value| size(value as usize) },
        y: Axis { name: "median, µs", write: number },
        series: series.collect(),
    };
    plotted.save(plot);
}

fn is_limit(entrant: Entrant) -> bool {
    entrant.name == PING_PONG || entrant.name == MULTIPLEXER
}

/// An entrant as a reader knows it.
fn named(entrant: Entrant) -> String {
    let bare = |transport| if transport == "unix" { "Unix socket" } else { "TCP" };
    match (entrant.name, entrant.transport) {
        (PING_PONG, transport) => format!("bare {}", bare(transport)),
        (MULTIPLEXER, transport) => format!("calls by hand, {}", bare(transport)),
        (_, "tcp") => "`tcp://`".to_owned(),
        (_, scheme) => format!("`{scheme}:`"),
    }
}
