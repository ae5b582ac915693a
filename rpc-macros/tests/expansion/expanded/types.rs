#[derive(
    ::core::fmt::Debug,
    ::core::cmp::PartialEq,
    ::traitwire::__private::serde::Serialize,
    ::traitwire::__private::serde::Deserialize,
    ::traitwire::Schema
)]
#[allow(clippy::derive_partial_eq_without_eq)]
#[serde(crate = "::traitwire::__private::serde")]
#[schema(crate = "::traitwire")]
/// A page of things.
#[derive(Eq, Clone)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    #[serde(with = "::traitwire::__private::serde_bytes")]
    pub raw_bytes: Vec<u8>,
    #[serde(default, with = "::traitwire::__private::serde_bytes")]
    pub signature: Option<Vec<u8>>,
    #[serde(skip)]
    pub cached: Vec<u8>,
}
