//! How one version of an interface reads what another version wrote: for each method what becomes of its values, or
//! where it cannot be done. Never sees a value; [`Plan::transcode`] does.
//!
//! What can be read is what serde's rules let a self-describing format read, less what would change a meaning:
//! fields by their names and aliases, with defaults for missing ones; variants by their names and aliases; numbers as
//! wider ones of the same kind; newtypes as what is in them, and the other way round; a value as an option with it.
//! The reader's own `Deserialize` then reads bytes of its own version, in which only fields with defaults are missing.

mod build;
mod conflict;
mod form;
pub(crate) mod place;
pub(crate) mod plan;
pub(crate) mod remark;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::model::{Argument, Interface, Method};
use build::Builder;
pub(crate) use build::Names;
pub use conflict::{Conflict, Within};
use form::Side;
pub use plan::Plan;
use remark::Remarks;

/// How much of two interfaces is compared: pairs of types, fields and variants. Those of programs have a few
/// thousand; a peer's may go on.
const MAX_STEPS: usize = 50_000;

/// Two interfaces that would take too long to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

impl std::fmt::Display for TooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the two versions of the interface are too large to be compared")
    }
}

impl std::error::Error for TooLarge {}

/// How a callee reads what callers of another version send.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReadArguments {
    /// The arguments that are sent with the call.
    pub values: Plan,
    /// Items of the argument stream.
    pub items: Option<Plan>,
}

/// How a caller reads what a callee of another version returns.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReadResults {
    /// The value, or an item of the result stream.
    pub output: Plan,
    /// The method's own error.
    pub error: Option<Plan>,
}

/// For each method of the caller's interface: how the other side reads it, or why it cannot. `None` where the callee
/// has no method of this name, and for all but the first of the caller's that have one name.
pub type Resolved<T> = Vec<Option<Result<T, Conflict>>>;

/// How the callee reads the arguments of the caller's version.
///
/// # Errors
/// [`TooLarge`], where one of the interfaces is a peer's and has no end.
pub fn resolve_arguments(
    caller: &Interface,
    callee: &Interface,
) -> Result<Resolved<ReadArguments>, TooLarge> {
    let resolution = Resolution::arguments(caller, callee, Names::Readers)?;
    let table = Arc::new(resolution.table);
    let plan = |root| Plan { table: Arc::clone(&table), root };
    let read = |roots: &Roots| ReadArguments { values: plan(roots.value), items: roots.second.map(plan) };
    Ok(resolution.methods.iter().map(|method| method.as_ref().map(|it| it.outcome(read))).collect())
}

/// How the caller reads results of the callee's version.
///
/// # Errors
/// [`TooLarge`], where one of the interfaces is a peer's and has no end.
pub fn resolve_results(caller: &Interface, callee: &Interface) -> Result<Resolved<ReadResults>, TooLarge> {
    let resolution = Resolution::results(caller, callee, Names::Readers)?;
    let table = Arc::new(resolution.table);
    let plan = |root| Plan { table: Arc::clone(&table), root };
    let read = |roots: &Roots| ReadResults { output: plan(roots.value), error: roots.second.map(plan) };
    Ok(resolution.methods.iter().map(|method| method.as_ref().map(|it| it.outcome(read))).collect())
}

/// What was found for all methods in one direction.
pub(crate) struct Resolution<'a> {
    table: plan::Table,
    pub(crate) remarks: Remarks<'a>,
    /// By the caller's methods.
    pub(crate) methods: Vec<Option<Found>>,
}

/// What was found for one method.
pub(crate) struct Found {
    pub(crate) roots: Roots,
    pub(crate) conflict: Option<Conflict>,
}

impl Found {
    fn outcome<T>(&self, read: impl FnOnce(&Roots) -> T) -> Result<T, Conflict> {
        match &self.conflict {
            Some(conflict) => Err(conflict.clone()),
            None => Ok(read(&self.roots)),
        }
    }
}

/// The nodes of one method: of its arguments and their stream, or of its output and its error.
#[derive(Clone)]
pub(crate) struct Roots {
    pub(crate) value: u32,
    pub(crate) second: Option<u32>,
    /// What the two versions have where no node can be made.
    pub(crate) flows: Option<Conflict>,
}

