//! The figures of all rounds as one table: medians, their ratio to the first entrant's, and the spread.

use std::collections::BTreeMap;

use crate::entrants::Entrant;

pub(crate) struct Results {
    entrants: Vec<Entrant>,
    /// By figure, then by entrant: one value for each round.
    figures: BTreeMap<String, Vec<Vec<f64>>>,
}

/// What is printed of the figures, its heading, and what a unit of it is.
const COLUMNS: [(&str, &str, f64); 10] = [
    ("W1 p50_ns", "W1 p50 µs", 1e3),
    ("W1 p99_ns", "W1 p99 µs", 1e3),
    ("W2 calls_per_s", "W2 k calls/s", 1e3),
    ("W2 cpu_ns_per_call", "W2 CPU µs/call", 1e3),
    ("W3 calls_per_s", "W3 k calls/s", 1e3),
    ("W3 cpu_ns_per_call", "W3 CPU µs/call", 1e3),
    ("W4 mb_per_s", "W4 MB/s", 1.0),
    ("W5 items_per_s", "W5 M items/s", 1e6),
    ("W5 cpu_ns_per_item", "W5 CPU ns/item", 1.0),
    ("W6 conns_per_s", "W6 connections/s", 1.0),
];

impl Results {
    pub(crate) fn new(entrants: &[Entrant]) -> Self {
        Self { entrants: entrants.to_vec(), figures: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, entrant: usize, figure: &str, value: f64) {
        let rows = self.figures.entry(figure.to_owned()).or_default();
        rows.resize(self.entrants.len(), Vec::new());
        rows[entrant].push(value);
    }

    pub(crate) fn print(&self) {
        let columns = COLUMNS.iter().filter_map(|column| Some((column, self.figures.get(column.0)?)));
        let columns: Vec<_> = columns.collect();
        println!("median (ratio to {}) ±half the spread of the rounds\n", self.entrants[0]);
        let headings: Vec<_> = columns.iter().map(|((_, heading, _), _)| format!("{heading:>22}")).collect();
        println!("| {:<16} | {} |", "", headings.join(" | "));
        println!("|{:-<18}|{}", "", format!("{:->24}|", ":").repeat(columns.len()));
        for (at, entrant) in self.entrants.iter().enumerate() {
            let cells: Vec<_> =
                columns.iter().map(|((_, _, unit), rows)| format!("{:>22}", cell(rows, at, *unit))).collect();
            println!("| {:<16} | {} |", entrant.to_string(), cells.join(" | "));
        }
    }
}

fn cell(rows: &[Vec<f64>], at: usize, unit: f64) -> String {
    let Some(value) = median(&rows[at]) else { return "-".to_owned() };
    let ratio = median(&rows[0]).map_or(f64::NAN, |first| value / first);
    let least = rows[at].iter().copied().fold(f64::INFINITY, f64::min);
    let most = rows[at].iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{} ({ratio:.2}) ±{:.0}%", number(value / unit), (most - least) / value * 50.0)
}

fn number(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}
