//! Values that another version of their types wrote, as this side's version reads them: plain bytes with gaps where
//! this side's own types say what stands. Never decides what a gap means.

use traitwire_idl::{Absent, DecodeLimits, Gap, Plan, TranscodeError, Transcoded};

use crate::body::Body;
use crate::buffer::Buffer;
use crate::error::{Code, RpcError};
use crate::reference::References;

/// A body's bytes behind its first gap, and all gaps.
#[derive(Debug)]
pub(crate) struct Evolved {
    transcoded: Transcoded,
}

/// What stands in a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing<'a> {
    /// A field, by its name.
    Field(&'a str),
    /// An argument, by its place.
    Argument(u32),
}

impl Evolved {
    /// A gap, and how many structures with a field of its name begin one there before.
    pub(crate) fn gap(&self, index: usize) -> Option<(Missing<'_>, u32)> {
        let gap = *self.transcoded.gaps.get(index)?;
        let missing = match gap.absent {
            Absent::Field(_) => Missing::Field(self.transcoded.name(gap)?),
            Absent::Argument(place) => Missing::Argument(place),
        };
        Some((missing, gap.skip))
    }

    /// The bytes between the gap before this one, or the beginning, and this one, or the end.
    pub(crate) fn between(&self, index: usize) -> &[u8] {
        let at = |gap: Option<&Gap>| gap.map(|gap| gap.at as usize);
        let start = index.checked_sub(1).and_then(|before| at(self.transcoded.gaps.get(before)));
        let end = at(self.transcoded.gaps.get(index)).unwrap_or(self.transcoded.bytes.len());
        &self.transcoded.bytes[start.unwrap_or(0)..end]
    }

    /// How many bytes there are behind this gap.
    pub(crate) fn after(&self, index: usize) -> usize {
        let at = self.transcoded.gaps.get(index).map_or(self.transcoded.bytes.len(), |gap| gap.at as usize);
        self.transcoded.bytes.len() - at
    }
}

/// One value, or all arguments, from the beginning of `bytes`, and how many of these it took.
///
/// # Errors
/// `Decode`, and `SchemaMismatch` for a variant that this side does not have.
pub(crate) fn evolve(
    plan: &Plan,
    bytes: &[u8],
    references: &References,
    max_depth: u32,
) -> Result<(Body, usize), RpcError> {
    let limits = DecodeLimits::default().with_max_depth(max_depth);
    let mut transcoded = Transcoded { bytes: std::mem::take(&mut *Buffer::new()), ..Transcoded::default() };
    let taken = plan.transcode(bytes, limits, &mut transcoded).map_err(refused)?;
    if transcoded.gaps.is_empty() {
        let head = Buffer::from(transcoded.bytes);
        return Ok((Body::new(head).with_references(references.clone()), taken));
    }
    let evolved = Evolved { transcoded };
    let mut head = Buffer::new();
    head.extend_from_slice(evolved.between(0));
    Ok((Body::new(head).with_gaps(references, evolved), taken))
}

/// The whole body as this side's version.
///
/// # Errors
/// As [`evolve`], and `Decode` where it goes on after its value.
pub(crate) fn evolve_all(plan: &Plan, body: &mut Body, max_depth: u32) -> Result<(), RpcError> {
    let references = body.references().clone();
    let bytes = body.as_contiguous();
    let (evolved, taken) = evolve(plan, bytes, &references, max_depth)?;
    match bytes.len() - taken {
        0 => *body = evolved,
        rest => return Err(RpcError::new(Code::Decode, format!("{rest} bytes after the last value"))),
    }
    Ok(())
}

#[cold]
fn refused(error: TranscodeError) -> RpcError {
    let code = match error {
        TranscodeError::UnknownVariant(_) => Code::SchemaMismatch,
        _ => Code::Decode,
    };
    RpcError::new(code, error.to_string())
}