impl<'a> Resolution<'a> {
    /// The caller writes, the callee reads.
    pub(crate) fn arguments(
        caller: &'a Interface,
        callee: &'a Interface,
        names: Names,
    ) -> Result<Self, TooLarge> {
        let mut builder = Builder::new(Side::new(caller), Side::new(callee), names);
        let roots = by_name(caller, callee, |ours, theirs| {
            let (sent, sent_stream) = split(ours);
            let (read, read_stream) = split(theirs);
            let flows = conflict::of_arguments((ours, caller), (theirs, callee));
            let items = match (sent_stream, read_stream) {
                (Some(sent), Some(read)) => Some(builder.value(&sent.ty, &read.ty)?),
                _ => None,
            };
            Ok(Roots { value: builder.arguments(&sent, &read)?, second: items, flows })
        })?;
        let (table, remarks) = builder.done();
        let mut search = conflict::Search::new(&remarks);
        let methods = roots.into_iter().zip(&caller.methods).map(|(roots, method)| {
            let Some(roots) = roots else { return Ok(None) };
            let stream = split(method).1;
            let items = Within::Items(stream.map(|it| it.name.clone()).unwrap_or_default());
            let mut conflict = roots.flows.clone();
            if conflict.is_none() {
                conflict = search.first(roots.value, &Within::Arguments, true)?;
            }
            if let (None, Some(second)) = (&conflict, roots.second) {
                conflict = search.first(second, &items, true)?;
            }
            Ok(Some(Found { roots, conflict }))
        });
        let methods = methods.collect::<Result<_, TooLarge>>()?;
        Ok(Self { methods, table, remarks })
    }

    /// The callee writes, the caller reads.
    pub(crate) fn results(
        caller: &'a Interface,
        callee: &'a Interface,
        names: Names,
    ) -> Result<Self, TooLarge> {
        let mut builder = Builder::new(Side::new(callee), Side::new(caller), names);
        let roots = by_name(caller, callee, |ours, theirs| {
            let value = builder.value(&theirs.output, &ours.output)?;
            let error = match (&theirs.error, &ours.error) {
                (Some(written), Some(read)) => Some(builder.value(written, read)?),
                _ => None,
            };
            let flows = conflict::of_results((ours, caller), (theirs, callee));
            Ok(Roots { value, second: error, flows })
        })?;
        let (table, remarks) = builder.done();
        let mut search = conflict::Search::new(&remarks);
        let methods = roots.into_iter().zip(&caller.methods).map(|(roots, method)| {
            let Some(roots) = roots else { return Ok(None) };
            let mut conflict = None;
            // Nobody reads what a call gives whose caller does not wait.
            if !method.oneway {
                let output = if method.stream { Within::ResultItems } else { Within::Result };
                conflict = roots.flows.clone();
                if conflict.is_none() {
                    conflict = search.first(roots.value, &output, false)?;
                }
            }
            if let (None, Some(second)) = (&conflict, roots.second) {
                conflict = search.first(second, &Within::Error, false)?;
            }
            Ok(Some(Found { roots, conflict }))
        });
        let methods = methods.collect::<Result<_, TooLarge>>()?;
        Ok(Self { methods, table, remarks })
    }
}

/// Something of each pair of methods with the same name, by the caller's methods.
fn by_name<'a, T>(
    caller: &'a Interface,
    callee: &'a Interface,
    mut pair: impl FnMut(&'a Method, &'a Method) -> Result<T, TooLarge>,
) -> Result<Vec<Option<T>>, TooLarge> {
    let known: HashMap<&str, &Method> =
        callee.methods.iter().rev().map(|method| (method.name.as_str(), method)).collect();
    // A peer's may have one name by the thousand, and what they reach be large.
    let mut met = HashSet::new();
    let methods = caller.methods.iter().map(|method| {
        let other = known.get(method.name.as_str()).filter(|_| met.insert(method.name.as_str()));
        other.map(|other| pair(method, other)).transpose()
    });
    methods.collect()
}

/// The arguments that are sent with the call, and the stream.
fn split(method: &Method) -> (Vec<&Argument>, Option<&Argument>) {
    let (streamed, sent): (Vec<_>, Vec<_>) = method.arguments.iter().partition(|argument| argument.stream);
    (sent, streamed.first().copied())
}
