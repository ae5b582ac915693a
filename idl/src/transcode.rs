//! Bytes that one version wrote into bytes that another version reads, by a [`Plan`]. Walks with a stack of its own,
//! under the limits that a [`Guard`](crate::Guard) has. Never builds a value, and never makes up a default: where the
//! reader's type has one, there is a gap.

mod gaps;
mod output;
mod walk;

use std::fmt;
use std::sync::Arc;

use crate::guard::{DecodeLimits, GuardError};
use crate::resolve::plan::Plan;
pub use gaps::{GapCursor, Gaps};
use walk::Walk;

/// Values of the reader's version.
#[derive(Debug, Clone, Default)]
pub struct Transcoded {
    /// As the reader's own version is encoded, but for the gaps.
    pub bytes: Vec<u8>,
    /// Where nothing was written.
    pub gaps: Gaps,
    /// The names of fields that gaps refer to.
    pub names: Arc<[Box<str>]>,
    /// How many parts were visited, with and without bytes: what it cost.
    pub steps: u64,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// and tells how many bytes it took. It visits at most 64 parts for each byte and each element without bytes, and
    /// 65,536; a byte may be moved once for each structure around it. It adds at most four gaps and absent values for
    /// each byte, and 1,048,576. It needs none of the machine's own stack.
    ///
    /// Hidden, as what it gives is: only a body of the core can be decoded that has gaps.
    ///
    /// # Errors
    /// [`TranscodeError`]. Nothing is in `into` then.
    #[doc(hidden)]
    pub fn transcode(
        &self,
        bytes: &[u8],
        limits: DecodeLimits,
        into: &mut Transcoded,
    ) -> Result<usize, TranscodeError> {
        into.names = Arc::clone(&self.table.names);
        into.gaps.clear();
        into.bytes.clear();
        let (out, gaps) = (std::mem::take(&mut into.bytes), std::mem::take(&mut into.gaps));
        let mut walk = Walk::new(&self.table, bytes, limits, out, gaps);
        let walked = walk.walk(self.root);
        (into.bytes, into.gaps, into.steps) = (walk.out, walk.gaps, walk.steps);
        if walked.is_err() {
            into.bytes.clear();
            into.gaps.clear();
        }
        walked.map(|()| walk.at)
    }
}
