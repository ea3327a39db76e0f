// Package wire speaks Kafka's protocol: it carries any request to a broker and its answer back, and reads and writes
// record batches. It knows versions, addresses and bytes; it must not know groups, tasks or transactions, which are made
// of its requests elsewhere, nor what a record means.
package wire
