//! The in-process transport behind `XClient::local`: both ends of a byte pipe in one process, with the whole
//! protocol between them. Never reachable by an address.

use std::sync::Arc;

use async_trait::async_trait;

use crate::endpoint::Endpoint;
use crate::error::RpcError;
use crate::open::open;
use crate::options::Options;
use crate::service::Dispatch;
use crate::services::Services;
use crate::transport::{Connector, Peer, Wire};

/// Bytes in flight each way.
const PIPE: usize = 256 << 10;

pub(crate) struct InProcess {
    services: Arc<Services>,
    endpoint: Endpoint,
}

impl InProcess {
    pub(crate) fn new(service: impl Dispatch) -> Self {
        let endpoint = Endpoint::new("in-process", service.description().name());
        let endpoint = endpoint.expect("the name of a service is an identifier or was checked by the macro");
        let mut services = Services::default();
        services.add(service);
        Self { services: Arc::new(services), endpoint }
    }

    /// The one service.
    pub(crate) fn services(&self) -> Arc<Services> {
        Arc::clone(&self.services)
    }
}

#[async_trait]
impl Connector for InProcess {
    async fn connect(&self) -> Result<Wire, RpcError> {
        let (here, there) = tokio::io::duplex(PIPE);
        let wire = |end| {
            let (reader, writer) = tokio::io::split(end);
            Wire::new(reader, writer, Peer::new(self.endpoint.clone()))
        };
        let options = Options::default();
        let hello = self.services.hello(&options.limits, 0)?;
        let (_, driver) = open(wire(there), &self.services, options, &hello);
        tokio::spawn(driver.run());
        Ok(wire(here))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}
