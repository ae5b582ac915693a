//! Where memory is made and mapped: in threads of the runtime's pool for blocking work, a few for each user. Whoever
//! allocates memory waits for the kernel, in a way that nothing interrupts; a peer that works on the file it has shown can
//! make that long. Never asks the kernel for memory in a thread of the caller's.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Weak};

use tokio::sync::Semaphore;

use super::arrivals::User;
use super::region::{Own, PeerArea};

/// Threads that may wait for the memory of one user's peers.
const THREADS: usize = 4;

/// Makes this side's memory and maps that of one user's peers.
#[derive(Debug, Clone)]
pub(super) struct Mapping {
    ring: usize,
    threads: Arc<Semaphore>,
}

impl Mapping {
    /// With rings of so many bytes on this side.
    pub(super) fn new(ring: usize) -> Self {
        Self { ring, threads: Arc::new(Semaphore::new(THREADS)) }
    }

    /// Bytes of this side's ring.
    pub(super) fn ring(&self) -> usize {
        self.ring
    }

    /// As [`Own::create`].
    pub(super) async fn create(&self) -> io::Result<(Own, OwnedFd)> {
        let ring = self.ring;
        self.run(move || Own::create(ring)).await
    }

    /// As [`PeerArea::open`].
    pub(super) async fn open(&self, file: OwnedFd, capacity: usize) -> io::Result<PeerArea> {
        self.run(move || PeerArea::open(file, capacity)).await
    }

    /// Waits for one of the threads, and for what is done there. Who stops waiting leaves it to end by itself, and until
    /// then it counts.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let thread = Arc::clone(&self.threads).acquire_owned().await.map_err(io::Error::other)?;
        let done = tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop(thread);
            outcome
        });
        done.await.unwrap_or_else(|gone| Err(io::Error::other(gone)))
    }
}

/// What maps for each user whose peers come.
pub(super) struct Mappings {
    ring: usize,
    /// Those that are in use.
    threads: HashMap<User, Weak<Semaphore>>,
}

impl Mappings {
    pub(super) fn new(ring: usize) -> Self {
        Self { ring, threads: HashMap::new() }
    }

    pub(super) fn of(&mut self, user: User) -> Mapping {
        self.threads.retain(|_, threads| threads.strong_count() > 0);
        if let Some(threads) = self.threads.get(&user).and_then(Weak::upgrade) {
            return Mapping { ring: self.ring, threads };
        }
        let mapping = Mapping::new(self.ring);
        self.threads.insert(user, Arc::downgrade(&mapping.threads));
        mapping
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    #[test]
    fn one_user_holds_a_few_threads_whoever_waits_for_them() {
        // One thread is left by those that are held: what is asked of it is done in the order in which it is asked.
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().max_blocking_threads(THREADS + 1).build().expect("a runtime");
        let test = async {
            let mut mappings = Mappings::new(4096);
            let (held, holder) = (Some(1), Some(2));
            let (started, mut starts) = unbounded_channel();
            let mut ends = Vec::new();
            let mut waiting = Vec::new();
            for _ in 0..THREADS {
                let (end, ended) = mpsc::channel::<()>();
                let (mapping, started) = (mappings.of(holder), started.clone());
                ends.push(end);
                waiting.push(tokio::spawn(async move {
                    let work = move || {
                        let _ = started.send(());
                        // Until the other end is dropped.
                        let _ = ended.recv();
                        Ok(())
                    };
                    mapping.run(work).await
                }));
            }
            for _ in 0..THREADS {
                starts.recv().await.expect("one begins");
            }
            // Nobody waits any more, and the threads are held all the same.
            waiting.iter().for_each(tokio::task::JoinHandle::abort);
            let (mapping, started) = (mappings.of(holder), started.clone());
            let last = tokio::spawn(async move { mapping.run(move || Ok(started.send(()))).await });
            tokio::task::yield_now().await;
            mappings.of(held).create().await.expect("another user's memory");
            assert!(starts.try_recv().is_err(), "the user has a thread more");
            drop(ends);
            last.await.expect("no panic").expect("a thread").expect("it is heard");
        };
        let timely = async { tokio::time::timeout(Duration::from_secs(20), test).await };
        runtime.block_on(timely).expect("nobody waits for ever");
    }
}
