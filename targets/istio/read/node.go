package read

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/lang/source"
)

// kind is the kind that a YAML value has as JSON, which is what an API server receives.
type kind uint8

const (
	null kind = iota
	text
	boolean
	number
	mapping
	sequence
)

func (k kind) String() string {
	return [...]string{"null", "a string", "a boolean", "a number", "a mapping", "a list"}[k]
}

// node is a value of a document. Nodes are in one slice and refer to each other by their index; 0 refers to none.
type node struct {
	text             string // of a scalar: its value, or as written if it is not a string
	key              string // in its mapping
	first, next      int32  // first child, and the next child of its parent
	start, end       int32  // bytes of the file
	keyStart, keyEnd int32
	kind             kind
}

// tree is a document. Its root is nodes[1]; an empty document has none.
type tree struct {
	file     *source.File
	document source.Span
	nodes    []node

	// Of all files:
	indexes []string // `[0]` and so on
	scratch []space.Pattern
	lists   map[listKey][]space.Pattern
}

// listKey is what a list of patterns is looked up by.
type listKey struct {
	first, last space.Pattern
	n           int
}

// many is how long a list is of which one is kept for all objects that have it: the callers of `* -> *` are thousands everywhere.
const many = 32

// keep copies patterns, or gives the same patterns as they were kept before.
func (t *tree) keep(patterns []space.Pattern) []space.Pattern {
	n := len(patterns)
	if n < many {
		return slices.Clone(patterns)
	}
	key := listKey{patterns[0], patterns[n-1], n}
	if kept := t.lists[key]; slices.Equal(kept, patterns) {
		return kept
	}
	if t.lists == nil {
		t.lists = map[listKey][]space.Pattern{}
	}
	t.lists[key] = slices.Clone(patterns)
	return t.lists[key]
}

// index is the step of a path to an item of a list.
func (t *tree) index(i int) string {
	for n := len(t.indexes); n <= i; n++ {
		t.indexes = append(t.indexes, "["+strconv.Itoa(n)+"]")
	}
	return t.indexes[i]
}

func (t *tree) reset(f *source.File) {
	t.file = f
	t.nodes = append(t.nodes[:0], node{})
}

func (t *tree) add(n node) int32 {
	t.nodes = append(t.nodes, n)
	return int32(len(t.nodes) - 1)
}

// span returns the span of a value, or of its key if the value is empty.
func (t *tree) span(i int32) source.Span {
	n := &t.nodes[i]
	if n.start == n.end {
		return t.keySpan(i)
	}
	return t.file.Span(int(n.start), int(n.end))
}

func (t *tree) keySpan(i int32) source.Span {
	n := &t.nodes[i]
	return t.file.Span(int(n.keyStart), int(n.keyEnd))
}

// plainKind returns the kind of a scalar without quotes and tag. It follows go.yaml.in/yaml/v2, with which kubectl and every
// other user of sigs.k8s.io/yaml reads: YAML 1.1, with dates as strings.
func plainKind(s string) kind {
	if s == "" {
		return null
	}
	switch s[0] {
	case 'y', 'Y', 'n', 'N', 't', 'T', 'f', 'F', 'o', 'O', '~':
		return constantKind(s)
	case '.':
		if k := constantKind(s); k != text {
			return k
		}
		if _, err := strconv.ParseFloat(s, 64); err == nil {
			return number
		}
	case '+', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return numberKind(s)
	}
	return text
}

func constantKind(s string) kind {
	switch s {
	case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON",
		"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		return boolean
	case "~", "null", "Null", "NULL":
		return null
	case ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF":
		return number
	}
	return text
}

var plainFloat = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)

func numberKind(s string) kind {
	if len(s) < 10 && strings.Trim(s, "0123456789") == "" {
		return number
	}
	if k := constantKind(s); k != text {
		return k
	}
	if isTimestamp(s) {
		return text
	}
	plain := strings.ReplaceAll(s, "_", "")
	if _, err := strconv.ParseInt(plain, 0, 64); err == nil {
		return number
	}
	if _, err := strconv.ParseUint(plain, 0, 64); err == nil {
		return number
	}
	if plainFloat.MatchString(plain) {
		if _, err := strconv.ParseFloat(plain, 64); err == nil {
			return number
		}
	}
	bits, ok := strings.CutPrefix(plain, "0b")
	if negative, minus := strings.CutPrefix(plain, "-0b"); minus {
		bits, ok = "-"+negative, true
	}
	if ok {
		if _, err := strconv.ParseInt(bits, 2, 64); err == nil {
			return number
		}
		if _, err := strconv.ParseUint(bits, 2, 64); err == nil {
			return number
		}
	}
	return text
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
