//! What a client stands for, and how it travels: a client is a reference to a service, and a message may carry it.
//! Never makes a call.

use std::sync::Arc;

use serde::{Deserializer, Serialize, Serializer, de};

use crate::channel::Channel;
use crate::client::Client;
use crate::described::Described;
use crate::in_process::InProcess;
use crate::passing;
use crate::reference::{Object, Reference, RemoteObject};
use crate::service::{Dispatch, ServiceDescription};
use crate::services::Services;

/// What a client's calls are for.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// A service that the peer of the client's channel serves.
    Service,
    /// An implementation in this process.
    Local(Arc<Object>),
    /// An object that a peer has passed to this side.
    Remote(Arc<RemoteObject>),
}

/// What an [`Object`] is made of.
pub(crate) struct LocalService {
    /// The one service, for the peers it is passed to.
    pub(crate) services: Arc<Services>,
    /// For calls of this process.
    channel: Channel,
}

impl Target {
    /// An implementation in this process, and the channel to call it from here.
    pub(crate) fn local(service: impl Dispatch) -> (Channel, Self) {
        let interface = service.description().fingerprint();
        let in_process = InProcess::new(service);
        let services = in_process.services();
        let channel = Channel::lazy(in_process);
        let object = Object::new(interface, LocalService { services, channel: channel.clone() });
        (channel, Self::Local(Arc::new(object)))
    }

    /// The number by which the peer knows its own object.
    pub(crate) fn object(&self) -> Option<u64> {
        match self {
            Target::Remote(object) => Some(object.id),
            Target::Service | Target::Local(_) => None,
        }
    }

    fn reference(&self) -> Result<Reference, &'static str> {
        match self {
            Target::Local(object) => Ok(Reference::Local(Arc::clone(object))),
            Target::Remote(object) => Ok(Reference::Remote(Arc::clone(object))),
            Target::Service => Err("a client of a connection cannot be passed on; pass one made by `local`"),
        }
    }
}

impl Serialize for Client {
    /// Within a message alone: what it stands for is passed with the message.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        passing::write(self.target().reference(), serializer)
    }
}

impl Client {
    /// Reads a client of a service from a message.
    ///
    /// # Errors
    /// Outside of a message, or where it does not carry such a client.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        description: &'static ServiceDescription,
        deserializer: D,
    ) -> Result<Self, D::Error> {
        let reference = passing::read(deserializer)?;
        let (channel, target) = match reference {
            Reference::Remote(object) => (Channel::to(&object.home), Target::Remote(object)),
            Reference::Local(object) => {
                let local = object.target::<LocalService>().filter(|_| {
                    // The peer gives it back as what it was given; anything else would be called by wrong numbers.
                    object.interface() == description.fingerprint()
                });
                let Some(local) = local else {
                    let expected = format_args!("a client of something else than {}", description.name());
                    return Err(de::Error::custom(expected));
                };
                (local.channel.clone(), Target::Local(object))
            }
        };
        Ok(Self::with(channel, Described::Own(description), target))
    }
}
