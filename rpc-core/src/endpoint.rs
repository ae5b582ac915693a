//! An address as a value: scheme, target, options. Never knows which schemes exist or what they mean.

use std::fmt;
use std::str::FromStr;

use crate::error::{Code, RpcError};

/// A parsed address, `scheme:target?option=value&…`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    text: String,
}

impl FromStr for Endpoint {
    type Err = RpcError;

    fn from_str(text: &str) -> Result<Self, RpcError> {
        match text.split_once(':') {
            Some(_) => Ok(Self { text: text.to_owned() }),
            None => Err(RpcError::new(Code::InvalidArgument, format!("no scheme in the address {text:?}"))),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
