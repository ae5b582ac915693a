//! The lines by which clients introduce themselves at a FIFO server's door. Never holds more of a line than
//! a true one has, and never makes a path of what a line says but from two numbers.

use std::ffi::{OsStr, OsString};
use std::fmt;

/// A client's pair of pipes: its process id, and a number of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) pid: u32,
    pub(super) number: u64,
}

impl Caller {
    /// The names of its pipes beside a door of this name: into the server, and out of it.
    pub(super) fn names(self, base: &OsStr) -> (OsString, OsString) {
        let name = |end: &str| {
            let mut name = base.to_owned();
            name.push(format!(".{self}.{end}"));
            name
        };
        (name("in"), name("out"))
    }

    /// Reads what `Display` prints, and nothing else: no sign, no leading zero.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let (pid, number) = std::str::from_utf8(line).ok()?.split_once('.')?;
        let caller = Self { pid: pid.parse().ok()?, number: number.parse().ok()? };
        (caller.to_string().as_bytes() == line).then_some(caller)
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.pid, self.number)
    }
}

/// Cuts what arrives at the door into lines.
#[derive(Debug, Default)]
pub(super) struct Introductions {
    partial: Vec<u8>,
    /// The line begun is too long to be one.
    overlong: bool,
}

impl Introductions {
    /// `u32::MAX`, a dot, `u64::MAX`.
    const LONGEST: usize = 10 + 1 + 20;

    /// Takes bytes; gives the callers of the lines they complete. Other lines are skipped.
    pub(super) fn handle(&mut self, bytes: &[u8]) -> Vec<Caller> {
        let mut callers = Vec::new();
        for byte in bytes {
            if *byte == b'\n' {
                if !std::mem::take(&mut self.overlong) {
                    callers.extend(Caller::parse(&self.partial));
                }
                self.partial.clear();
            } else if self.partial.len() == Self::LONGEST {
                self.overlong = true;
            } else {
                self.partial.push(*byte);
            }
        }
        callers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_plain_numbers_introduce_anybody() {
        let caller = |pid, number| Some(Caller { pid, number });
        for (line, expected) in [
            (&b"17.3"[..], caller(17, 3)),
            (b"4294967295.18446744073709551615", caller(u32::MAX, u64::MAX)),
            (b"4294967296.0", None),
            (b"017.3", None),
            (b"+17.3", None),
            (b"17.3 ", None),
            (b"17", None),
            (b"17.3.4", None),
            (b"../17.3", None),
            (b"17./3", None),
            (b"", None),
            (b"\xFF.1", None),
        ] {
            assert_eq!(Caller::parse(line), expected, "{line:?}");
        }
    }

    #[test]
    fn garbage_is_skipped_and_bounded_however_it_is_split() {
        let junk = [b'7'; 5_000];
        let input = [b"1.2\nhello\n\n", &junk[..], b".1\n3.4\n", &junk[..], b"\n5.6\n7.8"].concat();
        for step in [1, 2, 3, 7, 4096, input.len()] {
            let mut introductions = Introductions::default();
            let callers: Vec<Caller> =
                input.chunks(step).flat_map(|piece| introductions.handle(piece)).collect();
            assert_eq!(callers.iter().map(Caller::to_string).collect::<Vec<_>>(), ["1.2", "3.4", "5.6"]);
            assert!(introductions.partial.capacity() <= 64);
        }
    }

    #[test]
    fn names_stay_beside_the_door() {
        let (inward, outward) = Caller { pid: 1, number: 2 }.names(OsStr::new("door"));
        assert_eq!((inward.to_str(), outward.to_str()), (Some("door.1.2.in"), Some("door.1.2.out")));
    }
}
