//! The callers' versions of this side's services, on one connection: numbers under which methods are called with
//! another version's arguments. Never resolves anything itself, and never looks at a value.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use traitwire_idl::{Fingerprint, Interface, ReadArguments, resolve_arguments};

use crate::body::Body;
use crate::codec::{Decoder, Encoder};
use crate::error::{Code, RpcError};
use crate::evolved::evolve_all;
use crate::options::Limits;
use crate::proto::Outcome;
use crate::reflection::{DESCRIBE, INTRODUCE, describe};
use crate::service::{MethodDescription, ServiceDescription};
use crate::services::Services;

/// Bytes of the largest interface that a peer may introduce, and that is read from a peer: a few hundred methods.
pub(crate) const MAX_INTERFACE: usize = 512 << 10;

/// What one introduction costs beside its bytes: this side's own interface is looked at for it. All on a connection
/// together cost no more than `max_versions` of the largest.
const OWN_COST: usize = 16 << 10;

/// What a method of the caller's version is at the callee (P-52).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// It is called by this number.
    Number(u32),
    /// Its arguments cannot be read, and why.
    Refused(String),
    /// There is none of this name.
    Missing,
}

/// The versions that a peer has introduced.
#[derive(Default)]
pub(crate) struct Versions {
    introduced: Vec<Introduced>,
    methods: HashMap<u32, Adapted>,
    /// The next number that nobody has.
    next: u32,
    /// Introductions that were looked at, by the address of the service they were about.
    tried: HashMap<usize, u32>,
    /// What all introductions cost, those that came to nothing too.
    spent: usize,
    /// The answers to those that came to nothing. Each has cost something, so there are a thousand or so at most.
    refused: HashMap<Refused, RpcError>,
    hashes: RandomState,
}

/// An introduction that came to nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Refused {
    /// The service of the object that was asked about, or all services.
    object: Option<usize>,
    /// Of the argument, which may be large. Whoever finds two of one hash is refused for the one as for the other.
    hash: u64,
}

struct Introduced {
    service: &'static ServiceDescription,
    /// Methods of objects and of the connection's services are numbered apart.
    is_object: bool,
    interface: Vec<u8>,
    answers: Vec<Answer>,
}

/// A method as callers of another version call it.
struct Adapted {
    service: &'static ServiceDescription,
    /// Its place in the service.
    index: u32,
    arguments: Arc<ReadArguments>,
}

impl Adapted {
    /// The method's own number among these services.
    fn among(&self, services: &Services) -> Option<(u32, &'static MethodDescription)> {
        let number = services.first_number(self.service)? + self.index;
        Some((number, services.method(number)?))
    }
}

