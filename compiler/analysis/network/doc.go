// Package network decides connections as the network of a cluster does, by what selects pods: labels, namespaces, addresses
// and ports. It sees no identity and no request.
//
// The reader of a target lowers its objects into a Layer. A Point is the pods of one workload with the policies that bind them. A
// connection is denied where a policy isolates the pods and no rule lets it through; rules only add to each other.
//
// It does not guess. Where a decision depends on labels that no manifest shows, or on what is written in a form that is not
// known here, it is Undecided.
//
// Prove holds a layer against the intents: what an edge lets through the network lets through, and between pods without an
// edge it is closed. The network cannot see all that an intent says, and what is granted is the least that no edge is
// shut by.
package network
