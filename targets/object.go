package targets

import (
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
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

// MaxBytes is the limit of an object: client-side apply keeps a copy of it in an annotation, and all annotations together may
// have 256 KiB. The copy is JSON, which is shorter than YAML except for a few escapes.
const MaxBytes = (256 - 16) << 10

// Fits reports whether an object, with its YAML, stays below MaxBytes. An annotation counts twice: in the object and in its copy.
func (o *Object) Fits(yaml []byte) bool {
	size := len(yaml)
	for _, a := range o.Annotations {
		size += len(a.Key) + len(a.Value)
	}
	return size <= MaxBytes
}

// Writer writes objects as YAML. The output is byte for byte that of sigs.k8s.io/yaml (sorted mappings, unindented
// sequences, lines folded after column 80) at about fifty times its speed, but for strings that would be a command to the
// runner of a CI job. A Writer may be used by several goroutines.
//
// The JSON form of a message omits an enum's zero value. A machine does not miss it, but `mode: REGISTRY_ONLY` tells a
// reader more than `{}`, so a Writer always writes the fields given to NewWriter.
type Writer struct {
	explicit map[protoreflect.FullName]bool
	mu       sync.Mutex
	plans    map[protoreflect.FullName]*plan
}

// NewWriter returns a Writer that writes the named enum fields even if they are zero.
func NewWriter(explicit ...protoreflect.FullName) *Writer {
	w := &Writer{explicit: map[protoreflect.FullName]bool{}, plans: map[protoreflect.FullName]*plan{}}
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
	dst = append(dst, "spec:"...)
	m := o.Spec.ProtoReflect()
	return appendField(dst, w.plan(m.Descriptor()), m, 0)
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
	key = valid(key)
	if isSimpleKey(key) {
		return append(appendKey(dst, key), ':')
	}
	dst = endLine(appendString(append(dst, "? "...), key, indent+2))
	return append(appendSpaces(dst, indent), ':')
}

// plan is how messages of a type are written: its fields, sorted by key.
type plan struct {
	known  protoreflect.FullName // of a well-known type, which has a JSON form of its own
	fields []field
}

type field struct {
	protoreflect.FieldDescriptor
	key      string
	explicit bool
	message  *plan                        // of the value, if it is a message
	value    protoreflect.FieldDescriptor // of a map, its value; else the field itself
}

func (w *Writer) plan(d protoreflect.MessageDescriptor) *plan {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.planLocked(d)
}

func (w *Writer) planLocked(d protoreflect.MessageDescriptor) *plan {
	if p := w.plans[d.FullName()]; p != nil {
		return p
	}
	p := &plan{}
	w.plans[d.FullName()] = p // before its fields, because types may be recursive
	if d.ParentFile().Package() == "google.protobuf" {
		p.known = d.FullName()
	}
	fields := d.Fields()
	for i := range fields.Len() {
		f := field{FieldDescriptor: fields.Get(i)}
		f.key = f.JSONName()
		f.explicit = w.explicit[f.FullName()]
		f.value = f.FieldDescriptor
		if f.IsMap() {
			f.value = f.MapValue()
		}
		if m := f.value.Message(); m != nil {
			f.message = w.planLocked(m)
		}
		p.fields = append(p.fields, f)
	}
	slices.SortFunc(p.fields, func(a, b field) int { return compareKeys(a.key, b.key) })
	return p
}

// appendField appends a message after the colon of its key; indent is that of the key.
func appendField(dst []byte, p *plan, m protoreflect.Message, indent int) []byte {
	if p.known != "" {
		return append(appendKnown(append(dst, ' '), p, m), '\n')
	}
	n := len(dst)
	dst = append(dst, '\n')
	start := len(dst)
	if dst = appendMessage(dst, p, m, indent+2, false); len(dst) == start {
		dst = append(dst[:n], " {}\n"...)
	}
	return dst
}

// appendItem appends a message after the dash of a sequence item; indent is that of the dash.
func appendItem(dst []byte, p *plan, m protoreflect.Message, indent int) []byte {
	if p.known != "" {
		return append(appendKnown(dst, p, m), '\n')
	}
	start := len(dst)
	if dst = appendMessage(dst, p, m, indent+2, true); len(dst) == start {
		dst = append(dst, "{}\n"...)
	}
	return dst
}

// appendMessage appends the fields of a message that are set, one per line. With inline the first one is not indented.
func appendMessage(dst []byte, p *plan, m protoreflect.Message, indent int, inline bool) []byte {
	for i := range p.fields {
		f := &p.fields[i]
		if !m.Has(f.FieldDescriptor) && !f.explicit {
			continue
		}
		if !inline {
			dst = appendSpaces(dst, indent)
		}
		inline = false
		dst = append(append(dst, f.key...), ':')
		v := m.Get(f.FieldDescriptor)
		switch {
		case f.IsList():
			dst = append(dst, '\n')
			list := v.List()
			for j := range list.Len() {
				dst = append(appendSpaces(dst, indent), "- "...)
				if f.message != nil {
					dst = appendItem(dst, f.message, list.Get(j).Message(), indent)
				} else {
					dst = endLine(appendValue(dst, f.value, list.Get(j), indent+2))
				}
			}
		case f.IsMap():
			dst = appendMap(append(dst, '\n'), f, v.Map(), indent+2)
		case f.message != nil:
			dst = appendField(dst, f.message, v.Message(), indent)
		default:
			dst = endLine(appendValue(append(dst, ' '), f.value, v, indent+2))
		}
	}
	return dst
}

func appendMap(dst []byte, f *field, m protoreflect.Map, indent int) []byte {
	type entry struct {
		key   string
		value protoreflect.Value
	}
	entries := make([]entry, 0, m.Len())
	m.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		entries = append(entries, entry{k.String(), v})
		return true
	})
	// compareKeys is not always transitive. Sorting by bytes first keeps the order of the map out of the result.
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	slices.SortStableFunc(entries, func(a, b entry) int { return compareKeys(a.key, b.key) })
	for _, e := range entries {
		dst = appendMapKey(appendSpaces(dst, indent), e.key, indent)
		if f.message != nil {
			dst = appendField(dst, f.message, e.value.Message(), indent)
		} else {
			dst = endLine(appendValue(append(dst, ' '), f.value, e.value, indent+2))
		}
	}
	return dst
}

