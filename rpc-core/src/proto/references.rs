//! The objects of this side that the peer may call, each for as long as the peer holds a reference to it; and the
//! `GIVE` frames that say which references a message carries. Never calls an object.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::{Code, RpcError};
use crate::proto::frame::{put_varint, take_varint};
use crate::proto::violation;
use crate::reference::{Home, MAX_REFERENCES, Object, Reference, References, RemoteObject};

/// What a reference in a `GIVE` stands for, as its receiver sees it (P-38).
const THEIRS: u8 = 0;
const OWN: u8 = 1;

#[derive(Debug)]
struct Export {
    object: Arc<Object>,
    /// References that the peer was given and has not given back.
    held: u64,
}

#[derive(Debug, Default)]
pub(super) struct Objects {
    exports: HashMap<u64, Export>,
    home: Arc<Home>,
    has_given: bool,
}

impl Objects {
    pub(super) fn home(&self) -> &Arc<Home> {
        &self.home
    }

    pub(super) fn has_given(&self) -> bool {
        self.has_given
    }

    /// The object of this side that has a number.
    pub(super) fn find(&self, id: u64) -> Option<&Arc<Object>> {
        self.exports.get(&id).map(|export| &export.object)
    }

    /// Why these references cannot be given to the peer, if they cannot.
    pub(super) fn refusal(&self, references: &References, max_references: u32) -> Option<RpcError> {
        let references = references.as_ref()?;
        if references.len() > MAX_REFERENCES {
            let message = format!("{} clients in one message, above {MAX_REFERENCES}", references.len());
            return Some(RpcError::new(Code::TooLarge, message));
        }
        let mut new = 0;
        for reference in references.iter() {
            match reference {
                Reference::Local(object) => new += usize::from(!self.exports.contains_key(&object.id())),
                Reference::Remote(object) if Arc::ptr_eq(&object.home, &self.home) => {}
                Reference::Remote(_) => {
                    let message =
                        "a client came over another connection and cannot be passed on over this one";
                    return Some(RpcError::new(Code::InvalidArgument, message));
                }
            }
        }
        (self.exports.len() + new > max_references as usize).then(|| {
            let message = format!("the peer holds {max_references} clients (max_references)");
            RpcError::new(Code::ResourceExhausted, message)
        })
    }

    /// Gives references to the peer: the payload that says so. Not called for what [`refusal`](Self::refusal)
    /// refuses.
    pub(super) fn give(&mut self, references: &[Reference]) -> Vec<u8> {
        let mut payload = Vec::new();
        self.has_given = true;
        for reference in references {
            match reference {
                Reference::Local(object) => {
                    let new = || Export { object: Arc::clone(object), held: 0 };
                    self.exports.entry(object.id()).or_insert_with(new).held += 1;
                    payload.push(THEIRS);
                    put_varint(&mut payload, object.id());
                    payload.extend_from_slice(&object.interface().to_le_bytes());
                }
                Reference::Remote(object) => {
                    payload.push(OWN);
                    put_varint(&mut payload, object.id);
                }
            }
        }
        payload
    }

    /// Takes back what was given with a message that never went out.
    pub(super) fn take_back(&mut self, references: &References) {
        for reference in references.iter().flat_map(|references| references.iter()) {
            if let Reference::Local(object) = reference {
                // It was given once more than this.
                let _ = self.drop_one(object.id());
            }
        }
    }

    fn drop_one(&mut self, id: u64) -> Option<()> {
        let export = self.exports.get_mut(&id)?;
        export.held -= 1;
        if export.held == 0 {
            self.exports.remove(&id);
        }
        Some(())
    }

    /// A `GIVE` frame (P-38).
    pub(super) fn handle_give(&self, mut payload: &[u8]) -> Result<References, RpcError> {
        let mut references = Vec::new();
        while let Some((&kind, rest)) = payload.split_first() {
            payload = rest;
            let id = take_varint(&mut payload)?;
            references.push(match kind {
                THEIRS => {
                    let Some((interface, rest)) = payload.split_first_chunk() else {
                        return Err(violation("P-38", "a reference that is cut short"));
                    };
                    payload = rest;
                    let (interface, home) = (u64::from_le_bytes(*interface), Arc::clone(&self.home));
                    Reference::Remote(Arc::new(RemoteObject { id, interface, home }))
                }
                OWN => match self.find(id) {
                    Some(object) => Reference::Local(Arc::clone(object)),
                    None => return Err(violation("P-38", format_args!("an object it was not given ({id})"))),
                },
                _ => return Err(violation("P-38", format_args!("a reference of kind {kind}"))),
            });
            if references.len() > MAX_REFERENCES {
                return Err(violation("P-38", format_args!("more than {MAX_REFERENCES} references")));
            }
        }
        match references.is_empty() {
            true => Err(violation("P-38", "no reference at all")),
            false => Ok(Some(Arc::new(references.into()))),
        }
    }

    /// A `RETURN` frame (P-39).
    pub(super) fn handle_return(&mut self, mut payload: &[u8]) -> Result<(), RpcError> {
        while !payload.is_empty() {
            let id = take_varint(&mut payload)?;
            if self.drop_one(id).is_none() {
                return Err(violation("P-39", format_args!("an object it does not hold ({id})")));
            }
        }
        Ok(())
    }

    /// The connection is over.
    pub(super) fn end(&mut self) {
        self.exports.clear();
        self.home.close();
    }
}
