// Package space partitions all requests into finitely many classes, such that a condition of a policy holds for every
// request of a class or for none. To know what is let through it is then enough to look at one representative of each
// class. The method is that of atomic predicates: H. Yang and S. S. Lam, "Real-time verification of network properties
// using atomic predicates", ICNP 2013.
//
// # Dimensions
//
// A request is a point: it has a value, or none, in each dimension of a Table, such as the caller's identity, its
// address, the port, the method, the path. Some dimensions are the caller's, the others are the operation's; some
// belong to HTTP alone, and mean nothing to a proxy that does not read HTTP. A dimension without a Kind is a fact that
// requests do not reveal: a condition on it may hold (Maybe), and nothing here pretends to know. Nothing outside the
// table depends on which dimensions there are: another one is another line.
//
// # Atoms and classes
//
// A Condition looks at one dimension and names some Patterns. The patterns of a dimension partition its values into
// atoms: two values are in one atom where they match the same patterns. Finitely many patterns have finitely many
// atoms, at most two to the power of their number and in practice about as many as there are patterns. A condition is a
// union of atoms, and a Box, which is a conjunction of conditions, is a product of such unions.
//
// The caller's half of a request is in one product of atoms, of which every one is listed: the Sources, numbered so
// that sets of callers are bit sets (Set). The operation's half would be a product of five dimensions and more, which
// is too many to list. A Builder therefore walks the dimensions one after another, keeps the boxes that the atoms
// chosen so far are in, and follows only one of several atoms that keep the same boxes. What it arrives at is a class
// of operations: the boxes that it is in, and a representative.
//
// # Why the answer is exact
//
// Policies decide by their conditions alone. Take any request. Its caller's values lie in the atoms of one source, and
// match the patterns that this source's representative matches. Its operation's values lie in atoms for which the walk
// followed an atom that keeps the same boxes, so the representative of that class is in the boxes that the request is
// in. Each condition has the same answer for both, and so has every decision made of conditions. Conversely each class
// has a representative, which is a request that can be sent: nothing is reported of requests that do not exist. So sets
// of classes that are equal mean sets of requests that are equal, and a proof over classes is a proof over all
// requests, of which there are infinitely many.
//
// This holds only if the atoms are exact: none that has a value may be missing, and none without a value be there.
// Ports are compared one by one. Blocks of addresses are disjoint or nested, so an atom is a block without those inside
// it, and there is one for what is outside of all. Text with exact values and prefixes is treated likewise. Everything
// else, wildcards at the start, `*` inside of namespaces, URI templates and the expressions that Istio writes for
// accounts and trust domains, is a regular language, and so is the domain of a dimension, which is what its values can
// be: the bytes of a path, or identities of the form that Istio issues. The atoms are then the distinct sets of
// accepting patterns in the deterministic automaton of all patterns within the domain; it is built breadth first, so
// that a representative is a shortest one.
//
// What conditions do not mention is an atom like the others. Its representatives have made-up names (`other`), which
// Space.Other lists so that nobody takes them for real ones.
//
// # Bounds
//
// In the worst case patterns have exponentially many atoms: templates with wildcards in many places. States of the
// automaton, atoms of a dimension and classes of a space are therefore bounded, and ErrTooMany is returned instead of
// an answer that would not be complete.
package space
