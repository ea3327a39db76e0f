// Package metrics says in Prometheus' form what a process of serve or dev has done and does. It knows what the program's records and a
// consumer's tasks mean; it must not know who serves it, nor ask the cluster anything: it answers while that is away.
//
// What is counted stands: it was committed, and a replay counts nothing again. docs/metrics.md has every metric.
package metrics
