// Package conformance compares emitted NetworkPolicies with the matcher of cyclonus, an independent tester of network
// policies, and both with the intents.
package conformance
