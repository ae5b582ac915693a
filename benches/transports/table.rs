//! The figures of all rounds as one table: medians, their ratio to the first entrant's, and the spread.

use std::collections::BTreeMap;

use crate::entrants::Entrant;
use crate::values::Values;

pub(crate) struct Results {
    entrants: Vec<Entrant>,
    /// By figure, then by entrant: one value for each round.
    figures: BTreeMap<String, Vec<Values>>,
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
        rows.resize(self.entrants.len(), Values::default());
        rows[entrant].add(value);
    }

    pub(crate) fn entrants(&self) -> &[Entrant] {
        &self.entrants
    }

    /// A figure of an entrant, over the rounds.
    pub(crate) fn values(&self, entrant: usize, figure: &str) -> Values {
        self.figures.get(figure).map(|rows| rows[entrant].clone()).unwrap_or_default()
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

fn cell(rows: &[Values], at: usize, unit: f64) -> String {
    let Some(value) = rows[at].median() else { return "-".to_owned() };
    let ratio = rows[0].median().map_or(f64::NAN, |first| value / first);
    format!("{} ({ratio:.2}) ±{:.0}%", number(value / unit), rows[at].spread())
}

fn number(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}
