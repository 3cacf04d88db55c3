// Package network decides connections as the network of a cluster does, by what selects pods: labels, namespaces,
// addresses and ports. It sees no identities and no requests.
//
// The reader of a target lowers its objects into a Layer. A Point is the pods of one workload with the policies that
// bind them. A connection is denied if a policy isolates the pods and no rule allows it; rules only ever add.
//
// Nothing is guessed. If a decision depends on labels that no manifest shows, or on something in a form that is not
// known here, it is Undecided.
//
// Prove compares a layer with the intents: the network allows whatever an edge allows, and it is closed between pods
// without an edge. The network cannot see everything that an intent says, so it grants the least that blocks no edge.
package network