/// A method by its own number, and how the arguments of its caller's version are read.
pub(crate) type Read = (u32, &'static MethodDescription, Arc<ReadArguments>);

impl Versions {
    /// A call of a number that no method of these services has: of a method by a caller of another version, whose
    /// arguments become this side's.
    ///
    /// # Errors
    /// The outcome of all other calls, such as those of built-in methods.
    #[cold]
    pub(crate) fn unusual(
        &mut self,
        services: &Services,
        method: u32,
        is_object: bool,
        body: &mut Body,
        limits: &Limits,
    ) -> Result<Read, Outcome> {
        match method {
            DESCRIBE => return Err(describe(services, body)),
            INTRODUCE => {
                let introduced = self.introduce(services, is_object, body, limits);
                return Err(introduced.map_or_else(Outcome::Failure, Outcome::Output));
            }
            _ => {}
        }
        let adapted = self.methods.get(&method).and_then(|it| Some((it, it.among(services)?)));
        let Some((adapted, (number, description))) = adapted else {
            let message = format!("no method has the number {method}");
            return Err(Outcome::Failure(RpcError::new(Code::Unimplemented, message)));
        };
        match evolve_all(&adapted.arguments.values, body, limits.max_depth) {
            Ok(()) => Ok((number, description, Arc::clone(&adapted.arguments))),
            Err(error) => Err(Outcome::Failure(error.with_method(&description.path))),
        }
    }

    /// Answers a call of [`INTRODUCE`]: the argument is the caller's interface.
    fn introduce(
        &mut self,
        services: &Services,
        is_object: bool,
        body: &mut Body,
        limits: &Limits,
    ) -> Result<Body, RpcError> {
        let bytes = body.as_contiguous();
        let known = self.introduced.iter().find(|known| {
            known.is_object == is_object
                && known.interface == bytes
                && services.first_number(known.service).is_some()
        });
        if let Some(known) = known {
            return answer(&known.answers, known.service);
        }
        let object = services.first().filter(|_| is_object);
        let object = object.map(|service| std::ptr::from_ref(service).addr());
        let refused = Refused { object, hash: self.hashes.hash_one(bytes) };
        if let Some(error) = self.refused.get(&refused) {
            return Err(error.clone());
        }
        self.charge(bytes.len(), limits)?;
        let answered = self.look_at(services, is_object, bytes.to_vec(), limits);
        answered.inspect_err(|error| {
            self.refused.insert(refused, error.clone().abridged());
        })
    }

    /// Also what comes to nothing costs time.
    fn charge(&mut self, bytes: usize, limits: &Limits) -> Result<(), RpcError> {
        let most = (MAX_INTERFACE + OWN_COST).saturating_mul(limits.max_versions as usize);
        let spent = self.spent.saturating_add(OWN_COST).saturating_add(bytes);
        if spent <= most {
            self.spent = spent;
            return Ok(());
        }
        let message = format!(
            "the peer takes no more introductions: all on this connection, each with {OWN_COST} bytes beside its \
             own, come to more than {most}; raise its max_versions of {}",
            limits.max_versions
        );
        Err(RpcError::new(Code::ResourceExhausted, message))
    }

    /// Answers an introduction that is new.
    fn look_at(
        &mut self,
        services: &Services,
        is_object: bool,
        bytes: Vec<u8>,
        limits: &Limits,
    ) -> Result<Body, RpcError> {
        let interface = read_interface(&bytes, limits.max_depth)?;
        let service = services.find(&interface.name).ok_or_else(|| not_served(&interface.name))?;
        let tried = self.tried.entry(std::ptr::from_ref(service).addr()).or_default();
        if *tried >= limits.max_versions {
            let message = format!(
                "the peer takes {} versions of {} on a connection; raise its max_versions",
                limits.max_versions,
                service.name()
            );
            return Err(RpcError::new(Code::ResourceExhausted, message));
        }
        *tried += 1;
        let first = services.first_number(service).unwrap_or_default();
        self.next = self.next.max(services.methods().len() as u32);
        let answers = self.resolve(&interface, service, first)?;
        let answered = answer(&answers, service);
        self.introduced.push(Introduced { service, is_object, interface: bytes, answers });
        answered
    }

    /// Gives numbers to the methods whose arguments can be read.
    fn resolve(
        &mut self,
        caller: &Interface,
        service: &'static ServiceDescription,
        first: u32,
    ) -> Result<Vec<Answer>, RpcError> {
        let refused =
            |error: traitwire_idl::TooLarge| RpcError::new(Code::ResourceExhausted, error.to_string());
        let resolved = resolve_arguments(caller, service.interface()).map_err(refused)?;
        let named: HashMap<&str, u32> = {
            let methods = service.interface().methods.iter().map(|method| method.name.as_str());
            methods.zip(0..).collect()
        };
        let answers = caller.methods.iter().zip(resolved).map(|(method, resolved)| {
            let Some((index, arguments)) = named.get(method.name.as_str()).copied().zip(resolved) else {
                return Answer::Missing;
            };
            let own = service.interface();
            if Fingerprint::agree((&own.methods[index as usize], &own.types), (method, &caller.types)) {
                return Answer::Number(first + index);
            }
            match arguments {
                Err(conflict) => Answer::Refused(conflict.to_string()),
                Ok(arguments) => {
                    let number = self.next;
                    self.next += 1;
                    self.methods.insert(number, Adapted { service, index, arguments: Arc::new(arguments) });
                    Answer::Number(number)
                }
            }
        });
        Ok(answers.collect())
    }
}

fn answer(answers: &[Answer], service: &ServiceDescription) -> Result<Body, RpcError> {
    let mut encoder = Encoder::new();
    encoder.value(answers).append_encoded(service.introduction()?);
    encoder.finish()
}

pub(crate) fn not_served(name: &str) -> RpcError {
    RpcError::new(Code::Unimplemented, format!("no service {name:?} is served here"))
}

/// The interface that these bytes are.
///
/// # Errors
/// `Decode`, where they are none, or a larger one than is read, or two of its methods have one name.
pub(crate) fn read_interface(bytes: &[u8], max_depth: u32) -> Result<Interface, RpcError> {
    if bytes.len() > MAX_INTERFACE {
        let message = format!("an interface of {} bytes; at most {MAX_INTERFACE} are read", bytes.len());
        return Err(RpcError::new(Code::Decode, message));
    }
    Interface::check_encoded(bytes, max_depth)
        .map_err(|error| RpcError::new(Code::Decode, error.to_string()))?;
    let mut buffer = crate::buffer::Buffer::new();
    buffer.extend_from_slice(bytes);
    let body = Body::new(buffer);
    let mut decoder = Decoder::new(&body);
    let interface: Interface = decoder.value()?;
    decoder.finish()?;
    let mut names = HashSet::new();
    if interface.methods.iter().all(|method| names.insert(method.name.as_str())) {
        return Ok(interface);
    }
    Err(RpcError::new(Code::Decode, "an interface with two methods of one name"))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::service::{Attributes, Dispatch, Slot};

    /// A service whose docs are longer than an interface may be.
    struct Documented;

    impl Dispatch for Documented {
        fn description(&self) -> &'static ServiceDescription {
            static DESCRIPTION: LazyLock<ServiceDescription> = LazyLock::new(|| {
                let docs = "word ".repeat(MAX_INTERFACE / 5 + 1);
                let interface = Interface::builder("Documented", &docs).method("m", |m| m.docs("m")).build();
                ServiceDescription::new(interface, &[Attributes::NONE])
            });
            &DESCRIPTION
        }

        fn slot(&self, _: u32) -> Option<Box<dyn Slot>> {
            None
        }
    }

    #[test]
    fn docs_of_any_length_do_not_keep_versions_apart() {
        let mut services = Services::default();
        services.add(Documented);
        let own = Documented.description().interface();
        let limits = Limits::default();
        let mut argument = Encoder::new();
        argument.value(&own.without_docs());
        let mut argument = argument.finish().expect("encoded");
        let answered = Versions::default().introduce(&services, false, &mut argument, &limits);
        let mut answered = answered.expect("it is served");
        let bytes = answered.as_contiguous().to_vec();
        let mut decoder = Decoder::new(&answered);
        let answers: Vec<Answer> = decoder.value().expect("answers");
        assert_eq!(answers, [Answer::Number(0)]);
        let interface = read_interface(&bytes[bytes.len() - decoder.left()..], limits.max_depth);
        assert_eq!(interface.expect("a schema that can be read"), own.without_docs());
    }

    /// An interface of this name, encoded in so many bytes.
    fn argument(name: &str, size: usize) -> Body {
        let encoded = |docs: usize| {
            let mut encoder = Encoder::new();
            let docs = "d".repeat(docs);
            encoder.value(&Interface::builder(name, &docs).build());
            encoder.finish().expect("encoded")
        };
        // The length of such docs takes three bytes.
        let around = encoded(1 << 14).len() - (1 << 14);
        encoded(size - around)
    }

    /// Introduces one after another. What comes of each: the error, or nothing.
    fn introduce_all(limits: &Limits, arguments: impl Iterator<Item = Body>) -> Vec<Option<RpcError>> {
        let (mut services, mut versions) = (Services::default(), Versions::default());
        services.add(Documented);
        arguments.map(|mut it| versions.introduce(&services, false, &mut it, limits).err()).collect()
    }

    #[test]
    fn so_many_of_the_largest_versions_are_taken_and_none_after_them() {
        for max_versions in [1, 3] {
            let limits = Limits { max_versions, ..Limits::default() };
            let largest = (0..max_versions).map(|index| {
                // Each is another one.
                let mut bytes = argument("Documented", MAX_INTERFACE).as_contiguous().to_vec();
                assert_eq!(bytes.len(), MAX_INTERFACE);
                bytes[20] = b'a' + index as u8;
                let mut buffer = crate::buffer::Buffer::new();
                buffer.extend_from_slice(&bytes);
                Body::new(buffer)
            });
            let more = [argument("Documented", 1 << 15), argument("Elsewhere", 1 << 15)];
            let came = introduce_all(&limits, largest.chain(more));
            let (taken, refused) = came.split_at(max_versions as usize);
            assert_eq!(taken, vec![None; max_versions as usize]);
            for refused in refused {
                let error = refused.as_ref().expect("refused");
                let most = max_versions as usize * 528 * 1024;
                assert_eq!(
                    (error.code(), error.message()),
                    (
                        Code::ResourceExhausted,
                        &*format!(
                            "the peer takes no more introductions: all on this connection, each with 16384 bytes \
                             beside its own, come to more than {most}; raise its max_versions of {max_versions}"
                        )
                    )
                );
            }
        }
    }

    #[test]
    fn introductions_that_come_to_nothing_count_too() {
        let limits = Limits { max_versions: 1, ..Limits::default() };
        // Each costs 48 KiB of 528.
        let names = (b'a'..=b'l').map(|last| format!("Elsewher{}", last as char));
        let came = introduce_all(&limits, names.map(|name| argument(&name, 1 << 15)));
        let codes: Vec<_> = came.iter().map(|it| it.as_ref().map(RpcError::code)).collect();
        let expected = [vec![Some(Code::Unimplemented); 11], vec![Some(Code::ResourceExhausted)]].concat();
        assert_eq!(codes, expected);
    }

    #[test]
    fn an_introduction_that_came_to_nothing_costs_once_and_leaves_room_for_others() {
        let limits = Limits { max_versions: 1, ..Limits::default() };
        let again = (0..1000).map(|_| argument("Elsewhere", 1 << 15));
        let mut came = introduce_all(&limits, again.chain([argument("Documented", 1 << 15)]));
        assert_eq!(came.pop(), Some(None));
        let first = came[0].clone().expect("refused");
        assert_eq!(first.code(), Code::Unimplemented);
        assert!(came.iter().all(|it| it.as_ref() == Some(&first)));
        // What is one version too many is so again, and costs no more either.
        let more = (0..1000).map(|_| argument("Documented", 1 << 14));
        let came = introduce_all(&limits, [argument("Documented", 1 << 15)].into_iter().chain(more));
        let said = "the peer takes 1 versions of Documented on a connection; raise its max_versions";
        assert!(
            came[1..].iter().flatten().all(|it| it.message() == said)
                && came[1..].iter().all(Option::is_some)
        );
    }

    /// What an object is not may be what another object is, or a service.
    #[test]
    fn a_refusal_is_about_the_service_that_was_asked_about() {
        let (empty, mut services, mut versions) =
            (Services::default(), Services::default(), Versions::default());
        services.add(Documented);
        let limits = Limits::default();
        let mut asked = |services: &Services, is_object| {
            let mut argument = argument("Documented", 1 << 15);
            versions.introduce(services, is_object, &mut argument, &limits).is_ok()
        };
        assert!(!asked(&empty, false) && asked(&services, true));
    }

    #[test]
    fn two_methods_of_one_name_are_no_interface() {
        let read = |names: &[&str]| {
            let builder = names.iter().fold(Interface::builder("S", ""), |it, name| it.method(name, |m| m));
            let mut encoder = Encoder::new();
            encoder.value(&builder.build());
            read_interface(encoder.finish().expect("encoded").as_contiguous(), 64)
        };
        assert_eq!(read(&["a", "b"]).expect("an interface").methods.len(), 2);
        let error = read(&["a", "b", "a"]).expect_err("refused");
        assert_eq!(
            (error.code(), error.message()),
            (Code::Decode, "an interface with two methods of one name")
        );
    }
}
