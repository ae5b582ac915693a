#[ipc_service(name = "odd-names", crate = "crate::reexport::traitwire")]
trait r#Result {
    async fn r#type(&self, arguments: u8, request: String, service: Ok, output: r#Vec) -> Result<Vec, String>;
}
