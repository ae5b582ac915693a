//! A child process that is always reaped and never signalled after that. Never needs the runtime for it: a
//! thread per child waits, so no zombie stays behind when a runtime has stopped or is not being driven.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use tokio::sync::watch;

/// Large enough for a thread that only waits.
const STACK: usize = 64 << 10;

/// How a child ended; `None` where the system does not say (its host ignores `SIGCHLD`).
pub(crate) type Exit = Option<ExitStatus>;

/// A child that has been started. Dropping this does nothing to it.
#[derive(Debug)]
pub(crate) struct Process {
    pid: Pid,
    /// Whether the id may belong to another process by now. Held locked while a signal is sent.
    reaped: Mutex<bool>,
    exit: watch::Sender<Option<Exit>>,
}

impl Process {
    /// Starts a command; the caller takes its streams out of `Child` by `streams`.
    pub(crate) fn start<S>(
        mut command: Command,
        streams: impl FnOnce(&mut Child) -> io::Result<S>,
    ) -> io::Result<(Arc<Self>, S)> {
        // The thread first: a child without one could not be reaped.
        let (hand_over, handed_over) = mpsc::sync_channel::<(Child, Arc<Self>)>(1);
        thread::Builder::new().name("traitwire-reaper".to_owned()).stack_size(STACK).spawn(move || {
            if let Ok((child, process)) = handed_over.recv() {
                process.reap(child);
            }
        })?;
        let mut child = command.spawn()?;
        let streams = streams(&mut child);
        let pid = Pid::from_child(&child);
        let process = Arc::new(Self { pid, reaped: Mutex::new(false), exit: watch::Sender::new(None) });
        // The thread waits for exactly this and cannot have left.
        let _ = hand_over.send((child, Arc::clone(&process)));
        match streams {
            Ok(streams) => Ok((process, streams)),
            Err(cause) => {
                process.kill();
                Err(cause)
            }
        }
    }

    pub(crate) fn id(&self) -> Option<u32> {
        u32::try_from(self.pid.as_raw_nonzero().get()).ok()
    }

    /// Ends the child at once, unless it has ended.
    pub(crate) fn kill(&self) {
        let reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        if !*reaped {
            let _ = rustix::process::kill_process(self.pid, Signal::KILL);
        }
    }

    /// Waits until the child has ended and been reaped.
    pub(crate) async fn ended(&self) -> Exit {
        let mut exit = self.exit.subscribe();
        // The sender lives in `self`.
        exit.wait_for(Option::is_some).await.map_or(None, |exit| exit.flatten())
    }

    fn reap(&self, mut child: Child) {
        // Waits without reaping, so that `kill` meets either this very child or `reaped`.
        while let Err(rustix::io::Errno::INTR) =
            rustix::process::waitid(WaitId::Pid(self.pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        {
        }
        let mut reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        let exit = child.wait().ok();
        *reaped = true;
        drop(reaped);
        self.exit.send_replace(Some(exit));
    }
}
