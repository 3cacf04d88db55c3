// Package diff compares what two sets of manifests let through, and names the differences in the words of the language.
//
// Each workload is compared apart. The rules of both sides together divide its requests into classes (see package space):
// callers on one axis, operations on the other. No rule of either side distinguishes two requests of one class, so that a
// class passes on a side as a whole or not at all, and what one side lets through and the other does not is exactly a set
// of classes. Callers for whom the same classes of operations changed are one change.
//
// A set of classes is then covered by names: of callers, those that the language has (world, any, NS/*, services) and
// those that the rules write; of operations, ports and what rules ask for; as a last resort, single classes. A name may be
// used where it stands for nothing outside of the set, or for nothing but what passes after the change anyway (of what
// opened) or does not pass after it (of what closed), or less exceptions that cut off the rest. Among the lists of names
// that have all of the set, the cheapest is taken: a name costs by how much a reader has to take in. So what is said
// includes all that changed, and of the rest says only what is true after the change.
//
// What cannot be judged is a proposition (see enforce.Classes.MayRise) that has one truth on both sides where it is written
// alike. Requests that some choice of truth lets through on one side only are a change too, which is marked as undecided:
// adding an ALLOW beside a rule that asks for a token closes nothing, and the order of rules and objects means nothing.
// From the changes follow the services that are newly reachable over others, by the call graphs of both sides. Objects
// that decide no request are compared by their content, as the reader of a target gives it; the hosts that Sidecars let
// out are changes like others.
//
// Changes are values. How they are written, for a terminal, a pull request and programs alike, is in text.go.
package diff
