//! What one side serves: its dispatchers, and their methods numbered as the hello announces them. Never
//! changes once a connection may see it.

use std::sync::Arc;

use tower_layer::Layer;

use crate::error::{Code, RpcError};
use crate::middleware::{Layered, LayeredSlot, Next, callee_innermost};
use crate::options::Limits;
use crate::proto::hello::{Hello, ServedMethod, ServedService};
use crate::service::{Dispatch, MethodDescription, ServiceDescription, Slot};

/// The services of a server, or of the serving side of a channel.
#[derive(Clone, Default)]
pub(crate) struct Services {
    services: Vec<Arc<dyn Dispatch>>,
    methods: Vec<Method>,
    duplicate: Option<&'static str>,
    layers: Option<Next>,
}

#[derive(Clone, Copy)]
pub(crate) struct Method {
    service: usize,
    index: u32,
    description: &'static MethodDescription,
}

impl Services {
    /// Adds a service. A second one of a name shows in [`hello`](Self::hello).
    pub(crate) fn add(&mut self, service: impl Dispatch) {
        let name = service.description().name();
        if self.find(name).is_some() {
            self.duplicate.get_or_insert(name);
        }
        let at = self.services.len();
        let methods = service.description().methods().iter().zip(0..);
        self.methods.extend(methods.map(|(description, index)| Method { service: at, index, description }));
        self.services.push(Arc::new(service));
    }

    pub(crate) fn methods(&self) -> &[Method] {
        &self.methods
    }

    pub(crate) fn method(&self, number: u32) -> Option<&'static MethodDescription> {
        self.methods.get(number as usize).map(|method| method.description)
    }

    /// Puts a layer around all calls, and around the layers there are.
    pub(crate) fn layer<L: Layer<Next, Service: Layered>>(&mut self, layer: &L) {
        let next = self.layers.take().unwrap_or_else(callee_innermost);
        self.layers = Some(Next(Arc::new(layer.layer(next))));
    }

    pub(crate) fn slot(&self, number: u32) -> Option<Box<dyn Slot>> {
        let Method { service, index, description } = *self.methods.get(number as usize)?;
        let service = &self.services[service];
        let Some(layers) = &self.layers else { return service.slot(index) };
        // One is made before it is needed, to know that there is such a method.
        let (mut first, making) = (Some(service.slot(index)?), Arc::clone(service));
        Some(Box::new(LayeredSlot {
            layers: layers.clone(),
            service: service.description().name(),
            method: description,
            make: Box::new(move || first.take().or_else(|| making.slot(index))),
            running: None,
        }))
    }

    /// The number of a service's first method.
    pub(crate) fn first_number(&self, service: &'static ServiceDescription) -> Option<u32> {
        let mut first = 0;
        for known in &self.services {
            let description = known.description();
            if std::ptr::eq(description, service) {
                return Some(first);
            }
            first += description.methods().len() as u32;
        }
        None
    }

    /// The first service; an object's is its only one.
    pub(crate) fn first(&self) -> Option<&'static ServiceDescription> {
        self.services.first().map(|service| service.description())
    }

    pub(crate) fn find(&self, name: &str) -> Option<&'static ServiceDescription> {
        self.services.iter().map(|service| service.description()).find(|service| service.name() == name)
    }

    /// The hello of a side that serves this.
    ///
    /// # Errors
    /// `InvalidArgument` for two services of one name, and for more than a hello can say.
    pub(crate) fn hello(&self, limits: &Limits, generation: u64) -> Result<Vec<u8>, RpcError> {
        if let Some(name) = self.duplicate {
            let message =
                format!("two services are named {name}; rename one with #[ipc_service(name = \"…\")]");
            return Err(RpcError::new(Code::InvalidArgument, message));
        }
        let mut hello = Hello::new(limits, generation);
        hello.services = self.announce();
        hello.encode()
    }

    fn announce(&self) -> Vec<ServedService> {
        let served = |service: &Arc<dyn Dispatch>| {
            let description = service.description();
            let methods = description.methods().iter().zip(&description.interface().methods);
            ServedService {
                name: description.name().to_owned(),
                methods: methods
                    .map(|(method, model)| ServedMethod {
                        name: model.name.clone(),
                        fingerprint: method.fingerprint,
                    })
                    .collect(),
            }
        };
        self.services.iter().map(served).collect()
    }
}
