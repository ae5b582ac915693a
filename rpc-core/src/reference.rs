//! References to objects, as messages carry them: an object of this process that its peer may call, or one of the
//! peer's. Never calls an object, and never knows the protocol that counts references.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::task::Waker;

use crate::channel::{Channel, WeakChannel};
use crate::connection::Connection;
use crate::evolved::Evolved;
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};

/// What one message carries beside its bytes.
pub(crate) type References = Option<Arc<Carried>>;

/// References, which values in the message name by their place, and what its bytes are where another version wrote
/// them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Carried {
    /// Shared: each item of a stream of another version carries what the whole batch does.
    references: Arc<Vec<Reference>>,
    pub(crate) evolved: Option<Arc<Evolved>>,
}

impl From<Vec<Reference>> for Carried {
    fn from(references: Vec<Reference>) -> Self {
        Self { references: Arc::new(references), evolved: None }
    }
}

impl Deref for Carried {
    type Target = Vec<Reference>;

    fn deref(&self) -> &Vec<Reference> {
        &self.references
    }
}

impl DerefMut for Carried {
    fn deref_mut(&mut self) -> &mut Vec<Reference> {
        Arc::make_mut(&mut self.references)
    }
}

/// Most references in one message (P-38).
pub(crate) const MAX_REFERENCES: usize = 1000;

/// A reference to an object.
#[derive(Clone)]
pub(crate) enum Reference {
    /// Of this process.
    Local(Arc<Object>),
    /// Of the peer of some connection.
    Remote(Arc<RemoteObject>),
}

/// An object of this process. What it is, is known to those who made it.
pub(crate) struct Object {
    id: u64,
    interface: u64,
    target: Option<Box<dyn Any + Send + Sync>>,
}

impl Object {
    /// An object whose service has this fingerprint.
    pub(crate) fn new(interface: u64, target: impl Any + Send + Sync) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), interface, target: Some(Box::new(target)) }
    }

    /// Its number, unlike that of any other object of this process.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The fingerprint of its service.
    pub(crate) fn interface(&self) -> u64 {
        self.interface
    }

    /// What it was made of.
    pub(crate) fn target<T: Any>(&self) -> Option<&T> {
        self.target.as_ref()?.downcast_ref()
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        bury(self.target.take());
    }
}

/// One reference to an object of the peer's. Dropping it gives it back.
pub(crate) struct RemoteObject {
    pub(crate) id: u64,
    pub(crate) interface: u64,
    pub(crate) home: Arc<Home>,
}

impl RemoteObject {
    /// Whether both are the same object.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.id == other.id && Arc::ptr_eq(&self.home, &other.home)
    }
}

impl Drop for RemoteObject {
    fn drop(&mut self) {
        self.home.give_back(self.id);
    }
}

/// What a connection's references share: where they are given back, and the way to call.
#[derive(Default)]
pub(crate) struct Home {
    returned: Mutex<Returned>,
    /// Whether there may be something returned.
    some: AtomicBool,
}

#[derive(Default)]
struct Returned {
    ids: Vec<u64>,
    driver: Option<Waker>,
    connection: Weak<Connection>,
    owner: Option<WeakChannel>,
    is_closed: bool,
}

impl Home {
    fn lock(&self) -> MutexGuard<'_, Returned> {
        self.returned.lock()
    }

    pub(crate) fn set_connection(&self, connection: &Arc<Connection>) {
        self.lock().connection = Arc::downgrade(connection);
    }

    /// The channel that made the connection.
    pub(crate) fn set_owner(&self, owner: WeakChannel) {
        self.lock().owner = Some(owner);
    }

    /// The connection over which the objects are reached, while anybody has it, and the channel that made it.
    pub(crate) fn way(&self) -> (Option<Arc<Connection>>, Option<Channel>) {
        let (connection, owner) = {
            let returned = self.lock();
            (returned.connection.clone(), returned.owner.clone())
        };
        (connection.upgrade(), owner.and_then(|owner| owner.upgrade()))
    }

    /// Makes `driver` the one that is woken when something is given back.
    pub(crate) fn set_driver(&self, driver: &Waker) {
        self.lock().driver = Some(driver.clone());
    }

    fn give_back(&self, id: u64) {
        let mut returned = self.lock();
        if returned.is_closed {
            return;
        }
        returned.ids.push(id);
        let driver = returned.driver.clone();
        drop(returned);
        if !self.some.swap(true, Ordering::AcqRel) {
            driver.into_iter().for_each(Waker::wake);
        }
    }

    /// What was given back since.
    pub(crate) fn take_returned(&self) -> Vec<u64> {
        if !self.some.load(Ordering::Relaxed) || !self.some.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        std::mem::take(&mut self.lock().ids)
    }

    /// The connection is over: nothing is given back any more.
    pub(crate) fn close(&self) {
        let mut returned = self.lock();
        (returned.is_closed, returned.ids, returned.driver) = (true, Vec::new(), None);
    }
}

thread_local! {
    /// Whether this thread holds a connection's lock, and whether objects came to their end meanwhile.
    static LOCKED: Cell<Locked> = const { Cell::new(Locked::No) };
    static BURIED: RefCell<Vec<Box<dyn Any + Send + Sync>>> = const { RefCell::new(Vec::new()) };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Locked {
    No,
    Yes,
    WithBuried,
}

/// Held while a connection's lock is. An object that comes to its end meanwhile is dropped afterwards: it is the
/// user's, and its end may call anything.
pub(crate) struct Burials {
    outermost: bool,
}

impl Burials {
    /// Objects that come to their end from now on wait.
    #[inline]
    pub(crate) fn delay() -> Self {
        let outermost = LOCKED.get() == Locked::No;
        if outermost {
            LOCKED.set(Locked::Yes);
        }
        Self { outermost }
    }
}

impl Drop for Burials {
    #[inline]
    fn drop(&mut self) {
        if self.outermost && LOCKED.replace(Locked::No) == Locked::WithBuried {
            drop(BURIED.take());
        }
    }
}

fn bury(target: Option<Box<dyn Any + Send + Sync>>) {
    if LOCKED.get() == Locked::No {
        drop(target);
        return;
    }
    LOCKED.set(Locked::WithBuried);
    BURIED.with_borrow_mut(|buried| buried.extend(target));
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Local(object) => write!(f, "Local({})", object.id),
            Reference::Remote(object) => write!(f, "Remote({})", object.id),
        }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for RemoteObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteObject").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Home").finish_non_exhaustive()
    }
}
