// Package kafka holds the tests that need a real Apache Kafka: clusters of their own in temporary folders, the program as
// child processes, kills and stops, and the judge at the end. It has only tests, with the build tag kafka; `make test-kafka`
// runs them. It knows the program as a user does: its flags, topics, log lines and HTTP, and its records.
package kafka
