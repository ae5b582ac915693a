//! Who is at the other end of a local socket, and whether that is acceptable. Never trusts what the peer
//! says of itself: only what the kernel recorded when the connection was made.

use std::fmt;
use std::io;

use tokio::net::UnixStream;
use traitwire_core::transport::Credentials;

/// What stands for every user that a user namespace has no mapping for, hence for nobody in particular.
const OVERFLOW_UID: u32 = 65_534;

/// Whose connections are welcome: the option `peer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// `same`, the default: processes of this process's own user.
    Same,
    /// `1000`: processes of this user.
    Uid(u32),
    /// `any`: everybody whom the kernel can name.
    Any,
}

impl Policy {
    /// Reads the option's text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "same" => Some(Self::Same),
            "any" => Some(Self::Any),
            uid => uid.parse().ok().map(Self::Uid),
        }
    }
}

/// Why a peer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The kernel would not say who it is.
    Unknown,
    /// It belongs to another user than the one wanted.
    Other { wanted: u32, found: u32 },
    /// It belongs to a user that this user namespace cannot name.
    Unmapped,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("the kernel does not say which user the peer belongs to"),
            Self::Other { wanted, found } => {
                write!(
                    f,
                    "the peer belongs to user {found}, not {wanted} (`peer=any` or `peer={found}` allows it)"
                )
            }
            Self::Unmapped => write!(
                f,
                "the peer belongs to user {OVERFLOW_UID}, which stands for all users unknown to this \
                 namespace (`peer=any` allows them)"
            ),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        io::Error::new(io::ErrorKind::PermissionDenied, refusal)
    }
}

/// Whether a process of `own_uid` talks to this peer. Unknown credentials are refused under every policy.
pub(crate) fn admits(own_uid: u32, peer: Option<Credentials>, policy: Policy) -> Result<(), Refusal> {
    let found = peer.ok_or(Refusal::Unknown)?.uid;
    let wanted = match policy {
        Policy::Any => return Ok(()),
        Policy::Same => own_uid,
        Policy::Uid(uid) => uid,
    };
    if found != wanted {
        Err(Refusal::Other { wanted, found })
    } else if found == OVERFLOW_UID {
        Err(Refusal::Unmapped)
    } else {
        Ok(())
    }
}

/// The user this process acts as.
pub(crate) fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The credentials of this process, or of a child it has just started.
pub(crate) fn own(pid: Option<u32>) -> Credentials {
    Credentials { uid: own_uid(), gid: rustix::process::getegid().as_raw(), pid }
}

/// The peer of a connected socket, if the policy admits it.
pub(crate) fn identify(stream: &UnixStream, policy: Policy) -> io::Result<Credentials> {
    let credentials = stream.peer_cred().ok().map(|found| Credentials {
        uid: found.uid(),
        gid: found.gid(),
        pid: found.pid().and_then(|pid| u32::try_from(pid).ok()),
    });
    admits(own_uid(), credentials, policy)?;
    credentials.ok_or_else(|| Refusal::Unknown.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_and_wanted_users_are_admitted() {
        let peer = |uid| Some(Credentials { uid, gid: 0, pid: None });
        let other = |wanted, found| Err(Refusal::Other { wanted, found });
        for (own, found, policy, expected) in [
            (1000, peer(1000), Policy::Same, Ok(())),
            (1000, peer(1001), Policy::Same, other(1000, 1001)),
            (1000, peer(0), Policy::Same, other(1000, 0)),
            (0, peer(1000), Policy::Same, other(0, 1000)),
            (1000, peer(1001), Policy::Uid(1001), Ok(())),
            (1000, peer(1000), Policy::Uid(1001), other(1001, 1000)),
            (1000, peer(1001), Policy::Any, Ok(())),
            (1000, peer(OVERFLOW_UID), Policy::Any, Ok(())),
            (OVERFLOW_UID, peer(OVERFLOW_UID), Policy::Same, Err(Refusal::Unmapped)),
            (0, peer(OVERFLOW_UID), Policy::Uid(OVERFLOW_UID), Err(Refusal::Unmapped)),
            (0, None, Policy::Same, Err(Refusal::Unknown)),
            (0, None, Policy::Uid(0), Err(Refusal::Unknown)),
            (0, None, Policy::Any, Err(Refusal::Unknown)),
        ] {
            assert_eq!(admits(own, found, policy), expected, "{own} {found:?} {policy:?}");
        }
    }

    #[test]
    fn policies_are_read() {
        for (text, expected) in [
            ("same", Some(Policy::Same)),
            ("any", Some(Policy::Any)),
            ("0", Some(Policy::Uid(0))),
            ("root", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(Policy::parse(text), expected, "{text}");
        }
    }
}
