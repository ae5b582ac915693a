#[allow(clippy::manual_async_fn, clippy::too_many_arguments)]
trait r#Result: ::core::marker::Send + ::core::marker::Sync + 'static {
    fn r#type(
        &self,
        arguments: u8,
        request: String,
        service: Ok,
        output: r#Vec,
    ) -> impl crate::reexport::traitwire::__private::Future<
        Output = Result<Vec, String>,
    > + ::core::marker::Send;
}
/// A client of [`Result`]: its methods are calls to whatever serves `odd-names` at the other end of its channel.
///
/// Cheap to clone; clones share the connection. Two clients are equal if they call the same service.
#[derive(::core::clone::Clone, ::core::cmp::PartialEq, ::core::fmt::Debug)]
#[allow(dead_code)]
struct ResultClient {
    client: crate::reexport::traitwire::__private::Client,
}
/// Serves an implementation of [`Result`] as `odd-names`.
#[allow(dead_code)]
struct ResultServer<S> {
    implementation: crate::reexport::traitwire::__private::Arc<S>,
}
#[doc(hidden)]
#[allow(deprecated, non_camel_case_types, non_snake_case, clippy::all, clippy::pedantic)]
const _: () = {
    use crate::reexport::traitwire::__private as __traitwire;
    enum __ResultMethod {
        r#type,
    }
    fn __Result_description() -> &'static __traitwire::ServiceDescription {
        static DESCRIPTION: __traitwire::OnceLock<__traitwire::ServiceDescription> = __traitwire::OnceLock::new();
        __traitwire::OnceLock::get_or_init(
            &DESCRIPTION,
            || {
                let mut interface = __traitwire::Interface::builder("odd-names", "");
                interface
                    .add(
                        "type",
                        |method| {
                            method
                                .argument::<u8>("arguments")
                                .argument::<String>("request")
                                .argument::<Ok>("service")
                                .argument::<r#Vec>("output")
                                .output::<Vec>()
                                .error::<String>()
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
    impl ResultClient {
        /// A client over a channel that is open already. A service that the peer does not have shows at
        /// the first call.
        fn new(channel: __traitwire::Channel) -> Self {
            Self {
                client: __traitwire::Client::new(channel, __Result_description()),
            }
        }
        /// Connects to the service at an address, and fails if something else is there.
        ///
        /// # Errors
        /// The address is malformed, nobody answers there, or the peer serves something else.
        async fn connect<Via>(
            address: impl __traitwire::Dial<Via>,
        ) -> __traitwire::Result<Self, __traitwire::RpcError> {
            match __traitwire::Client::connect(address, __Result_description()).await {
                __traitwire::Result::Ok(client) => {
                    __traitwire::Result::Ok(Self { client })
                }
                __traitwire::Result::Err(error) => __traitwire::Result::Err(error),
            }
        }
        /// A client of an implementation in this process. Calls behave as over a connection.
        fn local(implementation: impl r#Result) -> Self {
            Self {
                client: __traitwire::Client::local(ResultServer::new(implementation)),
            }
        }
        /// The channel that calls go through.
        fn channel(&self) -> &__traitwire::Channel {
            __traitwire::Client::channel(&self.client)
        }
        /// A client whose calls end, at the latest, after this time.
        #[must_use]
        fn with_timeout(&self, timeout: __traitwire::Duration) -> Self {
            Self {
                client: __traitwire::Client::with_timeout(&self.client, timeout),
            }
        }
        /// A client whose calls have this priority, whatever their methods have.
        #[must_use]
        fn with_priority(&self, priority: __traitwire::Priority) -> Self {
            Self {
                client: __traitwire::Client::with_priority(&self.client, priority),
            }
        }
        /// A client whose calls carry this beside their arguments; handlers read it from their `Context`.
        #[must_use]
        fn with_metadata(
            &self,
            key: impl __traitwire::Into<__traitwire::String>,
            value: impl __traitwire::Into<__traitwire::Vec<::core::primitive::u8>>,
        ) -> Self {
            Self {
                client: __traitwire::Client::with_metadata(&self.client, key, value),
            }
        }
        /// Calls `odd-names.type`.
        fn r#type(
            &self,
            arguments: u8,
            request: String,
            service: Ok,
            output: r#Vec,
        ) -> __traitwire::Call<'_, Vec, String> {
            let mut arguments = __traitwire::Encoder::new();
            __traitwire::Encoder::value::<u8>(&mut arguments, &arguments);
            __traitwire::Encoder::value::<String>(&mut arguments, &request);
            __traitwire::Encoder::value::<Ok>(&mut arguments, &service);
            __traitwire::Encoder::value::<r#Vec>(&mut arguments, &output);
            ::core::mem::drop(arguments);
            ::core::mem::drop(request);
            ::core::mem::drop(service);
            ::core::mem::drop(output);
            __traitwire::Client::call(
                &self.client,
                __ResultMethod::r#type as ::core::primitive::u32,
                arguments,
                |decoder| __traitwire::Decoder::value::<Vec>(decoder),
                |decoder| __traitwire::Decoder::value::<String>(decoder),
            )
        }
    }
    #[automatically_derived]
    impl __traitwire::Contract for ResultClient {
        fn interface() -> &'static __traitwire::Interface {
            __traitwire::ServiceDescription::interface(__Result_description())
        }
    }
    impl __traitwire::serde::Serialize for ResultClient {
        fn serialize<__S: __traitwire::serde::Serializer>(
            &self,
            serializer: __S,
        ) -> __traitwire::Result<__S::Ok, __S::Error> {
            __traitwire::serde::Serialize::serialize(&self.client, serializer)
        }
    }
    impl<'de> __traitwire::serde::Deserialize<'de> for ResultClient {
        fn deserialize<__D: __traitwire::serde::Deserializer<'de>>(
            deserializer: __D,
        ) -> __traitwire::Result<Self, __D::Error> {
            match __traitwire::Client::deserialize(
                __Result_description(),
                deserializer,
            ) {
                __traitwire::Result::Ok(client) => {
                    __traitwire::Result::Ok(Self { client })
                }
                __traitwire::Result::Err(error) => __traitwire::Result::Err(error),
            }
        }
    }
    impl __traitwire::Schema for ResultClient {
        fn describe(types: &mut __traitwire::Types) -> __traitwire::Type {
            let _ = types;
            __traitwire::Type::client("odd-names")
        }
    }
    #[allow(dead_code)]
    impl<__S: r#Result> ResultServer<__S> {
        /// Serves this implementation.
        fn new(implementation: __S) -> Self {
            Self {
                implementation: __traitwire::Arc::new(implementation),
            }
        }
        /// Serves an implementation that others hold too.
        fn from_arc(implementation: __traitwire::Arc<__S>) -> Self {
            Self { implementation }
        }
    }
    #[automatically_derived]
    impl<__S> ::core::clone::Clone for ResultServer<__S> {
        fn clone(&self) -> Self {
            Self {
                implementation: ::core::clone::Clone::clone(&self.implementation),
            }
        }
    }
    #[automatically_derived]
    impl<__S> ::core::fmt::Debug for ResultServer<__S> {
        fn fmt(
            &self,
            formatter: &mut ::core::fmt::Formatter<'_>,
        ) -> ::core::fmt::Result {
            ::core::fmt::Formatter::write_str(formatter, "ResultServer")
        }
    }
    #[automatically_derived]
    impl<__S: r#Result> __traitwire::Dispatch for ResultServer<__S> {
        fn description(&self) -> &'static __traitwire::ServiceDescription {
            __Result_description()
        }
        fn slot(
            &self,
            method: ::core::primitive::u32,
        ) -> __traitwire::Option<__traitwire::Box<dyn __traitwire::Slot>> {
            match method {
                method if method == __ResultMethod::r#type as ::core::primitive::u32 => {
                    let service = ::core::clone::Clone::clone(&self.implementation);
                    __traitwire::Option::Some(
                        __traitwire::slot(move |mut request: __traitwire::Request| {
                            let service = ::core::clone::Clone::clone(&service);
                            async move {
                                let mut arguments = __traitwire::Request::take_arguments(
                                    &mut request,
                                );
                                let arguments = __traitwire::Decoder::value::<
                                    u8,
                                >(&mut arguments)?;
                                let request = __traitwire::Decoder::value::<
                                    String,
                                >(&mut arguments)?;
                                let service = __traitwire::Decoder::value::<
                                    Ok,
                                >(&mut arguments)?;
                                let output = __traitwire::Decoder::value::<
                                    r#Vec,
                                >(&mut arguments)?;
                                __traitwire::Decoder::finish(arguments)?;
                                __traitwire::Request::release(&mut request);
                                let output = <__S as r#Result>::r#type(
                                        &*service,
                                        arguments,
                                        request,
                                        service,
                                        output,
                                    )
                                    .await;
                                __traitwire::Reply::settled(
                                    output,
                                    |encoder, value| {
                                        __traitwire::Encoder::value::<Vec>(encoder, &value);
                                    },
                                    |encoder, value| {
                                        __traitwire::Encoder::value::<String>(encoder, &value);
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
crate::reexport::traitwire::__private::blocking! {
    #[doc =
    " A client of [`Result`] for threads that wait: its methods are calls to whatever serves `odd-names` at the other end."]
    #[doc = ""] #[doc =
    " In a task of an async runtime its calls fail, unsent: they would hold up the thread. Cheap to clone;"]
    #[doc = " clones share the connection, and any number of threads may call at once."]
    #[derive(::core::clone::Clone, ::core::cmp::PartialEq, ::core::fmt::Debug)]
    #[allow(dead_code)] struct ResultBlockingClient { client : ResultClient, }
    #[doc(hidden)] #[allow(deprecated, non_camel_case_types, non_snake_case, clippy::all,
    clippy::pedantic)] const _ : () = { use crate ::reexport::traitwire::__private as
    __traitwire; #[allow(dead_code)] impl ResultBlockingClient { #[doc =
    r" A client over a channel that is open already. A service that the peer does not have shows at"]
    #[doc = r" the first call."] fn new(channel : __traitwire::Channel) -> Self { Self {
    client : ResultClient::new(channel) } } #[doc =
    r" Connects to the service at an address, and fails if something else is there."]
    #[doc = r""] #[doc = r" # Errors"] #[doc =
    r" The address is malformed, nobody answers there, or the peer serves something else. In a task of"]
    #[doc = r" an async runtime."] fn connect < Via > (address : impl __traitwire::Dial <
    Via >,) -> __traitwire::Result < Self, __traitwire::RpcError > { match
    __traitwire::wait(ResultClient::connect(address)) { __traitwire::Result::Ok(client)
    => __traitwire::Result::Ok(Self { client }), __traitwire::Result::Err(error) =>
    __traitwire::Result::Err(error), } } #[doc =
    r" A client of an implementation in this process. Calls behave as over a connection; handlers run"]
    #[doc = r" on a thread that all blocking clients share."] fn local(implementation :
    impl r#Result) -> Self { Self { client : ResultClient::local(implementation) } }
    #[doc = r" The channel that calls go through."] fn channel(& self) -> &
    __traitwire::Channel { ResultClient::channel(& self.client) } #[doc =
    r" A client whose calls end, at the latest, after this time."] #[must_use] fn
    with_timeout(& self, timeout : __traitwire::Duration) -> Self { Self { client :
    ResultClient::with_timeout(& self.client, timeout) } } #[doc =
    r" A client whose calls have this priority, whatever their methods have."]
    #[must_use] fn with_priority(& self, priority : __traitwire::Priority) -> Self { Self
    { client : ResultClient::with_priority(& self.client, priority) } } #[doc =
    r" A client whose calls carry this beside their arguments; handlers read it from their `Context`."]
    #[must_use] fn with_metadata(& self, key : impl __traitwire::Into <
    __traitwire::String >, value : impl __traitwire::Into < __traitwire::Vec <
    ::core::primitive::u8 >>,) -> Self { Self { client : ResultClient::with_metadata(&
    self.client, key, value) } } #[doc = " Calls `odd-names.type`."] fn r#type(& self,
    arguments : u8, request : String, service : Ok, output : r#Vec) ->
    __traitwire::Result < Vec, __traitwire::CallError < String >> {
    __traitwire::call(ResultClient::r#type(& self.client, arguments, request, service,
    output)) } } impl __traitwire::From < ResultClient > for ResultBlockingClient { #[doc
    = r" The same client, for threads that wait."] fn from(other : ResultClient) -> Self
    { Self { client : other } } } };
}
