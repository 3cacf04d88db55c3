// Package conformance holds emitted NetworkPolicies against the matcher of cyclonus, a tester of network
// policies that nobody here wrote, and both against the intents.
package conformance
