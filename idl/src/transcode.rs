//! Bytes that one version wrote into bytes that another version reads, by a [`Plan`]. Walks with a stack of its own,
//! under the limits that a [`Guard`](crate::Guard) has. Never builds a value, and never makes up a default: where the
//! reader's type has one, there is a gap.

mod output;
mod walk;

use std::fmt;
use std::sync::Arc;

use crate::guard::{DecodeLimits, GuardError};
use crate::resolve::plan::{Plan, Table};
use walk::Walk;

/// Values of the reader's version.
#[derive(Debug, Clone, Default)]
pub struct Transcoded {
    /// As the reader's own version is encoded, but for the gaps.
    pub bytes: Vec<u8>,
    /// In the order of their positions.
    pub gaps: Vec<Gap>,
    /// The names of fields that gaps refer to.
    pub names: Arc<[Box<str>]>,
}

/// A place where nothing was written: the reader's type knows the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The position in the bytes.
    pub at: u32,
    /// How many structures with a field of this name begin a field at this position before the one that has the gap,
    /// since the gap before.
    pub skip: u32,
    /// What is missing there.
    pub absent: Absent,
}

/// What a caller or a callee of another version does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// A field; this is the number of its name.
    Field(u32),
    /// An argument; this is its place among those that are sent with the call.
    Argument(u32),
}

impl Transcoded {
    /// The name of the field that is missing, if it is not an argument.
    pub fn name(&self, gap: Gap) -> Option<&str> {
        match gap.absent {
            Absent::Field(name) => self.names.get(name as usize).map(|name| &**name),
            Absent::Argument(_) => None,
        }
    }
}

/// Why a value cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TranscodeError {
    /// The bytes are not what their version says, or ask for too much.
    Bytes(GuardError),
    /// It holds a variant, of this name, which the reader does not know.
    UnknownVariant(String),
}

impl fmt::Display for TranscodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TranscodeError::Bytes(error) => error.fmt(f),
            TranscodeError::UnknownVariant(name) => write!(f, "the variant {name} is unknown to its reader"),
        }
    }
}

impl std::error::Error for TranscodeError {}

impl From<GuardError> for TranscodeError {
    fn from(error: GuardError) -> Self {
        TranscodeError::Bytes(error)
    }
}

impl Plan {
    /// Reads one value from the beginning of `bytes`, or all arguments, puts it into `into` in place of what was there,
    /// and tells how many bytes it took. It costs time in proportion to the bytes, at most `max_depth` times, and none of the machine's own
    /// stack.
    ///
    /// # Errors
    /// [`TranscodeError`]. Nothing is in `into` then.
    pub fn transcode(
        &self,
        bytes: &[u8],
        limits: DecodeLimits,
        into: &mut Transcoded,
    ) -> Result<usize, TranscodeError> {
        into.names = Arc::clone(&self.table.names);
        into.gaps.clear();
        into.bytes.clear();
        let mut walk = Walk::new(&self.table, bytes, limits, std::mem::take(&mut into.bytes));
        let walked = walk.walk(self.root);
        into.bytes = walk.out;
        match walked {
            Ok(()) => gather(&self.table, &walk.events, &mut into.gaps),
            Err(_) => into.bytes.clear(),
        }
        walked.map(|()| walk.at)
    }
}

/// Something without bytes of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event {
    at: u32,
    what: What,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum What {
    /// A field of a structure begins.
    Start(u32),
    Gap(Absent),
}

/// The gaps among events, each with how to tell it from others at its position.
fn gather(table: &Table, events: &[Event], gaps: &mut Vec<Gap>) {
    let mut since = 0;
    for (index, event) in events.iter().enumerate() {
        if event.at != events[since].at {
            since = index;
        }
        let What::Gap(absent) = event.what else { continue };
        let has = |event: &&Event| match (event.what, absent) {
            (What::Start(structure), Absent::Field(name)) => {
                table.structures[structure as usize].contains(&name)
            }
            _ => false,
        };
        let skip = events[since..index].iter().filter(has).count() as u32;
        gaps.push(Gap { at: event.at, skip, absent });
        since = (index + 1).min(events.len() - 1);
    }
}
