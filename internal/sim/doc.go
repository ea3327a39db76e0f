// Package sim is the ground on which whole groups of instances run in one process under virtual time: a cluster on kfake's
// virtual network in a testing/synctest bubble, a network card for each instance that can break at any request, and a trace
// of every request and answer. It is for tests only, knows an instance by its Run function alone, and shares no code with
// the consumer.
package sim
