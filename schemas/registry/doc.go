// Package registry is the client of a schema registry with Confluent's API (Confluent's own, Apicurio, Karapace, Redpanda): which
// schema a value was written by, and the registering of ours. It knows HTTP and what the registries answer; it must not know Kafka
// or what schemas are used for. An error tells whose turn it is: the registry has no such schema (*MissingError), has one that is
// not readable here (*UnreadableError), is set up otherwise than said (*SetupError), or is away (any other).
package registry
