// Package diff compares what two sets of manifests allow, and describes the differences in terms of the language.
//
// Each workload is compared separately. The rules of both sides together divide its requests into classes (see package
// space): callers on one axis, operations on the other. No rule of either side distinguishes two requests of a class,
// so each side allows all of a class or none of it, and what one side allows and the other does not is exactly a set
// of classes. Callers for whom the same classes of operations changed are reported as one change.
//
// A set of classes is then covered by names. For callers these are the names of the language (world, any, NS/*,
// services) and those written in rules; for operations, those of package phrase. A name may be used if everything it
// stands for is in the set, or if exceptions remove the rest. What a rule of one side only says may also be used if the
// rest was allowed after the change anyway (for what opened) or denied after it anyway (for what closed). Among the
// lists of names that cover the set, the cheapest is chosen, where the cost of a name is how much a reader has to take
// in. A description therefore includes everything that changed, and whatever else it includes is true after the change.
//
// What cannot be judged is a proposition (see enforce.Classes.MayRise), which has the same truth value on both sides
// where it is written the same way. Requests that only one side allows under some assignment of truth values count as
// a change too, marked as undecided: adding an ALLOW beside a rule that requires a token closes nothing, and the order
// of rules and objects does not matter. The call graphs of both sides then show which services are newly reachable
// through others. Objects that decide no request are compared by their content, as the reader of a target returns it;
// the hosts that Sidecars let callers reach are compared like everything else.
//
// Changes are values. text.go renders them for terminals, pull requests and programs.
package diff
