//! How a command fails: what is said on standard error, and the exit code. Never ends the process itself.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use traitwire::dynamic::Value;
use traitwire::idl::lock::LockError;
use traitwire::{CallError, Code, Executed, RpcError};

use crate::{interrupt, output};

/// What the exit codes mean, for the help.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
    0  all went well
    1  the method returned its own error, which is on standard error as JSON; or changes
       break calls, or a lock file does not have them (check)
    2  the command line, the address or the JSON is wrong
    3  there is no connection
    4  the call failed on its way
    5  its time ran out
  130  interrupted";

/// What to do about a value that is too large.
pub(crate) const MAX_SIZE: &str = "`call` has --max-size for larger ones, such as 1GiB";

/// Whether a text tells of such a value.
pub(crate) fn is_too_large(message: &str) -> bool {
    message.contains("(max_size)")
}

pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The method's own error.
    Own(Value),
    /// What was asked cannot be done, and what can.
    Usage {
        message: String,
        help: String,
    },
    /// Nobody can be called.
    Connect(RpcError),
    /// What was given for a call is wrong.
    Given(RpcError),
    /// A call failed.
    Call(RpcError),
    /// Versions do not go together; what changed is printed.
    Changed,
    /// A lock file does not say what there is now; what changed is printed.
    Outdated(PathBuf),
    Interrupted,
    /// Standard input or output.
    Local(io::Error),
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: help.into() }
    }

    /// A file or folder cannot be read or written.
    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        Self::usage(format!("{}: {error}", path.display()), "")
    }

    /// Whether nobody reads the output any more: what is printed is lost, and nothing else.
    pub(crate) fn is_unread(&self) -> bool {
        matches!(self, Self::Local(error) if error.kind() == ErrorKind::BrokenPipe)
    }

    /// Says what happened, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let code = self.code();
        match self {
            Self::Own(value) => output::complain(&output::text(value, false)),
            Self::Usage { message, help } => complain(message, &[("help", help)]),
            Self::Given(error) | Self::Call(error) if is_too_large(error.message()) => {
                report(error, MAX_SIZE);
            }
            // What says what to dial needs no advice that knows less.
            Self::Connect(error) if error.message().contains(": dial ") => report(error, ""),
            // The peer refuses something for reasons of its own: the advice is for what is wrong here.
            Self::Call(error) if error.code() == Code::InvalidArgument => {
                report(error, "the peer says so: ask whoever runs it, where the message is not clear");
            }
            Self::Connect(error) | Self::Given(error) | Self::Call(error) => {
                report(error, error.advice());
            }
            Self::Outdated(file) => complain(
                &format!("the interfaces are not those of {} any more", file.display()),
                &[("help", "where this is meant, the same command with --update writes the file")],
            ),
            // Whoever interrupts knows, and changes were printed.
            Self::Interrupted | Self::Changed => {}
            // Whoever reads the output has enough of it.
            unread if unread.is_unread() => {}
            Self::Local(error) => complain(&error.to_string(), &[]),
        }
        ExitCode::from(code)
    }

    fn code(&self) -> u8 {
        match self {
            Self::Own(_) | Self::Changed | Self::Outdated(_) => 1,
            Self::Usage { .. } | Self::Given(_) => 2,
            Self::Connect(error) if error.code() == Code::InvalidArgument => 2,
            Self::Connect(_) => 3,
            // Arguments and metadata that were not sent, since they are too large.
            Self::Call(error) if error.code() == Code::TooLarge && error.executed() == Executed::No => 2,
            Self::Call(error) if error.code() == Code::DeadlineExceeded => 5,
            Self::Call(_) => 4,
            Self::Interrupted => interrupt::EXIT_CODE,
            unread if unread.is_unread() => 0,
            Self::Local(_) => 2,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Local(error)
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Changed(file, _) | LockError::Outdated(file, _) => Self::Outdated(file),
            LockError::Missing(file) => Self::usage(
                format!("{}: there is no such file", file.display()),
                "the same command with --update writes it, to be committed",
            ),
            LockError::File(file, error) => Self::file(&file, &error),
            LockError::Text(..) => Self::usage(
                error.to_string(),
                "where the file is lost, remove it, and the same command with --update writes it",
            ),
            LockError::Inexpressible(..) => Self::usage(
                error.to_string(),
                "it is the service that describes itself so: ask whoever runs it",
            ),
            error => Self::usage(error.to_string(), "a smaller one"),
        }
    }
}

impl From<RpcError> for Failure {
    fn from(error: RpcError) -> Self {
        Self::Call(error)
    }
}

impl From<CallError<Value>> for Failure {
    fn from(error: CallError<Value>) -> Self {
        match error {
            CallError::Service(value) => Self::Own(value),
            CallError::Rpc(error) => Self::Call(error),
        }
    }
}

fn report(error: &RpcError, help: &str) {
    let executed = match error.executed() {
        // Nothing was asked to run.
        Executed::No if error.method().is_none() => "",
        Executed::No => "no",
        Executed::Maybe => "perhaps",
        Executed::Yes => "yes, at least in part",
    };
    let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    complain(
        &format!("{}: {}", error.code(), error.message()),
        &[
            ("cause", source.as_str()),
            ("method", error.method().unwrap_or_default()),
            ("address", error.address().unwrap_or_default()),
            ("executed", executed),
            ("help", help),
        ],
    );
}

/// An error in lines: what happened, then what is known of it. What is empty is left out. Further lines of a text stand
/// further in, so that a peer's cannot pass for what is known.
fn complain(message: &str, notes: &[(&str, &str)]) {
    let style = output::error_style();
    let mut text = format!("{}error:{} {}", style.0, style.1, output::clean(message).replace('\n', "\n    "));
    for (name, note) in notes.iter().filter(|(_, note)| !note.is_empty()) {
        text.push_str(&format!("\n  {name}: {}", output::clean(note).replace('\n', "\n    ")));
    }
    output::complain(&text);
}