// appendValue appends a scalar in its JSON form (https://protobuf.dev/programming-guides/json/).
func appendValue(dst []byte, f protoreflect.FieldDescriptor, v protoreflect.Value, indent int) []byte {
	switch f.Kind() {
	case protoreflect.StringKind:
		return appendString(dst, v.String(), indent)
	case protoreflect.BoolKind:
		return strconv.AppendBool(dst, v.Bool())
	case protoreflect.EnumKind:
		if e := f.Enum().Values().ByNumber(v.Enum()); e != nil {
			return appendString(dst, string(e.Name()), indent)
		}
		return strconv.AppendInt(dst, int64(v.Enum()), 10)
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return strconv.AppendInt(dst, v.Int(), 10)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return strconv.AppendUint(dst, v.Uint(), 10)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind,
		protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return append(append(append(dst, '"'), v.String()...), '"')
	case protoreflect.FloatKind:
		// The shortest decimal that reads back as this float32.
		short, _ := strconv.ParseFloat(strconv.FormatFloat(v.Float(), 'g', -1, 32), 64)
		return appendFloat(dst, short)
	case protoreflect.DoubleKind:
		return appendFloat(dst, v.Float())
	}
	return appendString(dst, base64.StdEncoding.EncodeToString(v.Bytes()), indent)
}

func appendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case f == math.Trunc(f) && math.Abs(f) < 1<<63:
		return strconv.AppendInt(dst, int64(f), 10)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 64)
}

// appendKnown appends a message with a scalar JSON form: a duration, or a wrapper of one value.
func appendKnown(dst []byte, p *plan, m protoreflect.Message) []byte {
	if d, ok := m.Interface().(*durationpb.Duration); ok {
		return appendDuration(dst, d)
	}
	f := &p.fields[0]
	return appendValue(dst, f.value, m.Get(f.FieldDescriptor), 0)
}

// appendDuration appends seconds with no, three, six or nine decimals, whichever suffices.
func appendDuration(dst []byte, d *durationpb.Duration) []byte {
	seconds, nanos := d.GetSeconds(), d.GetNanos()
	if seconds < 0 || nanos < 0 {
		dst = append(dst, '-')
		seconds, nanos = -seconds, -nanos
	}
	dst = strconv.AppendInt(dst, seconds, 10)
	if nanos != 0 {
		digits := strconv.Itoa(1_000_000_000 + int(nanos))[1:]
		for len(digits) > 3 && digits[len(digits)-3:] == "000" {
			digits = digits[:len(digits)-3]
		}
		dst = append(append(dst, '.'), digits...)
	}
	return append(dst, 's')
}

// compareKeys compares the keys of a mapping as go.yaml.in/yaml/v2 does: letters after everything else, numbers by value.
// As there, this is not transitive: 9 < 10 < 1a < 9.
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
