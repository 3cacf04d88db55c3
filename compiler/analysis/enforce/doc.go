// Package enforce decides requests as the enforcement points of a mesh do, and as sets.
//
// A target's reader lowers the objects of its manifests into a Layer. For a workload the layer gives its Point, with the
// objects that bind it and the mode of each port. An object has Clauses, which allow, deny or hand over to a provider
// what comes from some callers and does some operations (compiler/analysis/space), or it sets modes. The package knows no
// YAML, no field of a target's API, and nothing of intents.
//
// There is one decision procedure. Everyone may call a port that the proxy does not see. Elsewhere it takes the mode of the port first: a STRICT port refuses callers without an
// identity, and at a DISABLE port no one has an identity. Then it takes CUSTOM, DENY and ALLOW in Istio's order. It
// decides about a set of callers at once, those that each clause takes leaving the rest to the next, so that every caller
// has one Decision with its reason. Classes applies it to all sources and every class of operations; Point.Decide applies
// it to one request.
//
// It does not guess. A clause that looks at what a request does not reveal may match, an object that is broken may stand
// for anything, and the answer of a provider is not known: what such a thing can decide is Undecided, and nothing else
// is. Objects in a dry run do not count.
package enforce
