//! What was measured, as tables and plots.

use std::collections::BTreeMap;

use crate::plan::{Plan, SMALL, Sweep};
use crate::plot::{Axis, Plot, Series, save};
use crate::running::figures;
use crate::values::{Values, number, rate, size};

/// All figures of all rounds.
#[derive(Default)]
pub(crate) struct Results {
    figures: BTreeMap<Place, Values>,
    left_out: BTreeMap<(String, usize), String>,
}

/// Where a figure belongs: its sweep, transport, point and name.
type Place = (u8, String, usize, String);

impl Results {
    /// Adds the figures that a client printed.
    pub(crate) fn add(&mut self, sweep: Sweep, transport: &str, point: usize, printed: &str) {
        let Some(line) = printed.lines().rfind(|line| line.starts_with('{')) else {
            return eprintln!("{sweep:?} {transport} {point}: no result");
        };
        for (figure, value) in figures(line) {
            let place = (sweep as u8, transport.to_owned(), point, figure.to_owned());
            self.figures.entry(place).or_default().add(value);
        }
    }

    pub(crate) fn leave_out(&mut self, transport: &str, point: usize, why: String) {
        self.left_out.insert((transport.to_owned(), point), why);
    }

    fn values(&self, sweep: Sweep, transport: &str, point: usize, figure: &str) -> Option<&Values> {
        self.figures.get(&(sweep as u8, transport.to_owned(), point, figure.to_owned()))
    }

    fn points(&self, sweep: Sweep, transport: &str) -> Vec<usize> {
        let of = |place: &&Place| place.0 == sweep as u8 && place.1 == transport;
        let mut points: Vec<_> = self.figures.keys().filter(of).map(|place| place.2).collect();
        points.dedup();
        points
    }
}

/// A figure: its name, its heading, how it is written, and its unit in those of the measurement.
struct Column(&'static str, &'static str, fn(f64) -> String, f64);

impl Sweep {
    fn title(self) -> String {
        match self {
            Sweep::Connections => "small calls, 64 in flight, over so many connections".to_owned(),
            Sweep::InFlight => format!("echoes of {SMALL} B, so many in flight on one connection"),
            Sweep::Payload => "echoes of so many bytes, one at a time".to_owned(),
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Sweep::Connections => "connections",
            Sweep::InFlight => "in flight",
            Sweep::Payload => "payload",
        }
    }

    fn write(self, point: usize) -> String {
        match self {
            Sweep::Payload => size(point),
            _ => point.to_string(),
        }
    }

    fn columns(self) -> Vec<Column> {
        let cpu = Column("cpu_ns_per_call", "CPU µs/call", number, 1e3);
        match self {
            Sweep::Connections => vec![
                Column("calls_per_s", "calls/s", rate, 1.0),
                cpu,
                Column("connect_ns", "connect µs", number, 1e3),
                Column("server_bytes", "server KiB/connection", number, 1024.0),
                Column("client_bytes", "client KiB/connection", number, 1024.0),
                Column("server_files", "open files/connection", number, 1.0),
                Column("idle_cpu_ns_per_s", "server's idle CPU µs/s", number, 1e3),
            ],
            Sweep::InFlight => vec![
                Column("calls_per_s", "calls/s", rate, 1.0),
                cpu,
                Column("wait_ns", "mean time of a call µs", number, 1e3),
            ],
            Sweep::Payload => vec![
                Column("p50_ns", "p50 µs", number, 1e3),
                Column("p99_ns", "p99 µs", number, 1e3),
                Column("mb_per_s", "MB/s each way", number, 1.0),
                Column("cpu_ns_per_call", "CPU µs/call", number, 1e3),
            ],
        }
    }

