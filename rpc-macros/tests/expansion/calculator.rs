/// Arithmetic, remotely.
#[ipc_service]
pub trait Calculator {
    /// Adds two numbers.
    #[ipc(idempotent)]
    async fn add(&self, a: i64, b: i64) -> i64;

    /// Divides, unless by zero.
    #[cfg(feature = "division")]
    #[ipc(spawn, timeout = "2s", name = "quotient")]
    async fn divide(&self, a: i64, b: i64) -> Result<i64, MathError>;

    async fn greet(&self, name: &str) -> String {
        format!("hello, {name}")
    }

    fn whoami(&self, cx: &Context, path: &Path) -> impl Future<Output = Vec<u8>>;

    #[ipc(oneway)]
    async fn note(&self, text: String);

    async fn store(&self, key: String, block: Vec<u8>, view: &[u8], names: &[String], options: &Options);
}
