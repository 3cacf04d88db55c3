// Package conformance compares emitted policies with Cilium's own code: its parser and validation, its resolution of
// policies to what the datapath enforces, and its translation of HTTP rules to what its proxy enforces. Both are
// compared with the intents.
package conformance
