/// A page of things.
#[ipc_type]
#[derive(Eq, Clone)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    pub raw_bytes: Vec<u8>,
    pub signature: Option<Vec<u8>>,
    #[serde(skip)]
    pub cached: Vec<u8>,
}
