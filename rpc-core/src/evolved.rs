//! Values that another version of their types wrote, as this side's version reads them: plain bytes with gaps where
//! this side's own types say what stands. Never decides what a gap means.

use std::sync::Arc;

use traitwire_idl::{Absent, DecodeLimits, GapCursor, Gaps, Plan, TranscodeError, Transcoded};

use crate::body::Body;
use crate::buffer::Buffer;
use crate::error::{Code, RpcError};
use crate::reference::References;

/// A body's bytes behind its first gap, and all gaps.
#[derive(Debug)]
pub(crate) struct Evolved {
    bytes: Buffer,
    gaps: Gaps,
    /// Of fields that gaps refer to.
    names: Arc<[Box<str>]>,
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
    /// The gap at a place, how many structures with a field of its name begin one there before, and the place behind it.
    pub(crate) fn gap(&self, place: GapCursor) -> Option<(Missing<'_>, u32, GapCursor)> {
        let (gap, behind) = self.gaps.after(place)?;
        let missing = match gap.absent {
            Absent::Field(name) => Missing::Field(self.names.get(name as usize)?),
            Absent::Argument(place) => Missing::Argument(place),
        };
        Some((missing, gap.skip, behind))
    }

    /// The bytes up to the gap at a place, or the end.
    pub(crate) fn before(&self, place: GapCursor) -> &[u8] {
        &self.bytes[place.at as usize..self.position(place)]
    }

    /// How many bytes there are behind the gap at a place.
    pub(crate) fn after(&self, place: GapCursor) -> usize {
        self.bytes.len() - self.position(place)
    }

    fn position(&self, place: GapCursor) -> usize {
        let next = self.gaps.after(place);
        next.map_or(self.bytes.len(), |(gap, _)| gap.at as usize)
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
    let taken = plan.transcode(bytes, limits, &mut transcoded);
    let Transcoded { bytes, gaps, names, .. } = transcoded;
    // Before a failure is told: it goes back to where it was taken from.
    let bytes = Buffer::from(bytes);
    let taken = taken.map_err(refused)?;
    if gaps.is_empty() {
        return Ok((Body::new(bytes).with_references(references.clone()), taken));
    }
    let evolved = Evolved { bytes, gaps, names };
    let mut head = Buffer::new();
    head.extend_from_slice(evolved.before(GapCursor::default()));
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
