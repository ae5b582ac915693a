//! A service and a method as whoever calls them knows them: of the program's own trait, or fetched from a peer. Never
//! fetches.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

use crate::service::{MethodDescription, ServiceDescription};

/// The description of a service that is called.
#[derive(Debug, Clone)]
pub(crate) enum Described {
    /// Of a trait.
    Own(&'static ServiceDescription),
    /// Of a peer's schema.
    Fetched(Arc<ServiceDescription>),
}

/// The description of a method that is called, or that runs.
#[derive(Debug, Clone)]
pub(crate) enum DescribedMethod {
    Own(&'static MethodDescription),
    /// With the method's index.
    Fetched(Arc<ServiceDescription>, usize),
}

impl Described {
    /// A method by its index.
    pub(crate) fn method(&self, index: usize) -> DescribedMethod {
        match self {
            Self::Own(service) => DescribedMethod::Own(&service.methods()[index]),
            Self::Fetched(service) => DescribedMethod::Fetched(Arc::clone(service), index),
        }
    }

    /// The service's name, for as long as anybody wants it.
    pub(crate) fn kept_name(&self) -> Cow<'static, str> {
        match self {
            Self::Own(service) => Cow::Borrowed(service.name()),
            Self::Fetched(service) => Cow::Owned(service.name().to_owned()),
        }
    }
}

impl Deref for Described {
    type Target = ServiceDescription;

    fn deref(&self) -> &ServiceDescription {
        match self {
            Self::Own(service) => service,
            Self::Fetched(service) => service,
        }
    }
}

impl Deref for DescribedMethod {
    type Target = MethodDescription;

    fn deref(&self) -> &MethodDescription {
        match self {
            Self::Own(method) => method,
            Self::Fetched(service, index) => &service.methods()[*index],
        }
    }
}
