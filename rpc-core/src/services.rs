//! What one side serves: its dispatchers, and their methods numbered as the hello announces them. Never
//! changes once a connection may see it.

use std::sync::Arc;

use crate::proto::hello::{ServedMethod, ServedService};
use crate::service::{Dispatch, MethodDescription, ServiceDescription, Slot};

/// The services of a server, or of the serving side of a channel.
#[derive(Clone, Default)]
pub(crate) struct Services {
    services: Vec<Arc<dyn Dispatch>>,
    methods: Vec<Method>,
}

#[derive(Clone, Copy)]
pub(crate) struct Method {
    service: usize,
    index: u32,
    description: &'static MethodDescription,
}

impl Services {
    /// Adds a service. One of the same name replaces it nowhere: the first is found.
    pub(crate) fn add(&mut self, service: impl Dispatch) {
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

    pub(crate) fn slot(&self, number: u32) -> Option<Box<dyn Slot>> {
        let method = self.methods.get(number as usize)?;
        self.services[method.service].slot(method.index)
    }

    pub(crate) fn find(&self, name: &str) -> Option<&'static ServiceDescription> {
        self.services.iter().map(|service| service.description()).find(|service| service.name() == name)
    }

    pub(crate) fn announce(&self) -> Vec<ServedService> {
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
