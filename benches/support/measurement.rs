//! What one run of a workload gives: a few named figures, as one line of JSON between processes.

use std::fmt;

/// The figures of one run.
#[derive(Debug, Clone)]
pub(crate) struct Measurement {
    pub(crate) workload: String,
    pub(crate) figures: Vec<(String, f64)>,
}

impl Measurement {
    pub(crate) fn new(workload: impl fmt::Display, figures: &[(&str, f64)]) -> Self {
        let figures = figures.iter().map(|(name, value)| ((*name).to_owned(), *value));
        Self { workload: workload.to_string(), figures: figures.collect() }
    }

    /// With more figures.
    pub(crate) fn and(mut self, figures: &[(&str, f64)]) -> Self {
        self.figures.extend(figures.iter().map(|(name, value)| ((*name).to_owned(), *value)));
        self
    }
}

impl fmt::Display for Measurement {
    /// As one line of JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{\"workload\":\"{}\"", self.workload)?;
        for (name, value) in &self.figures {
            write!(f, ",\"{name}\":{value:.1}")?;
        }
        f.write_str("}")
    }
}
