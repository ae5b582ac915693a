#[allow(clippy::manual_async_fn, clippy::too_many_arguments)]
pub trait Archive: ::core::marker::Send + ::core::marker::Sync + 'static {
    fn search(
        &self,
        text: &str,
        context: &Context,
        filter: Filter,
        limit: u32,
        language: &str,
        pages: &[u32],
    ) -> impl ::traitwire::__private::Future<
        Output = Vec<String>,
    > + ::core::marker::Send;
}
/// A client of [`Archive`]: its methods are calls to whatever serves `Archive` at the other end of its channel.
///
/// Cheap to clone; clones share the connection. Two clients are equal if they call the same service.
#[derive(::core::clone::Clone, ::core::cmp::PartialEq, ::core::fmt::Debug)]
#[allow(dead_code)]
pub struct ArchiveClient {
    client: ::traitwire::__private::Client,
}
/// Serves an implementation of [`Archive`] as `Archive`.
#[allow(dead_code)]
pub struct ArchiveServer<S> {
    implementation: ::traitwire::__private::Arc<S>,
}
#[doc(hidden)]
#[allow(deprecated, non_camel_case_types, non_snake_case, clippy::all, clippy::pedantic)]
const _: () = {
    use ::traitwire::__private as __traitwire;
    enum __ArchiveMethod {
        search,
    }
    fn __Archive_description() -> &'static __traitwire::ServiceDescription {
        static DESCRIPTION: __traitwire::OnceLock<__traitwire::ServiceDescription> = __traitwire::OnceLock::new();
        __traitwire::OnceLock::get_or_init(
            &DESCRIPTION,
            || {
                let mut interface = __traitwire::Interface::builder("Archive", "");
                interface
                    .add(
                        "search",
                        |method| {
                            method
                                .argument::<str>("text")
                                .argument::<Filter>("filter")
                                .with_default()
                                .argument::<u32>("limit")
                                .with_default()
                                .argument::<str>("language")
                                .with_default()
                                .argument::<[u32]>("pages")
                                .with_default()
                                .output::<Vec<String>>()
                        },
                    );
                __traitwire::ServiceDescription::new(
                    interface.build(),
                    &[__traitwire::Attributes::NONE],
                )
            },
        )
    }
    #[allow(dead_code, dropping_copy_types)]
    impl ArchiveClient {
        /// A client over a channel that is open already. A service that the peer does not have shows at
        /// the first call.
        pub fn new(channel: __traitwire::Channel) -> Self {
            Self {
                client: __traitwire::Client::new(channel, __Archive_description()),
            }
        }
        /// Connects to the service at an address, and fails if something else is there.
        ///
        /// # Errors
        /// The address is malformed, nobody answers there, or the peer serves something else.
        pub async fn connect<Via>(
            address: impl __traitwire::Dial<Via>,
        ) -> __traitwire::Result<Self, __traitwire::RpcError> {
            match __traitwire::Client::connect(address, __Archive_description()).await {
                __traitwire::Result::Ok(client) => {
                    __traitwire::Result::Ok(Self { client })
                }
                __traitwire::Result::Err(error) => __traitwire::Result::Err(error),
            }
        }
        /// A client of an implementation in this process. Calls behave as over a connection.
        pub fn local(implementation: impl Archive) -> Self {
            Self {
                client: __traitwire::Client::local(ArchiveServer::new(implementation)),
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
        /// Calls `Archive.search`.
        pub fn search(
            &self,
            text: &str,
            filter: Filter,
            limit: u32,
            language: &str,
            pages: &[u32],
        ) -> __traitwire::Call<'_, Vec<String>, __traitwire::Infallible> {
            let mut arguments = __traitwire::Encoder::new();
            __traitwire::Encoder::value::<str>(&mut arguments, text);
            __traitwire::Encoder::value::<Filter>(&mut arguments, &filter);
            __traitwire::Encoder::value::<u32>(&mut arguments, &limit);
            __traitwire::Encoder::value::<str>(&mut arguments, language);
            __traitwire::Encoder::value::<[u32]>(&mut arguments, pages);
            ::core::mem::drop(filter);
            ::core::mem::drop(limit);
            __traitwire::Client::call(
                &self.client,
                __ArchiveMethod::search as ::core::primitive::u32,
                arguments,
                |decoder| __traitwire::Decoder::value::<Vec<String>>(decoder),
                |decoder| __traitwire::Decoder::never(decoder),
            )
        }
    }
    #[automatically_derived]
    impl __traitwire::Contract for ArchiveClient {
        fn interface() -> &'static __traitwire::Interface {
            __traitwire::ServiceDescription::interface(__Archive_description())
        }
    }
    impl __traitwire::serde::Serialize for ArchiveClient {
        fn serialize<__S: __traitwire::serde::Serializer>(
            &self,
            serializer: __S,
        ) -> __traitwire::Result<__S::Ok, __S::Error> {
            __traitwire::serde::Serialize::serialize(&self.client, serializer)
        }
    }
    impl<'de> __traitwire::serde::Deserialize<'de> for ArchiveClient {
        fn deserialize<__D: __traitwire::serde::Deserializer<'de>>(
            deserializer: __D,
        ) -> __traitwire::Result<Self, __D::Error> {
            match __traitwire::Client::deserialize(
                __Archive_description(),
                deserializer,
            ) {
                __traitwire::Result::Ok(client) => {
                    __traitwire::Result::Ok(Self { client })
                }
                __traitwire::Result::Err(error) => __traitwire::Result::Err(error),
            }
        }
    }
    impl __traitwire::Schema for ArchiveClient {
        fn describe(types: &mut __traitwire::Types) -> __traitwire::Type {
            let _ = types;
            __traitwire::Type::client("Archive")
        }
    }
    #[allow(dead_code)]
    impl<__S: Archive> ArchiveServer<__S> {
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
    impl<__S> ::core::clone::Clone for ArchiveServer<__S> {
        fn clone(&self) -> Self {
            Self {
                implementation: ::core::clone::Clone::clone(&self.implementation),
            }
        }
    }
    #[automatically_derived]
    impl<__S> ::core::fmt::Debug for ArchiveServer<__S> {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            ::core::fmt::Formatter::write_str(formatter, "ArchiveServer")
        }
    }
    #[automatically_derived]
    impl<__S: Archive> __traitwire::Dispatch for ArchiveServer<__S> {
        fn description(&self) -> &'static __traitwire::ServiceDescription {
            __Archive_description()
        }
        fn slot(
            &self,
            method: ::core::primitive::u32,
        ) -> __traitwire::Option<__traitwire::Box<dyn __traitwire::Slot>> {
            match method {
                method if method
                    == __ArchiveMethod::search as ::core::primitive::u32 => {
                    let service = ::core::clone::Clone::clone(&self.implementation);
                    __traitwire::Option::Some(
                        __traitwire::slot(move |request: __traitwire::Request| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let mut arguments = __traitwire::Request::arguments(
                                    &request,
                                );
                                let text = __traitwire::Decoder::value::<
                                    &str,
                                >(&mut arguments)?;
                                let filter: Filter = match __traitwire::Decoder::lacks_argument(
                                    &mut arguments,
                                    1u32,
                                ) {
                                    true => <Filter as ::core::default::Default>::default(),
                                    false => {
                                        __traitwire::Decoder::value::<Filter>(&mut arguments)?
                                    }
                                };
                                let limit: u32 = match __traitwire::Decoder::lacks_argument(
                                    &mut arguments,
                                    2u32,
                                ) {
                                    true => 10,
                                    false => __traitwire::Decoder::value::<u32>(&mut arguments)?,
                                };
                                let language: &str = match __traitwire::Decoder::lacks_argument(
                                    &mut arguments,
                                    3u32,
                                ) {
                                    true => "en",
                                    false => {
                                        __traitwire::Decoder::value::<&str>(&mut arguments)?
                                    }
                                };
                                let pages: __traitwire::Vec<u32> = match __traitwire::Decoder::lacks_argument(
                                    &mut arguments,
                                    4u32,
                                ) {
                                    true => vec![1],
                                    false => {
                                        __traitwire::Decoder::value::<
                                            __traitwire::Vec<u32>,
                                        >(&mut arguments)?
                                    }
                                };
                                __traitwire::Decoder::finish(arguments)?;
                                let context = __traitwire::Request::context(&request);
                                let output = <__S as Archive>::search(
                                        &*service,
                                        text,
                                        &context,
                                        filter,
                                        limit,
                                        language,
                                        &pages,
                                    )
                                    .await;
                                __traitwire::Request::answered(&request);
                                __traitwire::Reply::returned(
                                    output,
                                    |encoder, value| {
                                        __traitwire::Encoder::value::<Vec<String>>(encoder, &value);
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
    " A client of [`Archive`] for threads that wait: its methods are calls to whatever serves `Archive` at the other end."]
    #[doc = ""] #[doc =
    " In a task of an async runtime its calls fail, unsent: they would hold up the thread. Cheap to clone;"]
    #[doc = " clones share the connection, and any number of threads may call at once."]
    #[derive(::core::clone::Clone, ::core::cmp::PartialEq, ::core::fmt::Debug)]
    #[allow(dead_code)] pub struct ArchiveBlockingClient { client : ArchiveClient, }
    #[doc(hidden)] #[allow(deprecated, non_camel_case_types, non_snake_case, clippy::all,
    clippy::pedantic)] const _ : () = { use ::traitwire::__private as __traitwire;
    #[allow(dead_code)] impl ArchiveBlockingClient { #[doc =
    r" A client over a channel that is open already. A service that the peer does not have shows at"]
    #[doc = r" the first call."] pub fn new(channel : __traitwire::Channel) -> Self {
    Self { client : ArchiveClient::new(channel) } } #[doc =
    r" Connects to the service at an address, and fails if something else is there."]
    #[doc = r""] #[doc = r" # Errors"] #[doc =
    r" The address is malformed, nobody answers there, or the peer serves something else. In a task of"]
    #[doc = r" an async runtime."] pub fn connect < Via > (address : impl
    __traitwire::Dial < Via >,) -> __traitwire::Result < Self, __traitwire::RpcError > {
    match __traitwire::wait(ArchiveClient::connect(address)) {
    __traitwire::Result::Ok(client) => __traitwire::Result::Ok(Self { client }),
    __traitwire::Result::Err(error) => __traitwire::Result::Err(error), } } #[doc =
    r" A client of an implementation in this process. Calls behave as over a connection; handlers run"]
    #[doc = r" on a thread that all blocking clients share."] pub fn local(implementation
    : impl Archive) -> Self { Self { client : ArchiveClient::local(implementation) } }
    #[doc = r" The channel that calls go through."] pub fn channel(& self) -> &
    __traitwire::Channel { ArchiveClient::channel(& self.client) } #[doc =
    r" A client whose calls end, at the latest, after this time."] #[must_use] pub fn
    with_timeout(& self, timeout : __traitwire::Duration) -> Self { Self { client :
    ArchiveClient::with_timeout(& self.client, timeout) } } #[doc =
    r" A client whose calls have this priority, whatever their methods have."]
    #[must_use] pub fn with_priority(& self, priority : __traitwire::Priority) -> Self {
    Self { client : ArchiveClient::with_priority(& self.client, priority) } } #[doc =
    r" A client whose calls carry this beside their arguments; handlers read it from their `Context`."]
    #[must_use] pub fn with_metadata(& self, key : impl __traitwire::Into <
    __traitwire::String >, value : impl __traitwire::Into < __traitwire::Vec <
    ::core::primitive::u8 >>,) -> Self { Self { client : ArchiveClient::with_metadata(&
    self.client, key, value) } } #[doc = " Calls `Archive.search`."] pub fn search(&
    self, text : & str, filter : Filter, limit : u32, language : & str, pages : & [u32])
    -> __traitwire::Result < Vec < String >, __traitwire::CallError <
    __traitwire::Infallible >> { __traitwire::call(ArchiveClient::search(& self.client,
    text, filter, limit, language, pages)) } } impl __traitwire::From < ArchiveClient >
    for ArchiveBlockingClient { #[doc = r" The same client, for threads that wait."] fn
    from(other : ArchiveClient) -> Self { Self { client : other } } } };
}
