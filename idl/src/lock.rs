//! Lock files: the text of interfaces that others rely on, to compare later versions with. Never accepts a change by
//! itself.
//!
//! One test keeps the services of a crate from changing by mistake:
//!
//! ```ignore
//! #[test]
//! fn others_can_still_call() -> Result<(), LockError> {
//!     lock::verify("interfaces.lock", [CalculatorClient::interface(), SearchClient::interface()])
//! }
//! ```
//!
//! `TRAITWIRE_LOCK=overwrite cargo test` writes the file the first time, and again where a change is meant.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::compat::{Compatibility, Safety, compare_all};
use crate::model::Interface;
use crate::print::print_all;
use crate::resolve::TooLarge;
use crate::text::{TextError, parse};

/// The variable of the environment that has [`verify`] write the file.
const VARIABLE: &str = "TRAITWIRE_LOCK";

/// What stands at the beginning of each file.
const HEADING: &str = "\
// What others rely on. Written by `traitwire check --lock FILE --update`, or by the test that verifies it with
// TRAITWIRE_LOCK=overwrite in the environment.

";

/// Why interfaces do not go with a lock file. What is said with `{:?}`, as by a test that returns it, is what is said
/// with `{}`.
#[non_exhaustive]
pub enum LockError {
    /// There is no such file.
    Missing(PathBuf),
    /// The file cannot be read or written.
    File(PathBuf, io::Error),
    /// The file is no text of interfaces.
    Text(PathBuf, TextError),
    /// The text of interfaces, with this reason, cannot have these: nothing was written.
    Inexpressible(PathBuf, String),
    /// The interfaces cannot be compared.
    TooLarge(PathBuf),
    /// The interfaces have changed in a way that is not allowed.
    Changed(PathBuf, Compatibility),
    /// The interfaces have changed in a way that is allowed, and the file does not have that yet: what was added since
    /// is not compared with.
    Outdated(PathBuf, Compatibility),
}

impl LockError {
    /// All changes of interfaces that differ from those of the file.
    pub fn changes(&self) -> Option<&Compatibility> {
        match self {
            Self::Changed(_, changes) | Self::Outdated(_, changes) => Some(changes),
            _ => None,
        }
    }
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(file) => write!(
                f,
                "{}: there is no such file; `{VARIABLE}=overwrite cargo test` writes it, to be committed",
                file.display()
            ),
            Self::File(file, error) => write!(f, "{}: {error}", file.display()),
            Self::Text(file, error) => write!(f, "{}: {error}", file.display()),
            Self::Inexpressible(file, why) => {
                write!(f, "{}: nothing was written, since it could not be read again: {why}", file.display())
            }
            Self::TooLarge(file) => write!(f, "{}: {TooLarge}", file.display()),
            Self::Changed(file, changes) | Self::Outdated(file, changes) => {
                writeln!(f, "the interfaces are not those of {} any more:", file.display())?;
                for change in &changes.changes {
                    writeln!(f, "  {change}")?;
                }
                write!(f, "  all together: {}", changes.safety())?;
                match changes.explanation() {
                    Some(why) => writeln!(f, ": {why}")?,
                    None => writeln!(f)?,
                }
                write!(f, "where this is meant, `{VARIABLE}=overwrite cargo test` writes the file anew")
            }
        }
    }
}

impl fmt::Debug for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for LockError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(_, error) => Some(error),
            Self::Text(_, error) => Some(error),
            _ => None,
        }
    }
}

/// Which changes are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Allowed {
    /// All with which some order of upgrades breaks no call.
    Ordered,
    /// Those that are safe in any order.
    Safe,
}

impl Allowed {
    /// Whether changes of this safety are among them.
    pub fn allows(self, safety: Safety) -> bool {
        match safety {
            Safety::Safe => true,
            Safety::Breaking => false,
            _ => self == Self::Ordered,
        }
    }
}

