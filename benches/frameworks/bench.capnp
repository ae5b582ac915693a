# The service of the benchmark. src/bench_capnp.rs is made from it, by `capnp` 0.9 and the plugin `capnpc-rust` of
# the crate capnpc 0.27, both wherever they are:
#     capnp compile -orust:src bench.capnp
@0xd1b5a07c4e93f268;

interface Bench {
  add @0 (a :Int32, b :Int32) -> (sum :Int32);
  echo @1 (data :Data) -> (data :Data);
}
