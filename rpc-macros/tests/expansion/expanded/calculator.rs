/// Arithmetic, remotely.
#[allow(clippy::manual_async_fn, clippy::too_many_arguments)]
pub trait Calculator: ::core::marker::Send + ::core::marker::Sync + 'static {
    /// Adds two numbers.
    fn add(
        &self,
        a: i64,
        b: i64,
    ) -> impl ::traitwire::__private::Future<Output = i64> + ::core::marker::Send;
    /// Divides, unless by zero.
    #[cfg(feature = "division")]
    fn divide(
        &self,
        a: i64,
        b: i64,
    ) -> impl ::traitwire::__private::Future<
        Output = Result<i64, MathError>,
    > + ::core::marker::Send;
    fn greet(
        &self,
        name: &str,
    ) -> impl ::traitwire::__private::Future<Output = String> + ::core::marker::Send {
        async move { format!("hello, {name}") }
    }
    fn whoami(
        &self,
        cx: &Context,
        path: &Path,
    ) -> impl ::traitwire::__private::Future<Output = Vec<u8>> + ::core::marker::Send;
    fn note(
        &self,
        text: String,
    ) -> impl ::traitwire::__private::Future<Output = ()> + ::core::marker::Send;
    fn store(
        &self,
        key: String,
        block: Vec<u8>,
        view: &[u8],
        names: &[String],
        options: &Options,
    ) -> impl ::traitwire::__private::Future<Output = ()> + ::core::marker::Send;
}
/// A client of [`Calculator`]: its methods are calls to whatever serves `Calculator` at the other end of its channel.
///
/// Cheap to clone; clones share the connection. Two clients are equal if they call the same service.
#[derive(::core::clone::Clone, ::core::cmp::PartialEq, ::core::fmt::Debug)]
#[allow(dead_code)]
pub struct CalculatorClient {
    client: ::traitwire::__private::Client,
}
/// Serves an implementation of [`Calculator`] as `Calculator`.
#[allow(dead_code)]
pub struct CalculatorServer<S> {
    implementation: ::traitwire::__private::Arc<S>,
}
#[doc(hidden)]
#[allow(deprecated, non_camel_case_types, non_snake_case, clippy::all, clippy::pedantic)]
const _: () = {
    use ::traitwire::__private as __traitwire;
    enum __CalculatorMethod {
        add,
        #[cfg(feature = "division")]
        divide,
        greet,
        whoami,
        note,
        store,
    }
    fn __Calculator_description() -> &'static __traitwire::ServiceDescription {
        static DESCRIPTION: __traitwire::OnceLock<__traitwire::ServiceDescription> = __traitwire::OnceLock::new();
        __traitwire::OnceLock::get_or_init(
            &DESCRIPTION,
            || {
                let mut interface = __traitwire::Interface::builder(
                    "Calculator",
                    "Arithmetic, remotely.",
                );
                interface
                    .add(
                        "add",
                        |method| {
                            method
                                .docs("Adds two numbers.")
                                .argument::<i64>("a")
                                .argument::<i64>("b")
                                .output::<i64>()
                                .idempotent()
                        },
                    );
                #[cfg(feature = "division")]
                interface
                    .add(
                        "quotient",
                        |method| {
                            method
                                .docs("Divides, unless by zero.")
                                .argument::<i64>("a")
                                .argument::<i64>("b")
                                .output::<i64>()
                                .error::<MathError>()
                        },
                    );
                interface
                    .add(
                        "greet",
                        |method| { method.argument::<str>("name").output::<String>() },
                    );
                interface
                    .add(
                        "whoami",
                        |method| { method.argument::<Path>("path").output::<Vec<u8>>() },
                    );
                interface
                    .add(
                        "note",
                        |method| {
                            method.argument::<String>("text").output::<()>().oneway()
                        },
                    );
                interface
                    .add(
                        "store",
                        |method| {
                            method
                                .argument::<String>("key")
                                .argument::<Vec<u8>>("block")
                                .argument::<[::core::primitive::u8]>("view")
                                .argument::<[String]>("names")
                                .argument::<Options>("options")
                                .output::<()>()
                        },
                    );
                __traitwire::ServiceDescription::new(
                    interface.build(),
                    &[
                        __traitwire::Attributes::NONE,
                        #[cfg(feature = "division")]
                        __traitwire::Attributes::NONE.timeout_ms(2000u64).spawn(),
                        __traitwire::Attributes::NONE,
                        __traitwire::Attributes::NONE,
                        __traitwire::Attributes::NONE,
                        __traitwire::Attributes::NONE,
                    ],
                )
            },
        )
    }
    #[allow(dead_code, dropping_copy_types)]
    impl CalculatorClient {
        /// A client over a channel that is open already. A service that the peer does not have shows at
        /// the first call.
        pub fn new(channel: __traitwire::Channel) -> Self {
            Self {
                client: __traitwire::Client::new(channel, __Calculator_description()),
            }
        }
        /// Connects to the service at an address, and fails if something else is there.
        ///
        /// # Errors
        /// The address is malformed, nobody answers there, or the peer serves something else.
        pub async fn connect<Via>(
            address: impl __traitwire::Dial<Via>,
        ) -> __traitwire::Result<Self, __traitwire::RpcError> {
            match __traitwire::Client::connect(address, __Calculator_description()).await
            {
                __traitwire::Result::Ok(client) => {
                    __traitwire::Result::Ok(Self { client })
                }
                __traitwire::Result::Err(error) => __traitwire::Result::Err(error),
            }
        }
        /// A client of an implementation in this process. Calls behave as over a connection.
        pub fn local(implementation: impl Calculator) -> Self {
            Self {
                client: __traitwire::Client::local(CalculatorServer::new(implementation)),
            }
        }
        /// The channel that calls go through.
        pub fn channel(&self) -> &__traitwire::Channel {
            __traitwire::Client::channel(&self.client)
        }
        /// A client whose calls end, at the latest, after this time.
        #[must_use]
        pub fn with_timeout(&self, timeout: __traitwire::Duration) -> Self {
            Self {
                client: __traitwire::Client::with_timeout(&self.client, timeout),
            }
        }
        /// A client whose calls have this priority, whatever their methods have.
        #[must_use]
        pub fn with_priority(&self, priority: __traitwire::Priority) -> Self {
            Self {
                client: __traitwire::Client::with_priority(&self.client, priority),
            }
        }
        /// A client whose calls carry this beside their arguments; handlers read it from their `Context`.
        #[must_use]
        pub fn with_metadata(
            &self,
            key: impl __traitwire::Into<__traitwire::String>,
            value: impl __traitwire::Into<__traitwire::Vec<::core::primitive::u8>>,
        ) -> Self {
            Self {
                client: __traitwire::Client::with_metadata(&self.client, key, value),
            }
        }
        /// Adds two numbers.
        pub fn add(
            &self,
            a: i64,
            b: i64,
        ) -> __traitwire::Call<'_, i64, __traitwire::Infallible> {
            let mut arguments = __traitwire::Encoder::new();
            __traitwire::Encoder::value::<i64>(&mut arguments, &a);
            __traitwire::Encoder::value::<i64>(&mut arguments, &b);
            ::core::mem::drop(a);
            ::core::mem::drop(b);
            __traitwire::Client::call(
                &self.client,
                __CalculatorMethod::add as ::core::primitive::u32,
                arguments,
                |decoder| __traitwire::Decoder::value::<i64>(decoder),
                |decoder| __traitwire::Decoder::never(decoder),
            )
        }
        /// Divides, unless by zero.
        #[cfg(feature = "division")]
        pub fn divide(&self, a: i64, b: i64) -> __traitwire::Call<'_, i64, MathError> {
            let mut arguments = __traitwire::Encoder::new();
            __traitwire::Encoder::value::<i64>(&mut arguments, &a);
            __traitwire::Encoder::value::<i64>(&mut arguments, &b);
            ::core::mem::drop(a);
            ::core::mem::drop(b);
            __traitwire::Client::call(
                &self.client,
                __CalculatorMethod::divide as ::core::primitive::u32,
                arguments,
                |decoder| __traitwire::Decoder::value::<i64>(decoder),
                |decoder| __traitwire::Decoder::value::<MathError>(decoder),
            )
        }
        /// Calls `Calculator.greet`.
        pub fn greet(
            &self,
            name: &str,
        ) -> __traitwire::Call<'_, String, __traitwire::Infallible> {
            let mut arguments = __traitwire::Encoder::new();
            __traitwire::Encoder::value::<str>(&mut arguments, name);
            __traitwire::Client::call(
                &self.client,
                __CalculatorMethod::greet as ::core::primitive::u32,
                arguments,
                |decoder| __traitwire::Decoder::value::<String>(decoder),
                |decoder| __traitwire::Decoder::never(decoder),
            )
        }
        /// Calls `Calculator.whoami`.
        pub fn whoami(
            &self,
            path: &Path,
        ) -> __traitwire::Call<'_, Vec<u8>, __traitwire::Infallible> {
            let mut arguments = __traitwire::Encoder::new();
            __traitwire::Encoder::value::<Path>(&mut arguments, path);
            __traitwire::Client::call(
                &self.client,
                __CalculatorMethod::whoami as ::core::primitive::u32,
                arguments,
                |decoder| __traitwire::Decoder::byte_buf(decoder),
                |decoder| __traitwire::Decoder::never(decoder),
            )
        }
        /// Calls `Calculator.note`.
        pub fn note(
            &self,
            text: String,
        ) -> __traitwire::Call<'_, (), __traitwire::Infallible> {
            let mut arguments = __traitwire::Encoder::new();
            __traitwire::Encoder::value::<String>(&mut arguments, &text);
            ::core::mem::drop(text);
            __traitwire::Client::send(
                &self.client,
                __CalculatorMethod::note as ::core::primitive::u32,
                arguments,
            )
        }
        /// Calls `Calculator.store`.
        pub fn store(
            &self,
            key: String,
            block: Vec<u8>,
            view: &[u8],
            names: &[String],
            options: &Options,
        ) -> __traitwire::Call<'_, (), __traitwire::Infallible> {
            let mut arguments = __traitwire::Encoder::new();
            __traitwire::Encoder::value::<String>(&mut arguments, &key);
            __traitwire::Encoder::byte_buf(&mut arguments, block);
            __traitwire::Encoder::bytes(&mut arguments, view);
            __traitwire::Encoder::value::<[String]>(&mut arguments, names);
            __traitwire::Encoder::value::<Options>(&mut arguments, options);
            ::core::mem::drop(key);
            __traitwire::Client::call(
                &self.client,
                __CalculatorMethod::store as ::core::primitive::u32,
                arguments,
                |decoder| __traitwire::Decoder::value::<()>(decoder),
                |decoder| __traitwire::Decoder::never(decoder),
            )
        }
    }
    #[automatically_derived]
    impl __traitwire::Contract for CalculatorClient {
        fn interface() -> &'static __traitwire::Interface {
            __traitwire::ServiceDescription::interface(__Calculator_description())
        }
    }
    impl __traitwire::serde::Serialize for CalculatorClient {
        fn serialize<__S: __traitwire::serde::Serializer>(
            &self,
            serializer: __S,
        ) -> __traitwire::Result<__S::Ok, __S::Error> {
            __traitwire::serde::Serialize::serialize(&self.client, serializer)
        }
    }
    impl<'de> __traitwire::serde::Deserialize<'de> for CalculatorClient {
        fn deserialize<__D: __traitwire::serde::Deserializer<'de>>(
            deserializer: __D,
        ) -> __traitwire::Result<Self, __D::Error> {
            match __traitwire::Client::deserialize(
                __Calculator_description(),
                deserializer,
            ) {
                __traitwire::Result::Ok(client) => {
                    __traitwire::Result::Ok(Self { client })
                }
                __traitwire::Result::Err(error) => __traitwire::Result::Err(error),
            }
        }
    }
    impl __traitwire::Schema for CalculatorClient {
        fn describe(types: &mut __traitwire::Types) -> __traitwire::Type {
            let _ = types;
            __traitwire::Type::client("Calculator")
        }
    }
    #[allow(dead_code)]
    impl<__S: Calculator> CalculatorServer<__S> {
        /// Serves this implementation.
        pub fn new(implementation: __S) -> Self {
            Self {
                implementation: __traitwire::Arc::new(implementation),
            }
        }
        /// Serves an implementation that others hold too.
        pub fn from_arc(implementation: __traitwire::Arc<__S>) -> Self {
            Self { implementation }
        }
    }
    #[automatically_derived]
    impl<__S> ::core::clone::Clone for CalculatorServer<__S> {
        fn clone(&self) -> Self {
            Self {
                implementation: ::core::clone::Clone::clone(&self.implementation),
            }
        }
    }
    #[automatically_derived]
    impl<__S> ::core::fmt::Debug for CalculatorServer<__S> {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            ::core::fmt::Formatter::write_str(formatter, "CalculatorServer")
        }
    }
    #[automatically_derived]
    impl<__S: Calculator> __traitwire::Dispatch for CalculatorServer<__S> {
        fn description(&self) -> &'static __traitwire::ServiceDescription {
            __Calculator_description()
        }
        fn slot(
            &self,
            method: ::core::primitive::u32,
        ) -> __traitwire::Option<__traitwire::Box<dyn __traitwire::Slot>> {
            match method {
                method if method
                    == __CalculatorMethod::add as ::core::primitive::u32 => {
                    let service = ::core::clone::Clone::clone(&self.implementation);
                    __traitwire::Option::Some(
                        __traitwire::slot(move |mut request: __traitwire::Request| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let mut arguments = __traitwire::Request::take_arguments(
                                    &mut request,
                                );
                                let a = __traitwire::Decoder::value::<i64>(&mut arguments)?;
                                let b = __traitwire::Decoder::value::<i64>(&mut arguments)?;
                                __traitwire::Decoder::finish(arguments)?;
                                __traitwire::Request::release(&mut request);
                                let output = <__S as Calculator>::add(&*service, a, b)
                                    .await;
                                __traitwire::Reply::returned(
                                    output,
                                    |encoder, value| {
                                        __traitwire::Encoder::value::<i64>(encoder, &value);
                                    },
                                )
                            }
                        }),
                    )
                }
                #[cfg(feature = "division")]
                method if method
                    == __CalculatorMethod::divide as ::core::primitive::u32 => {
                    let service = ::core::clone::Clone::clone(&self.implementation);
                    __traitwire::Option::Some(
                        __traitwire::slot(move |mut request: __traitwire::Request| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let mut arguments = __traitwire::Request::take_arguments(
                                    &mut request,
                                );
                                let a = __traitwire::Decoder::value::<i64>(&mut arguments)?;
                                let b = __traitwire::Decoder::value::<i64>(&mut arguments)?;
                                __traitwire::Decoder::finish(arguments)?;
                                __traitwire::Request::release(&mut request);
                                let output = <__S as Calculator>::divide(&*service, a, b)
                                    .await;
                                __traitwire::Reply::settled(
                                    output,
                                    |encoder, value| {
                                        __traitwire::Encoder::value::<i64>(encoder, &value);
                                    },
                                    |encoder, value| {
                                        __traitwire::Encoder::value::<MathError>(encoder, &value);
                                    },
                                )
                            }
                        }),
                    )
                }
                method if method
                    == __CalculatorMethod::greet as ::core::primitive::u32 => {
                    let service = ::core::clone::Clone::clone(&self.implementation);
                    __traitwire::Option::Some(
                        __traitwire::slot(move |request: __traitwire::Request| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let mut arguments = __traitwire::Request::arguments(
                                    &request,
                                );
                                let name = __traitwire::Decoder::value::<
                                    &str,
                                >(&mut arguments)?;
                                __traitwire::Decoder::finish(arguments)?;
                                let output = <__S as Calculator>::greet(&*service, name)
                                    .await;
                                __traitwire::Reply::returned(
                                    output,
                                    |encoder, value| {
                                        __traitwire::Encoder::value::<String>(encoder, &value);
                                    },
                                )
                            }
                        }),
                    )
                }
                method if method
                    == __CalculatorMethod::whoami as ::core::primitive::u32 => {
                    let service = ::core::clone::Clone::clone(&self.implementation);
                    __traitwire::Option::Some(
                        __traitwire::slot(move |request: __traitwire::Request| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let mut arguments = __traitwire::Request::arguments(
                                    &request,
                                );
                                let path = __traitwire::Decoder::value::<
                                    &Path,
                                >(&mut arguments)?;
                                __traitwire::Decoder::finish(arguments)?;
                                let cx = __traitwire::Request::context(&request);
                                let output = <__S as Calculator>::whoami(
                                        &*service,
                                        &cx,
                                        path,
                                    )
                                    .await;
                                __traitwire::Request::answered(&request);
                                __traitwire::Reply::returned(
                                    output,
                                    |encoder, value| {
                                        __traitwire::Encoder::byte_buf(encoder, value);
                                    },
                                )
                            }
                        }),
                    )
                }
                method if method
                    == __CalculatorMethod::note as ::core::primitive::u32 => {
                    let service = ::core::clone::Clone::clone(&self.implementation);
                    __traitwire::Option::Some(
                        __traitwire::slot(move |mut request: __traitwire::Request| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let mut arguments = __traitwire::Request::take_arguments(
                                    &mut request,
                                );
                                let text = __traitwire::Decoder::value::<
                                    String,
                                >(&mut arguments)?;
                                __traitwire::Decoder::finish(arguments)?;
                                __traitwire::Request::release(&mut request);
                                let output = <__S as Calculator>::note(&*service, text)
                                    .await;
                                __traitwire::Reply::returned(
                                    output,
                                    |encoder, value| {
                                        __traitwire::Encoder::value::<()>(encoder, &value);
                                    },
                                )
                            }
                        }),
                    )
                }
                method if method
                    == __CalculatorMethod::store as ::core::primitive::u32 => {
                    let service = ::core::clone::Clone::clone(&self.implementation);
                    __traitwire::Option::Some(
                        __traitwire::slot(move |request: __traitwire::Request| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let mut arguments = __traitwire::Request::arguments(
                                    &request,
                                );
                                let key = __traitwire::Decoder::value::<
                                    String,
                                >(&mut arguments)?;
                                let block = __traitwire::Decoder::byte_buf(&mut arguments)?;
                                let view = __traitwire::Decoder::bytes(&mut arguments)?;
                                let names = __traitwire::Decoder::value::<
                                    __traitwire::Vec<String>,
                                >(&mut arguments)?;
                                let options = __traitwire::Decoder::value::<
                                    Options,
                                >(&mut arguments)?;
                                __traitwire::Decoder::finish(arguments)?;
                                let output = <__S as Calculator>::store(
                                        &*service,
                                        key,
                                        block,
                                        view,
                                        &names,
                                        &options,
                                    )
                                    .await;
                                __traitwire::Reply::returned(
                                    output,
                                    |encoder, value| {
                                        __traitwire::Encoder::value::<()>(encoder, &value);
                                    },
                                )
                            }
                        }),
                    )
                }
                _ => __traitwire::Option::None,
            }
        }
    }
};
::traitwire::__private::blocking! {
    #[doc =
    " A client of [`Calculator`] for threads that wait: its methods are calls to whatever serves `Calculator` at the other end."]
    #[doc = ""] #[doc =
    " In a task of an async runtime its calls fail, unsent: they would hold up the thread. Cheap to clone;"]
    #[doc = " clones share the connection, and any number of threads may call at once."]
    #[derive(::core::clone::Clone, ::core::cmp::PartialEq, ::core::fmt::Debug)]
    #[allow(dead_code)] pub struct CalculatorBlockingClient { client : CalculatorClient,
    } #[doc(hidden)] #[allow(deprecated, non_camel_case_types, non_snake_case,
    clippy::all, clippy::pedantic)] const _ : () = { use ::traitwire::__private as
    __traitwire; #[allow(dead_code)] impl CalculatorBlockingClient { #[doc =
    r" A client over a channel that is open already. A service that the peer does not have shows at"]
    #[doc = r" the first call."] pub fn new(channel : __traitwire::Channel) -> Self {
    Self { client : CalculatorClient::new(channel) } } #[doc =
    r" Connects to the service at an address, and fails if something else is there."]
    #[doc = r""] #[doc = r" # Errors"] #[doc =
    r" The address is malformed, nobody answers there, or the peer serves something else. In a task of"]
    #[doc = r" an async runtime."] pub fn connect < Via > (address : impl
    __traitwire::Dial < Via >,) -> __traitwire::Result < Self, __traitwire::RpcError > {
    match __traitwire::wait(CalculatorClient::connect(address)) {
    __traitwire::Result::Ok(client) => __traitwire::Result::Ok(Self { client }),
    __traitwire::Result::Err(error) => __traitwire::Result::Err(error), } } #[doc =
    r" A client of an implementation in this process. Calls behave as over a connection; handlers run"]
    #[doc = r" on a thread that all blocking clients share."] pub fn local(implementation
    : impl Calculator) -> Self { Self { client : CalculatorClient::local(implementation)
    } } #[doc = r" The channel that calls go through."] pub fn channel(& self) -> &
    __traitwire::Channel { CalculatorClient::channel(& self.client) } #[doc =
    r" A client whose calls end, at the latest, after this time."] #[must_use] pub fn
    with_timeout(& self, timeout : __traitwire::Duration) -> Self { Self { client :
    CalculatorClient::with_timeout(& self.client, timeout) } } #[doc =
    r" A client whose calls have this priority, whatever their methods have."]
    #[must_use] pub fn with_priority(& self, priority : __traitwire::Priority) -> Self {
    Self { client : CalculatorClient::with_priority(& self.client, priority) } } #[doc =
    r" A client whose calls carry this beside their arguments; handlers read it from their `Context`."]
    #[must_use] pub fn with_metadata(& self, key : impl __traitwire::Into <
    __traitwire::String >, value : impl __traitwire::Into < __traitwire::Vec <
    ::core::primitive::u8 >>,) -> Self { Self { client :
    CalculatorClient::with_metadata(& self.client, key, value) } } #[doc =
    " Adds two numbers."] pub fn add(& self, a : i64, b : i64) -> __traitwire::Result <
    i64, __traitwire::CallError < __traitwire::Infallible >> {
    __traitwire::call(CalculatorClient::add(& self.client, a, b)) } #[doc =
    " Divides, unless by zero."] #[cfg(feature = "division")] pub fn divide(& self, a :
    i64, b : i64) -> __traitwire::Result < i64, __traitwire::CallError < MathError >> {
    __traitwire::call(CalculatorClient::divide(& self.client, a, b)) } #[doc =
    " Calls `Calculator.greet`."] pub fn greet(& self, name : & str) ->
    __traitwire::Result < String, __traitwire::CallError < __traitwire::Infallible >> {
    __traitwire::call(CalculatorClient::greet(& self.client, name)) } #[doc =
    " Calls `Calculator.whoami`."] pub fn whoami(& self, path : & Path) ->
    __traitwire::Result < Vec < u8 >, __traitwire::CallError < __traitwire::Infallible >>
    { __traitwire::call(CalculatorClient::whoami(& self.client, path)) } #[doc =
    " Calls `Calculator.note`."] pub fn note(& self, text : String) ->
    __traitwire::Result < (), __traitwire::CallError < __traitwire::Infallible >> {
    __traitwire::call(CalculatorClient::note(& self.client, text)) } #[doc =
    " Calls `Calculator.store`."] pub fn store(& self, key : String, block : Vec < u8 >,
    view : & [u8], names : & [String], options : & Options) -> __traitwire::Result < (),
    __traitwire::CallError < __traitwire::Infallible >> {
    __traitwire::call(CalculatorClient::store(& self.client, key, block, view, names,
    options)) } } impl __traitwire::From < CalculatorClient > for
    CalculatorBlockingClient { #[doc = r" The same client, for threads that wait."] fn
    from(other : CalculatorClient) -> Self { Self { client : other } } } };
}
