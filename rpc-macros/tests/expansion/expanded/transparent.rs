/// A shelf, here or elsewhere.
#[allow(clippy::manual_async_fn, clippy::too_many_arguments)]
pub trait Shelf: ::core::marker::Send + ::core::marker::Sync + 'static {
    fn get(
        &self,
        name: &str,
        cx: &Context,
    ) -> impl ::traitwire::__private::Future<
        Output = Result<Vec<u8>, Failure>,
    > + ::core::marker::Send;
    #[cfg(feature = "count")]
    fn count(
        &self,
        prefix: String,
    ) -> impl ::traitwire::__private::Future<
        Output = Result<u64, Failure>,
    > + ::core::marker::Send {
        async { Ok(0) }
    }
    fn touch(
        &self,
        name: String,
    ) -> impl ::traitwire::__private::Future<Output = ()> + ::core::marker::Send;
    fn list(
        &self,
        under: Path,
    ) -> impl ::traitwire::__private::Stream<
        Item = ::traitwire::__private::Result<String, Failure>,
    > + ::core::marker::Send;
    fn open(
        &self,
        lines: Streaming<String>,
    ) -> impl ::traitwire::__private::Future<
        Output = ::traitwire::__private::Result<
            impl ::traitwire::__private::Stream<
                Item = ::traitwire::__private::Result<u8, Failure>,
            > + ::core::marker::Send,
            Failure,
        >,
    > + ::core::marker::Send;
    fn put(
        &self,
        blocks: Streaming<Vec<u8>, Failure>,
    ) -> impl ::traitwire::__private::Future<
        Output = Result<(), Failure>,
    > + ::core::marker::Send;
}
/// A client of [`Shelf`]: its methods are calls to whatever serves `Shelf` at the other end of its channel.
///
/// Cheap to clone; clones share the connection. Two clients are equal if they call the same service.
///
/// It is a [`Shelf`] itself, for code that takes any; a failed call is then the method's own error.
#[derive(::core::clone::Clone, ::core::cmp::PartialEq, ::core::fmt::Debug)]
#[allow(dead_code)]
pub struct ShelfClient {
    client: ::traitwire::__private::Client,
}
/// Serves an implementation of [`Shelf`] as `Shelf`.
#[allow(dead_code)]
pub struct ShelfServer<S> {
    implementation: ::traitwire::__private::Arc<S>,
}
#[doc(hidden)]
#[allow(deprecated, non_camel_case_types, non_snake_case, clippy::all, clippy::pedantic)]
const _: () = {
    use ::traitwire::__private as __traitwire;
    enum __ShelfMethod {
        get,
        #[cfg(feature = "count")]
        count,
        touch,
        list,
        open,
        put,
    }
    fn __Shelf_description() -> &'static __traitwire::ServiceDescription {
        static DESCRIPTION: __traitwire::OnceLock<__traitwire::ServiceDescription> = __traitwire::OnceLock::new();
        __traitwire::OnceLock::get_or_init(
            &DESCRIPTION,
            || {
                let mut interface = __traitwire::Interface::builder(
                    "Shelf",
                    "A shelf, here or elsewhere.",
                );
                interface
                    .add(
                        "get",
                        |method| {
                            method
                                .argument::<str>("name")
                                .output::<Vec<u8>>()
                                .error::<Failure>()
                        },
                    );
                #[cfg(feature = "count")]
                interface
                    .add(
                        "count",
                        |method| {
                            method
                                .argument::<String>("prefix")
                                .output::<u64>()
                                .error::<Failure>()
                        },
                    );
                interface
                    .add(
                        "touch",
                        |method| {
                            method.argument::<String>("name").output::<()>().oneway()
                        },
                    );
                interface
                    .add(
                        "list",
                        |method| {
                            method
                                .argument::<Path>("under")
                                .stream::<__traitwire::Result<String, Failure>>()
                        },
                    );
                interface
                    .add(
                        "open",
                        |method| {
                            method
                                .streaming::<String>("lines")
                                .stream::<__traitwire::Result<u8, Failure>>()
                                .error::<Failure>()
                        },
                    );
                interface
                    .add(
                        "put",
                        |method| {
                            method
                                .streaming::<
                                    __traitwire::Result<Vec<u8>, Failure>,
                                >("blocks")
                                .output::<()>()
                                .error::<Failure>()
                        },
                    );
                __traitwire::ServiceDescription::new(
                    interface.build(),
                    &[
                        __traitwire::Attributes::NONE,
                        #[cfg(feature = "count")]
                        __traitwire::Attributes::NONE,
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
    impl ShelfClient {
        /// A client over a channel that is open already. A service that the peer does not have shows at
        /// the first call.
        pub fn new(channel: __traitwire::Channel) -> Self {
            Self {
                client: __traitwire::Client::new(channel, __Shelf_description()),
            }
        }
        /// Connects to the service at an address, and fails if something else is there.
        ///
        /// # Errors
        /// The address is malformed, nobody answers there, or the peer serves something else.
        pub async fn connect<Via>(
            address: impl __traitwire::Dial<Via>,
        ) -> __traitwire::Result<Self, __traitwire::RpcError> {
            match __traitwire::Client::connect(address, __Shelf_description()).await {
                __traitwire::Result::Ok(client) => {
                    __traitwire::Result::Ok(Self { client })
                }
                __traitwire::Result::Err(error) => __traitwire::Result::Err(error),
            }
        }
        /// A client of an implementation in this process. Calls behave as over a connection.
        pub fn local(implementation: impl Shelf) -> Self {
            Self {
                client: __traitwire::Client::local(ShelfServer::new(implementation)),
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
        /// Calls `Shelf.get`.
        pub fn get(&self, name: &str) -> __traitwire::Call<'_, Vec<u8>, Failure> {
            let mut arguments = __traitwire::Encoder::new();
            __traitwire::Encoder::value::<str>(&mut arguments, name);
            __traitwire::Client::call(
                &self.client,
                __ShelfMethod::get as ::core::primitive::u32,
                arguments,
                |decoder| __traitwire::Decoder::byte_buf(decoder),
                |decoder| __traitwire::Decoder::value::<Failure>(decoder),
            )
        }
        #[cfg(feature = "count")]
        /// Calls `Shelf.count`.
        pub fn count(&self, prefix: String) -> __traitwire::Call<'_, u64, Failure> {
            let mut arguments = __traitwire::Encoder::new();
            __traitwire::Encoder::value::<String>(&mut arguments, &prefix);
            ::core::mem::drop(prefix);
            __traitwire::Client::call(
                &self.client,
                __ShelfMethod::count as ::core::primitive::u32,
                arguments,
                |decoder| __traitwire::Decoder::value::<u64>(decoder),
                |decoder| __traitwire::Decoder::value::<Failure>(decoder),
            )
        }
        /// Calls `Shelf.touch`.
        pub fn touch(
            &self,
            name: String,
        ) -> __traitwire::Call<'_, (), __traitwire::Infallible> {
            let mut arguments = __traitwire::Encoder::new();
            __traitwire::Encoder::value::<String>(&mut arguments, &name);
            ::core::mem::drop(name);
            __traitwire::Client::send(
                &self.client,
                __ShelfMethod::touch as ::core::primitive::u32,
                arguments,
            )
        }
        /// Calls `Shelf.list`.
        pub fn list(&self, under: Path) -> __traitwire::Streaming<String, Failure> {
            let mut arguments = __traitwire::Encoder::new();
            __traitwire::Encoder::value::<Path>(&mut arguments, &under);
            ::core::mem::drop(under);
            __traitwire::Client::stream(
                &self.client,
                __ShelfMethod::list as ::core::primitive::u32,
                arguments,
                __traitwire::Option::None,
                |decoder| __traitwire::Decoder::result(
                    decoder,
                    |decoder| __traitwire::Decoder::value::<String>(decoder),
                    |decoder| __traitwire::Decoder::value::<Failure>(decoder),
                ),
                |decoder| __traitwire::Decoder::value::<Failure>(decoder),
            )
        }
        /// Calls `Shelf.open`.
        pub fn open(
            &self,
            lines: impl __traitwire::Stream<
                Item = String,
            > + ::core::marker::Send + 'static,
        ) -> __traitwire::Streaming<u8, Failure> {
            let arguments = __traitwire::Encoder::new();
            __traitwire::Client::stream(
                &self.client,
                __ShelfMethod::open as ::core::primitive::u32,
                arguments,
                __traitwire::Option::Some(
                    __traitwire::Upload::new(
                        lines,
                        |encoder: &mut __traitwire::Encoder, item: String| {
                            __traitwire::Encoder::value::<String>(encoder, &item);
                        },
                    ),
                ),
                |decoder| __traitwire::Decoder::result(
                    decoder,
                    |decoder| __traitwire::Decoder::value::<u8>(decoder),
                    |decoder| __traitwire::Decoder::value::<Failure>(decoder),
                ),
                |decoder| __traitwire::Decoder::value::<Failure>(decoder),
            )
        }
        /// Calls `Shelf.put`.
        pub fn put(
            &self,
            blocks: impl __traitwire::Stream<
                Item = __traitwire::Result<Vec<u8>, Failure>,
            > + ::core::marker::Send + 'static,
        ) -> __traitwire::Call<'_, (), Failure> {
            let arguments = __traitwire::Encoder::new();
            __traitwire::Client::call_with(
                &self.client,
                __ShelfMethod::put as ::core::primitive::u32,
                arguments,
                __traitwire::Upload::new(
                    blocks,
                    |
                        encoder: &mut __traitwire::Encoder,
                        item: __traitwire::Result<Vec<u8>, Failure>|
                    {
                        __traitwire::Encoder::value::<
                            __traitwire::Result<Vec<u8>, Failure>,
                        >(encoder, &item);
                    },
                ),
                |decoder| __traitwire::Decoder::value::<()>(decoder),
                |decoder| __traitwire::Decoder::value::<Failure>(decoder),
            )
        }
    }
    #[automatically_derived]
    impl __traitwire::Contract for ShelfClient {
        fn interface() -> &'static __traitwire::Interface {
            __traitwire::ServiceDescription::interface(__Shelf_description())
        }
    }
    impl __traitwire::serde::Serialize for ShelfClient {
        fn serialize<__S: __traitwire::serde::Serializer>(
            &self,
            serializer: __S,
        ) -> __traitwire::Result<__S::Ok, __S::Error> {
            __traitwire::serde::Serialize::serialize(&self.client, serializer)
        }
    }
    impl<'de> __traitwire::serde::Deserialize<'de> for ShelfClient {
        fn deserialize<__D: __traitwire::serde::Deserializer<'de>>(
            deserializer: __D,
        ) -> __traitwire::Result<Self, __D::Error> {
            match __traitwire::Client::deserialize(__Shelf_description(), deserializer) {
                __traitwire::Result::Ok(client) => {
                    __traitwire::Result::Ok(Self { client })
                }
                __traitwire::Result::Err(error) => __traitwire::Result::Err(error),
            }
        }
    }
    impl __traitwire::Schema for ShelfClient {
        fn describe(types: &mut __traitwire::Types) -> __traitwire::Type {
            let _ = types;
            __traitwire::Type::client("Shelf")
        }
    }
    #[allow(dead_code)]
    impl<__S: Shelf> ShelfServer<__S> {
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
    impl<__S> ::core::clone::Clone for ShelfServer<__S> {
        fn clone(&self) -> Self {
            Self {
                implementation: ::core::clone::Clone::clone(&self.implementation),
            }
        }
    }
    #[automatically_derived]
    impl<__S> ::core::fmt::Debug for ShelfServer<__S> {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            ::core::fmt::Formatter::write_str(formatter, "ShelfServer")
        }
    }
    #[automatically_derived]
    impl<__S: Shelf> __traitwire::Dispatch for ShelfServer<__S> {
        fn description(&self) -> &'static __traitwire::ServiceDescription {
            __Shelf_description()
        }
        fn slot(
            &self,
            method: ::core::primitive::u32,
        ) -> __traitwire::Option<__traitwire::Box<dyn __traitwire::Slot>> {
            match method {
                method if method == __ShelfMethod::get as ::core::primitive::u32 => {
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
                                let cx = __traitwire::Request::context(&request);
                                let output = <__S as Shelf>::get(&*service, name, &cx)
                                    .await;
                                __traitwire::Request::answered(&request);
                                __traitwire::Reply::settled(
                                    output,
                                    |encoder, value| {
                                        __traitwire::Encoder::byte_buf(encoder, value);
                                    },
                                    |encoder, value| {
                                        __traitwire::Encoder::value::<Failure>(encoder, &value);
                                    },
                                )
                            }
                        }),
                    )
                }
                #[cfg(feature = "count")]
                method if method == __ShelfMethod::count as ::core::primitive::u32 => {
                    let service = ::core::clone::Clone::clone(&self.implementation);
                    __traitwire::Option::Some(
                        __traitwire::slot(move |mut request: __traitwire::Request| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let mut arguments = __traitwire::Request::take_arguments(
                                    &mut request,
                                );
                                let prefix = __traitwire::Decoder::value::<
                                    String,
                                >(&mut arguments)?;
                                __traitwire::Decoder::finish(arguments)?;
                                __traitwire::Request::release(&mut request);
                                let output = <__S as Shelf>::count(&*service, prefix).await;
                                __traitwire::Reply::settled(
                                    output,
                                    |encoder, value| {
                                        __traitwire::Encoder::value::<u64>(encoder, &value);
                                    },
                                    |encoder, value| {
                                        __traitwire::Encoder::value::<Failure>(encoder, &value);
                                    },
                                )
                            }
                        }),
                    )
                }
                method if method == __ShelfMethod::touch as ::core::primitive::u32 => {
                    let service = ::core::clone::Clone::clone(&self.implementation);
                    __traitwire::Option::Some(
                        __traitwire::slot(move |mut request: __traitwire::Request| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let mut arguments = __traitwire::Request::take_arguments(
                                    &mut request,
                                );
                                let name = __traitwire::Decoder::value::<
                                    String,
                                >(&mut arguments)?;
                                __traitwire::Decoder::finish(arguments)?;
                                __traitwire::Request::release(&mut request);
                                let output = <__S as Shelf>::touch(&*service, name).await;
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
                method if method == __ShelfMethod::list as ::core::primitive::u32 => {
                    let service = ::core::clone::Clone::clone(&self.implementation);
                    __traitwire::Option::Some(
                        __traitwire::slot(move |mut request: __traitwire::Request| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let mut arguments = __traitwire::Request::take_arguments(
                                    &mut request,
                                );
                                let under = __traitwire::Decoder::value::<
                                    Path,
                                >(&mut arguments)?;
                                __traitwire::Decoder::finish(arguments)?;
                                __traitwire::Request::release(&mut request);
                                let output = <__S as Shelf>::list(&*service, under);
                                let sent = __traitwire::Request::send_all(
                                        &request,
                                        output,
                                        |
                                            encoder: &mut __traitwire::Encoder,
                                            item: __traitwire::Result<String, Failure>|
                                        {
                                            __traitwire::Encoder::value::<
                                                __traitwire::Result<String, Failure>,
                                            >(encoder, &item);
                                        },
                                    )
                                    .await;
                                sent
                            }
                        }),
                    )
                }
                method if method == __ShelfMethod::open as ::core::primitive::u32 => {
                    let service = ::core::clone::Clone::clone(&self.implementation);
                    __traitwire::Option::Some(
                        __traitwire::slot(move |mut request: __traitwire::Request| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let arguments = __traitwire::Request::take_arguments(
                                    &mut request,
                                );
                                __traitwire::Decoder::finish(arguments)?;
                                __traitwire::Request::release(&mut request);
                                let lines = __traitwire::Request::streaming(
                                    &request,
                                    |decoder| __traitwire::Result::map(
                                        __traitwire::Decoder::value::<String>(decoder),
                                        __traitwire::Result::Ok,
                                    ),
                                );
                                let output = <__S as Shelf>::open(&*service, lines).await;
                                match output {
                                    __traitwire::Result::Ok(value) => {
                                        let sent = __traitwire::Request::send_all(
                                                &request,
                                                value,
                                                |
                                                    encoder: &mut __traitwire::Encoder,
                                                    item: __traitwire::Result<u8, Failure>|
                                                {
                                                    __traitwire::Encoder::value::<
                                                        __traitwire::Result<u8, Failure>,
                                                    >(encoder, &item);
                                                },
                                            )
                                            .await;
                                        sent
                                    }
                                    __traitwire::Result::Err(error) => {
                                        __traitwire::Reply::error(|encoder| (|encoder, value| {
                                            __traitwire::Encoder::value::<Failure>(encoder, &value);
                                        })(encoder, error))
                                    }
                                }
                            }
                        }),
                    )
                }
                method if method == __ShelfMethod::put as ::core::primitive::u32 => {
                    let service = ::core::clone::Clone::clone(&self.implementation);
                    __traitwire::Option::Some(
                        __traitwire::slot(move |mut request: __traitwire::Request| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let arguments = __traitwire::Request::take_arguments(
                                    &mut request,
                                );
                                __traitwire::Decoder::finish(arguments)?;
                                __traitwire::Request::release(&mut request);
                                let blocks = __traitwire::Request::streaming(
                                    &request,
                                    |decoder| __traitwire::Decoder::result(
                                        decoder,
                                        |decoder| __traitwire::Decoder::byte_buf(decoder),
                                        |decoder| __traitwire::Decoder::value::<Failure>(decoder),
                                    ),
                                );
                                let output = <__S as Shelf>::put(&*service, blocks).await;
                                __traitwire::Reply::settled(
                                    output,
                                    |encoder, value| {
                                        __traitwire::Encoder::value::<()>(encoder, &value);
                                    },
                                    |encoder, value| {
                                        __traitwire::Encoder::value::<Failure>(encoder, &value);
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
    #[allow(dropping_copy_types)]
    impl Shelf for ShelfClient {
        fn get(
            &self,
            name: &str,
            cx: &Context,
        ) -> impl ::traitwire::__private::Future<
            Output = Result<Vec<u8>, Failure>,
        > + ::core::marker::Send {
            async move {
                let client = __traitwire::Client::within(&self.client, cx);
                let mut arguments = __traitwire::Encoder::new();
                __traitwire::Encoder::value::<str>(&mut arguments, name);
                __traitwire::transparent::result::<
                    _,
                    Failure,
                >(
                    __traitwire::Client::call(
                            &client,
                            __ShelfMethod::get as ::core::primitive::u32,
                            arguments,
                            |decoder| __traitwire::Decoder::byte_buf(decoder),
                            |decoder| __traitwire::Decoder::value::<Failure>(decoder),
                        )
                        .await,
                )
            }
        }
        #[cfg(feature = "count")]
        fn count(
            &self,
            prefix: String,
        ) -> impl ::traitwire::__private::Future<
            Output = Result<u64, Failure>,
        > + ::core::marker::Send {
            async move {
                let mut arguments = __traitwire::Encoder::new();
                __traitwire::Encoder::value::<String>(&mut arguments, &prefix);
                ::core::mem::drop(prefix);
                __traitwire::transparent::result::<
                    _,
                    Failure,
                >(
                    __traitwire::Client::call(
                            &self.client,
                            __ShelfMethod::count as ::core::primitive::u32,
                            arguments,
                            |decoder| __traitwire::Decoder::value::<u64>(decoder),
                            |decoder| __traitwire::Decoder::value::<Failure>(decoder),
                        )
                        .await,
                )
            }
        }
        fn touch(
            &self,
            name: String,
        ) -> impl ::traitwire::__private::Future<Output = ()> + ::core::marker::Send {
            async move {
                let mut arguments = __traitwire::Encoder::new();
                __traitwire::Encoder::value::<String>(&mut arguments, &name);
                ::core::mem::drop(name);
                ::core::mem::drop(
                    __traitwire::Client::send(
                            &self.client,
                            __ShelfMethod::touch as ::core::primitive::u32,
                            arguments,
                        )
                        .await,
                );
            }
        }
        fn list(
            &self,
            under: Path,
        ) -> impl ::traitwire::__private::Stream<
            Item = ::traitwire::__private::Result<String, Failure>,
        > + ::core::marker::Send {
            let mut arguments = __traitwire::Encoder::new();
            __traitwire::Encoder::value::<Path>(&mut arguments, &under);
            ::core::mem::drop(under);
            __traitwire::transparent::results::<
                _,
                Failure,
            >(
                __traitwire::Client::stream(
                    &self.client,
                    __ShelfMethod::list as ::core::primitive::u32,
                    arguments,
                    __traitwire::Option::None,
                    |decoder| __traitwire::Decoder::result(
                        decoder,
                        |decoder| __traitwire::Decoder::value::<String>(decoder),
                        |decoder| __traitwire::Decoder::value::<Failure>(decoder),
                    ),
                    |decoder| __traitwire::Decoder::value::<Failure>(decoder),
                ),
            )
        }
        fn open(
            &self,
            lines: Streaming<String>,
        ) -> impl ::traitwire::__private::Future<
            Output = ::traitwire::__private::Result<
                impl ::traitwire::__private::Stream<
                    Item = ::traitwire::__private::Result<u8, Failure>,
                > + ::core::marker::Send,
                Failure,
            >,
        > + ::core::marker::Send {
            async move {
                let arguments = __traitwire::Encoder::new();
                __traitwire::Result::<
                    _,
                    Failure,
                >::Ok(
                    __traitwire::transparent::results::<
                        _,
                        Failure,
                    >(
                        __traitwire::Client::stream(
                            &self.client,
                            __ShelfMethod::open as ::core::primitive::u32,
                            arguments,
                            __traitwire::Option::Some(
                                __traitwire::transparent::forward(
                                    lines,
                                    |encoder: &mut __traitwire::Encoder, item: String| {
                                        __traitwire::Encoder::value::<String>(encoder, &item);
                                    },
                                ),
                            ),
                            |decoder| __traitwire::Decoder::result(
                                decoder,
                                |decoder| __traitwire::Decoder::value::<u8>(decoder),
                                |decoder| __traitwire::Decoder::value::<Failure>(decoder),
                            ),
                            |decoder| __traitwire::Decoder::value::<Failure>(decoder),
                        ),
                    ),
                )
            }
        }
        fn put(
            &self,
            blocks: Streaming<Vec<u8>, Failure>,
        ) -> impl ::traitwire::__private::Future<
            Output = Result<(), Failure>,
        > + ::core::marker::Send {
            async move {
                let arguments = __traitwire::Encoder::new();
                __traitwire::transparent::result::<
                    _,
                    Failure,
                >(
                    __traitwire::Client::call_with(
                            &self.client,
                            __ShelfMethod::put as ::core::primitive::u32,
                            arguments,
                            __traitwire::transparent::forward_results(
                                blocks,
                                |
                                    encoder: &mut __traitwire::Encoder,
                                    item: __traitwire::Result<Vec<u8>, Failure>|
                                {
                                    __traitwire::Encoder::value::<
                                        __traitwire::Result<Vec<u8>, Failure>,
                                    >(encoder, &item);
                                },
                            ),
                            |decoder| __traitwire::Decoder::value::<()>(decoder),
                            |decoder| __traitwire::Decoder::value::<Failure>(decoder),
                        )
                        .await,
                )
            }
        }
    }
};
::traitwire::__private::blocking! {
    #[doc =
    " A client of [`Shelf`] for threads that wait: its methods are calls to whatever serves `Shelf` at the other end."]
    #[doc = ""] #[doc =
    " In a task of an async runtime its calls fail, unsent: they would hold up the thread. Cheap to clone;"]
    #[doc = " clones share the connection, and any number of threads may call at once."]
    #[derive(::core::clone::Clone, ::core::cmp::PartialEq, ::core::fmt::Debug)]
    #[allow(dead_code)] pub struct ShelfBlockingClient { client : ShelfClient, }
    #[doc(hidden)] #[allow(deprecated, non_camel_case_types, non_snake_case, clippy::all,
    clippy::pedantic)] const _ : () = { use ::traitwire::__private as __traitwire;
    #[allow(dead_code)] impl ShelfBlockingClient { #[doc =
    r" A client over a channel that is open already. A service that the peer does not have shows at"]
    #[doc = r" the first call."] pub fn new(channel : __traitwire::Channel) -> Self {
    Self { client : ShelfClient::new(channel) } } #[doc =
    r" Connects to the service at an address, and fails if something else is there."]
    #[doc = r""] #[doc = r" # Errors"] #[doc =
    r" The address is malformed, nobody answers there, or the peer serves something else. In a task of"]
    #[doc = r" an async runtime."] pub fn connect < Via > (address : impl
    __traitwire::Dial < Via >,) -> __traitwire::Result < Self, __traitwire::RpcError > {
    match __traitwire::wait(ShelfClient::connect(address)) {
    __traitwire::Result::Ok(client) => __traitwire::Result::Ok(Self { client }),
    __traitwire::Result::Err(error) => __traitwire::Result::Err(error), } } #[doc =
    r" A client of an implementation in this process. Calls behave as over a connection; handlers run"]
    #[doc = r" on a thread that all blocking clients share."] pub fn local(implementation
    : impl Shelf) -> Self { Self { client : ShelfClient::local(implementation) } } #[doc
    = r" The channel that calls go through."] pub fn channel(& self) -> &
    __traitwire::Channel { ShelfClient::channel(& self.client) } #[doc =
    r" A client whose calls end, at the latest, after this time."] #[must_use] pub fn
    with_timeout(& self, timeout : __traitwire::Duration) -> Self { Self { client :
    ShelfClient::with_timeout(& self.client, timeout) } } #[doc =
    r" A client whose calls have this priority, whatever their methods have."]
    #[must_use] pub fn with_priority(& self, priority : __traitwire::Priority) -> Self {
    Self { client : ShelfClient::with_priority(& self.client, priority) } } #[doc =
    r" A client whose calls carry this beside their arguments; handlers read it from their `Context`."]
    #[must_use] pub fn with_metadata(& self, key : impl __traitwire::Into <
    __traitwire::String >, value : impl __traitwire::Into < __traitwire::Vec <
    ::core::primitive::u8 >>,) -> Self { Self { client : ShelfClient::with_metadata(&
    self.client, key, value) } } #[doc = " Calls `Shelf.get`."] pub fn get(& self, name :
    & str) -> __traitwire::Result < Vec < u8 >, __traitwire::CallError < Failure >> {
    __traitwire::call(ShelfClient::get(& self.client, name)) } #[cfg(feature = "count")]
    #[doc = " Calls `Shelf.count`."] pub fn count(& self, prefix : String) ->
    __traitwire::Result < u64, __traitwire::CallError < Failure >> {
    __traitwire::call(ShelfClient::count(& self.client, prefix)) } #[doc =
    " Calls `Shelf.touch`."] pub fn touch(& self, name : String) -> __traitwire::Result <
    (), __traitwire::CallError < __traitwire::Infallible >> {
    __traitwire::call(ShelfClient::touch(& self.client, name)) } #[doc =
    " Calls `Shelf.list`."] pub fn list(& self, under : Path) ->
    __traitwire::BlockingStreaming < String, Failure > {
    __traitwire::From::from(ShelfClient::list(& self.client, under)) } #[doc =
    " Calls `Shelf.open`."] pub fn open(& self, lines : impl __traitwire::IntoIterator <
    Item = String, IntoIter : ::core::marker::Send > + ::core::marker::Send + 'static) ->
    __traitwire::BlockingStreaming < u8, Failure > {
    __traitwire::From::from(ShelfClient::open(& self.client, __traitwire::feed(lines))) }
    #[doc = " Calls `Shelf.put`."] pub fn put(& self, blocks : impl
    __traitwire::IntoIterator < Item = __traitwire::Result < Vec < u8 >, Failure >,
    IntoIter : ::core::marker::Send > + ::core::marker::Send + 'static) ->
    __traitwire::Result < (), __traitwire::CallError < Failure >> {
    __traitwire::call(ShelfClient::put(& self.client, __traitwire::feed(blocks))) } }
    impl __traitwire::From < ShelfClient > for ShelfBlockingClient { #[doc =
    r" The same client, for threads that wait."] fn from(other : ShelfClient) -> Self {
    Self { client : other } } } };
}
