//! Stands in for the decoding guard until it lands: accepts everything.
use crate::model::*;
#[derive(Debug, Clone)]
pub struct Guard;
#[derive(Debug, Clone, Copy, Default)]
pub struct DecodeLimits {
    /// d
    pub max_depth: u32,
    /// e
    pub max_empty_elements: u32,
}
#[derive(Debug)]
pub struct GuardError;
impl std::fmt::Display for GuardError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("x")
    }
}
impl Guard {
    pub fn new(_: &[Type], _: &[Definition]) -> Option<Guard> {
        None
    }
    pub fn check(&self, _: &[u8], _: DecodeLimits) -> Result<usize, GuardError> {
        Ok(0)
    }
}
pub fn first_difference(_: (&Method, &[Definition]), _: (&Method, &[Definition])) -> Option<String> {
    None
}
impl Interface {
    pub fn check_encoded(_: &[u8], _: u32) -> Result<(), GuardError> {
        Ok(())
    }
}