/// Compares interfaces with those of a file. Any difference is an error, so that the file says at all times what others
/// rely on: where calls would break whoever is upgraded first it is a [`Changed`](LockError::Changed), else an
/// [`Outdated`](LockError::Outdated), with which nothing is wrong but the file. The order of services and methods, docs
/// and names of types are no difference. A relative path counts from the folder of the package, where cargo runs tests.
/// With `TRAITWIRE_LOCK=overwrite` in the environment it writes the file instead.
///
/// # Errors
/// [`LockError::Changed`] and [`LockError::Outdated`] with all changes, and what keeps the file from being read or written.
pub fn verify<'a>(
    file: impl AsRef<Path>,
    interfaces: impl IntoIterator<Item = &'a Interface>,
) -> Result<(), LockError> {
    verify_with(file, interfaces, Allowed::Ordered)
}

/// The same, with what counts as allowed.
///
/// # Errors
/// As [`verify`].
pub fn verify_with<'a>(
    file: impl AsRef<Path>,
    interfaces: impl IntoIterator<Item = &'a Interface>,
    allowed: Allowed,
) -> Result<(), LockError> {
    let (file, now) = (file.as_ref(), Vec::from_iter(interfaces.into_iter().map(Interface::without_docs)));
    if std::env::var_os(VARIABLE).is_some_and(|value| value == "overwrite") {
        return write(file, &now);
    }
    let before = read(file)?;
    compare(file, &before, &now, allowed)
}

/// Compares interfaces with those that were read from a file.
///
/// # Errors
/// As [`verify`], but for what concerns reading and writing.
pub fn compare(
    file: impl AsRef<Path>,
    before: &[Interface],
    now: &[Interface],
    allowed: Allowed,
) -> Result<(), LockError> {
    let file = file.as_ref().to_owned();
    let changes = match compare_all(before, now) {
        Ok(changes) => changes,
        Err(TooLarge) => return Err(LockError::TooLarge(file)),
    };
    match allowed.allows(changes.safety()) {
        true if changes.changes.is_empty() => Ok(()),
        true => Err(LockError::Outdated(file, changes)),
        false => Err(LockError::Changed(file, changes)),
    }
}

/// The interfaces of a file.
///
/// # Errors
/// [`LockError::Missing`] where there is none, and what keeps it from being read.
pub fn read(file: impl AsRef<Path>) -> Result<Vec<Interface>, LockError> {
    let file = file.as_ref();
    let text = std::fs::read_to_string(file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => LockError::Missing(file.to_owned()),
        _ => LockError::File(file.to_owned(), error),
    })?;
    parse(&text).map_err(|error| LockError::Text(file.to_owned(), error))
}

/// Writes a file. One that is there keeps its owner and its rights, a link stays one, and what must not be written to
/// is an error. Docs are left out: nobody relies on them.
///
/// # Errors
/// [`LockError::File`], and [`LockError::Inexpressible`] for interfaces that no text has, as only a peer's schema can be
/// that nobody's macro has made.
pub fn write(file: impl AsRef<Path>, interfaces: &[Interface]) -> Result<(), LockError> {
    let bare: Vec<_> = interfaces.iter().map(Interface::without_docs).collect();
    let text = format!("{HEADING}{}", print_all(&bare));
    read_again(&text, &bare).map_err(|why| LockError::Inexpressible(file.as_ref().to_owned(), why))?;
    // In its place, and not by another that is renamed: that would be of another owner, would take the place of a link
    // or of a file that is read-only, and cannot be done to a mount. A crash may leave less than the whole text, which
    // is no text of interfaces or lacks some: it is refused, and version control has the one before.
    std::fs::write(&file, text).map_err(|error| LockError::File(file.as_ref().to_owned(), error))
}

/// Whether a text says what these interfaces are, or why not.
fn read_again(text: &str, interfaces: &[Interface]) -> Result<(), String> {
    let read = parse(text).map_err(|error| error.to_string())?;
    let changes = compare_all(interfaces, &read).map_err(|error| error.to_string())?;
    changes.changes.first().map_or(Ok(()), |change| Err(change.to_string()))
}
