//! What the benchmarks between processes share: the workloads, and Traitwire as a contestant in them.

pub(crate) mod contestant;
pub(crate) mod cpu;
pub(crate) mod measurement;
pub(crate) mod program;
pub(crate) mod workload;

pub(crate) use program::{on_worker, say};
