// Package plainyaml reads the subset of YAML that programs write: block mappings and sequences, plain and quoted
// scalars, `{}` and `[]`. It is about fifty times as fast as a YAML library. It either returns the same tree as the
// library or leaves the document to it.
package plainyaml

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Kind is the kind that a YAML value has as JSON, which is what an API server receives.
type Kind uint8

const (
	Null Kind = iota
	Text
	Boolean
	Number
	Mapping
	Sequence
)

// String is the kind with its article.
func (k Kind) String() string {
	return [...]string{"null", "a string", "a boolean", "a number", "a mapping", "a list"}[k]
}

// Node is a value of a document. Nodes are in one slice and refer to each other by their index; 0 refers to none.
type Node struct {
	Text             string // of a scalar: its value, or as written if it is not a string
	Key              string // in its mapping
	First, Next      int32  // first child, and the next child of its parent
	Start, End       int32  // bytes of the file
	KeyStart, KeyEnd int32
	Kind             Kind
}

// Tree is a document. Its root is Nodes[1]; an empty document has none.
type Tree struct{ Nodes []Node }

// Reset makes the tree that of an empty document.
func (t *Tree) Reset() { t.Nodes = append(t.Nodes[:0], Node{}) }

// Add adds a node and returns its index.
func (t *Tree) Add(n Node) int32 {
	t.Nodes = append(t.Nodes, n)
	return int32(len(t.Nodes) - 1)
}

// KindOf returns the kind of a scalar without quotes and tag. It follows go.yaml.in/yaml/v2, with which kubectl and
// every other user of sigs.k8s.io/yaml reads: YAML 1.1, with dates as strings.
func KindOf(s string) Kind {
	if s == "" {
		return Null
	}
	switch s[0] {
	case 'y', 'Y', 'n', 'N', 't', 'T', 'f', 'F', 'o', 'O', '~':
		if len(s) > len("false") {
			return Text
		}
		return constantKind(s)
	case '.':
		if k := constantKind(s); k != Text {
			return k
		}
		if _, err := strconv.ParseFloat(s, 64); err == nil {
			return Number
		}
	case '+', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return numberKind(s)
	}
	return Text
}

func constantKind(s string) Kind {
	switch s {
	case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON",
		"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		return Boolean
	case "~", "null", "Null", "NULL":
		return Null
	case ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF":
		return Number
	}
	return Text
}

var plainFloat = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)

func numberKind(s string) Kind {
	if len(s) < 10 && strings.Trim(s, "0123456789") == "" {
		return Number
	}
	if k := constantKind(s); k != Text {
		return k
	}
	if isTimestamp(s) {
		return Text
	}
	plain := strings.ReplaceAll(s, "_", "")
	if _, err := strconv.ParseInt(plain, 0, 64); err == nil {
		return Number
	}
	if _, err := strconv.ParseUint(plain, 0, 64); err == nil {
		return Number
	}
	if plainFloat.MatchString(plain) {
		if _, err := strconv.ParseFloat(plain, 64); err == nil {
			return Number
		}
	}
	bits, ok := strings.CutPrefix(plain, "0b")
	if negative, minus := strings.CutPrefix(plain, "-0b"); minus {
		bits, ok = "-"+negative, true
	}
	if ok {
		if _, err := strconv.ParseInt(bits, 2, 64); err == nil {
			return Number
		}
		if _, err := strconv.ParseUint(bits, 2, 64); err == nil {
			return Number
		}
	}
	return Text
}

var timestamps = [...]string{
	"2006-1-2T15:4:5.999999999Z07:00", "2006-1-2t15:4:5.999999999Z07:00", "2006-1-2 15:4:5.999999999", "2006-1-2",
}

func isTimestamp(s string) bool {
	if digits := len(s) - len(strings.TrimLeft(s, "0123456789")); digits != 4 || len(s) == 4 || s[4] != '-' {
		return false
	}
	for _, form := range timestamps {
		if _, err := time.Parse(form, s); err == nil {
			return true
		}
	}
	return false
}
