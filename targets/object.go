package targets

import (
	"reflect"
	"slices"
	"sync"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Object is a Kubernetes object to write.
type Object struct {
	APIVersion  string
	Kind        string
	Namespace   string // empty for a cluster-scoped object
	Name        string
	Labels      []Pair // with distinct keys
	Annotations []Pair
	Spec        proto.Message // nil: the object has no spec, or that of Fields
	Fields      Fields        // the spec of a kind without a message, its keys sorted
}

// Pair is a label or an annotation.
type Pair struct{ Key, Value string }

// Managed are the labels of all objects.
var Managed = []Pair{{Key: "app.kubernetes.io/managed-by", Value: "meshc"}}

// MaxBytes is the limit of an object: client-side apply keeps a copy of it in an annotation, and all annotations
// together may have 256 KiB. The copy is JSON, which is shorter than YAML except for a few escapes.
const MaxBytes = (256 - 16) << 10

// Fits reports whether an object, with the size of its YAML, stays below MaxBytes. An annotation counts twice: in the
// object and in its copy.
func (o *Object) Fits(size int) bool {
	for _, a := range o.Annotations {
		size += len(a.Key) + len(a.Value)
	}
	return size <= MaxBytes
}

// Writer writes objects as YAML. The output is byte for byte that of sigs.k8s.io/yaml (sorted mappings, unindented
// sequences, lines folded after column 80) at about fifty times its speed, but for strings that would be a command to
// the runner of a CI job. A Writer may be used by several goroutines.
//
// The JSON form of a message omits an enum's zero value. A machine does not miss it, but `mode: REGISTRY_ONLY` tells a
// reader more than `{}`, so a Writer always writes the fields given to NewWriter.
type Writer struct {
	explicit map[protoreflect.FullName]bool
	mu       sync.Mutex
	plans    map[reflect.Type]*plan
}

// NewWriter returns a Writer that writes the named enum fields even if they are zero.
func NewWriter(explicit ...protoreflect.FullName) *Writer {
	w := &Writer{explicit: map[protoreflect.FullName]bool{}, plans: map[reflect.Type]*plan{}}
	for _, name := range explicit {
		w.explicit[name] = true
	}
	return w
}

// Append appends an object to dst as a YAML document without `---`, ending in a newline.
func (w *Writer) Append(dst []byte, o *Object) []byte {
	dst = append(dst, "apiVersion: "...)
	dst = endLine(appendString(dst, o.APIVersion, 2))
	dst = append(dst, "kind: "...)
	dst = endLine(appendString(dst, o.Kind, 2))
	dst = append(dst, "metadata:\n"...)
	dst = appendPairs(dst, "  annotations:\n", o.Annotations)
	dst = appendPairs(dst, "  labels:\n", o.Labels)
	dst = append(dst, "  name: "...)
	dst = endLine(appendString(dst, o.Name, 4))
	if o.Namespace != "" {
		dst = append(dst, "  namespace: "...)
		dst = endLine(appendString(dst, o.Namespace, 4))
	}
	if o.Fields != nil {
		return appendFields(append(dst, "spec:\n"...), o.Fields, 2, false)
	}
	if o.Spec == nil {
		return dst
	}
	m := reflect.ValueOf(o.Spec)
	return appendField(append(dst, "spec:"...), w.plan(m.Type()), m, 0)
}

// AppendFields appends the fields of a message that are set to dst, as they are in the spec of an object.
func (w *Writer) AppendFields(dst []byte, spec proto.Message) []byte {
	m := reflect.ValueOf(spec)
	return appendMessage(dst, w.plan(m.Type()), m, 2, false)
}

func appendPairs(dst []byte, title string, pairs []Pair) []byte {
	if len(pairs) == 0 {
		return dst
	}
	byKey := func(a, b Pair) int { return compareKeys(a.Key, b.Key) }
	if !slices.IsSortedFunc(pairs, byKey) {
		pairs = slices.Clone(pairs)
		slices.SortFunc(pairs, byKey)
	}
	dst = append(dst, title...)
	for _, p := range pairs {
		dst = appendMapKey(appendSpaces(dst, 4), p.Key, 4)
		dst = endLine(appendString(append(dst, ' '), p.Value, 6))
	}
	return dst
}

// appendMapKey appends a key including its colon; indent is that of the mapping.
func appendMapKey(dst []byte, key string, indent int) []byte {
	if len(key) <= maxSimpleKey && isPlainWord(key) && !readsAsOther(key) {
		return append(append(dst, key...), ':')
	}
	if key = valid(key); isSimpleKey(key) {
		return append(appendKey(dst, key), ':')
	}
	dst = endLine(appendString(append(dst, "? "...), key, indent+2))
	return append(appendSpaces(dst, indent), ':')
}

// compareKeys compares the keys of a mapping as go.yaml.in/yaml/v2 does: letters after everything else, numbers by
// value. As there, this is not transitive: 9 < 10 < 1a < 9.
func compareKeys(a, b string) int {
	switch {
	case a == b:
		return 0
	case keyLess(a, b):
		return -1
	}
	return 1
}

func keyLess(a, b string) bool {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	for i > 0 && i < len(a) && !utf8.RuneStart(a[i]) {
		i--
	}
	if i >= len(a) || i >= len(b) {
		return len(a) < len(b)
	}
	ra, _ := utf8.DecodeRuneInString(a[i:])
	rb, _ := utf8.DecodeRuneInString(b[i:])
	la, lb := unicode.IsLetter(ra), unicode.IsLetter(rb)
	switch {
	case la && lb:
		return ra < rb
	case la || lb:
		return lb
	}
	// A zero at the difference belongs to a number if a digit other than zero precedes it.
	var lead int64
	if ra == '0' || rb == '0' {
		for j := i - 1; j >= 0 && isDigit(a[j]) && lead == 0; j-- {
			if a[j] != '0' {
				lead = 1
			}
		}
	}
	na, lenA := number(lead, a[i:])
	nb, lenB := number(lead, b[i:])
	switch {
	case na != nb:
		return na < nb
	case lenA != lenB:
		return lenA < lenB
	}
	return ra < rb
}

func number(n int64, s string) (_ int64, digits int) {
	for digits < len(s) && isDigit(s[digits]) {
		n = n*10 + int64(s[digits]-'0')
		digits++
	}
	return n, digits
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
