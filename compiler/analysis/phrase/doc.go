// Package phrase says sets in words, as they are, and as short as can be.
//
// Sets are of classes (see package space), and names are the sets that the language, or a rule, has words for. Cover
// finds the cheapest list of names that has all of a set, each name less exceptions that are names, too. A Vocabulary
// has the names of operations: what rules ask for, what they leave out, and what conditions of several rules say
// together. As long as the classes tell the values of the rules apart, each of them is one of these names less some
// others, unless two patterns of one dimension overlap, such as `/a/*` and `*.png`. Only then, or where there are too
// many, a request stands for its class, and the words say so: `requests such as GET /a`.
package phrase
