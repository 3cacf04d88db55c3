// Package conformance holds emitted policies against Cilium's own code: its parser and validation, its resolution of policies to
// what its datapath enforces, and its translation of rules for HTTP to what its proxy enforces. Both are held against the intents.
package conformance
