// Package enforce decides requests as the enforcement points of a mesh do, and as sets.
//
// A target's reader lowers the objects of its manifests into a Layer. For each workload the layer has a Point, with
// the objects that bind it and the mode of each port. An object either has Clauses, which allow, deny or hand over to
// a provider the requests of some callers for some operations (compiler/analysis/space), or it sets modes. The package
// knows no YAML, no field of a target's API, and nothing of intents.
//
// There is one decision procedure. Everyone may call a port that the proxy does not see. Elsewhere the mode of the
// port comes first: a STRICT port refuses callers without an identity, and at a DISABLE port no one has an identity.
// Then come CUSTOM, DENY and ALLOW, in Istio's order. The procedure decides about a set of callers at once: each
// clause decides about the callers that it matches and leaves the rest to the next, so every caller has one Decision
// with its reason. Classes applies it to all sources and every class of operations; Point.Decide applies it to one
// request.
//
// Nothing is guessed. A clause about something that a request does not reveal may match, a broken object may mean
// anything, and the answer of a provider is unknown: whatever these can decide is Undecided, and nothing else is.
// Objects in a dry run do not count.
package enforce