    /// What is plotted: a file's name, a title, and the column of it.
    fn plots(self) -> &'static [(&'static str, &'static str, usize)] {
        match self {
            Sweep::Connections => &[
                ("connections-rate", "Calls a second, by connections", 0),
                ("connections-memory", "Server's memory for a connection, KiB", 3),
            ],
            Sweep::InFlight => &[
                ("in-flight-rate", "Calls a second, by calls in flight", 0),
                ("in-flight-cpu", "CPU time of a call, µs, by calls in flight", 1),
            ],
            Sweep::Payload => &[
                ("payload-time", "Time of an echo, µs, by its size", 0),
                ("payload-rate", "Bytes each way, MB/s, by size", 2),
            ],
        }
    }
}

/// The tables to standard output, the plots to their folder.
pub(crate) fn print(plan: &Plan, results: &Results) {
    println!("median ±half the spread of the rounds; CPU time is that of both processes");
    for sweep in &plan.sweeps {
        print_sweep(*sweep, plan, results);
        for (file, title, column) in sweep.plots() {
            let plotted = plot(*sweep, plan, results, title, *column);
            save(&[vec![plotted]], &plan.plots.join(format!("{file}.svg")));
        }
    }
    for why in results.left_out.values() {
        println!("\nleft out: {why}");
    }
}

fn print_sweep(sweep: Sweep, plan: &Plan, results: &Results) {
    let columns = sweep.columns();
    let headings: Vec<_> = columns.iter().map(|Column(_, heading, ..)| *heading).collect();
    println!("\n{}\n", sweep.title());
    println!("| {} | over | {} |", sweep.heading(), headings.join(" | "));
    println!("|--:|---|{}", "--:|".repeat(columns.len()));
    let mut points: Vec<_> =
        plan.transports.iter().flat_map(|transport| results.points(sweep, transport)).collect();
    points.sort_unstable();
    points.dedup();
    for point in points {
        for transport in &plan.transports {
            let cells: Vec<_> = columns
                .iter()
                .map(|column| {
                    let Some((value, spread)) = cell(sweep, results, transport, point, column) else {
                        return "-".to_owned();
                    };
                    format!("{} ±{spread:.0}%", column.2(value))
                })
                .collect();
            if cells.iter().any(|cell| cell != "-") {
                println!("| {} | {} | {} |", sweep.write(point), named(transport), cells.join(" | "));
            }
        }
    }
}

/// A figure and its spread. Two of them follow from others.
fn cell(
    sweep: Sweep,
    results: &Results,
    transport: &str,
    point: usize,
    column: &Column,
) -> Option<(f64, f64)> {
    let values = |figure: &str| results.values(sweep, transport, point, figure);
    let measured = |figure| {
        let values = values(figure)?;
        Some((values.median()?, values.spread()))
    };
    let (value, spread) = match column.0 {
        "wait_ns" => measured("calls_per_s").map(|(rate, spread)| (point as f64 / rate * 1e9, spread)),
        "mb_per_s" => measured("p50_ns").map(|(time, spread)| (point as f64 / time * 1e3, spread)),
        figure => measured(figure),
    }?;
    Some((value / column.3, spread))
}

fn plot<'a>(sweep: Sweep, plan: &Plan, results: &Results, title: &'a str, column: usize) -> Plot<'a> {
    let columns = sweep.columns();
    let column = &columns[column];
    let series = plan.transports.iter().map(|transport| {
        let points = results.points(sweep, transport).into_iter().filter_map(|point| {
            let (value, _) = cell(sweep, results, transport, point, column)?;
            (value > 0.0).then_some((point as f64, value))
        });
        Series { name: named(transport), points: points.collect(), is_limit: false }
    });
    let write: fn(f64) -> String = match sweep {
        Sweep::Payload => |value| size(value as usize),
        _ => |value| rate(value),
    };
    Plot {
        title,
        x: Axis { name: sweep.heading(), write },
        y: Axis { name: column.1, write: rate },
        series: series.collect(),
    }
}

fn named(transport: &str) -> String {
    match transport {
        "tcp" => "`tcp://`".to_owned(),
        scheme => format!("`{scheme}:`"),
    }
}
