//! The gRPC service in Rust's own types, so that nothing but Cargo is needed.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let service = Service::builder()
        .name("Bench")
        .package("bench")
        .method(method("add", "Add", "Pair", "Sum").build())
        .method(method("echo", "Echo", "Block", "Block").build())
        .method(method("count", "Count", "Limit", "Item").server_streaming().build());
    Builder::new().compile(&[service.build()]);
}

fn method(name: &str, route: &str, input: &str, output: &str) -> tonic_build::manual::MethodBuilder {
    let ty = |name| format!("crate::with_tonic::{name}");
    let method = Method::builder().name(name).route_name(route).codec_path("tonic_prost::ProstCodec");
    method.input_type(ty(input)).output_type(ty(output))
}
