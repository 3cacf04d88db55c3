package inventory

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	kjson "sigs.k8s.io/json"

	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
)

// decode reads a node into one of Kubernetes' types as an API server would: through JSON, with the scalars of YAML 1.1
// (`yes` is true) and case-sensitive names. Fields of a wrong type are findings; the rest is read. It returns false if
// nothing of the object can be used.
//
// One parse of the text gives both the typed object and the spans. sigs.k8s.io/yaml, which makes the same JSON, would
// parse it again and take twice the time of everything else.
func (f *file) decode(n *yaml.Node, into any) bool {
	w := &jsonWriter{file: f}
	w.value(n, nil)
	if w.stop {
		return false
	}
	err := kjson.UnmarshalCaseSensitivePreserveInts(w.out, into)
	f.wrong = err != nil
	tries := maxWrong
	if len(w.out) > 64<<10 {
		tries = 1 // each takes about fifteen times as long as decoding
	}
	for range tries {
		if err == nil {
			return true
		}
		i, cause := f.wrongValue(n, into, w.nulls)
		f.wrongType(w.values(n)[i], cause)
		w = &jsonWriter{file: f, quiet: true, nulls: append(w.nulls, i)}
		w.value(n, nil)
		err = f.tryDecode(w.out, into)
	}
	return err == nil
}

// maxWrong is how many values of a wrong type are reported of one object.
const maxWrong = 10

// wrongValue returns the number of a value that a type cannot hold, and the error about it. The decoder of Kubernetes
// gives no position, and for its own types (quantities, ports that are numbers or names) not even a field. But every
// type accepts null: if all values up to a number must become null before the rest decodes, the value with that number
// is wrong.
func (f *file) wrongValue(n *yaml.Node, into any, nulls []int) (int, error) {
	var cause error
	fits := func(below int) bool {
		w := &jsonWriter{file: f, quiet: true, nulls: nulls, below: below}
		w.value(n, nil)
		err := f.tryDecode(w.out, into)
		if err != nil {
			cause = err
		}
		return err == nil
	}
	w := &jsonWriter{file: f}
	count := len(w.values(n))
	i := sort.Search(count, func(i int) bool { return fits(i + 1) })
	fits(i)
	return min(i, count-1), cause
}

// tryDecode decodes into a fresh value of the type that into points to, and moves it there where it fits.
func (f *file) tryDecode(data []byte, into any) error {
	fresh := reflect.New(reflect.TypeOf(into).Elem())
	err := kjson.UnmarshalCaseSensitivePreserveInts(data, fresh.Interface())
	if err == nil {
		reflect.ValueOf(into).Elem().Set(fresh.Elem())
	}
	return err
}

func (f *file) wrongType(v yamldoc.Pair, cause error) {
	if v.Value.Kind == yaml.ScalarNode && f.unfilled(v.Value.Value) {
		return
	}
	name := "the document"
	if v.Key != nil {
		name = v.Key.Value
	}
	at := f.doc.Span(v.Value)
	var wrong *json.UnmarshalTypeError
	if !errors.As(cause, &wrong) {
		f.findings.Add(diag.MalformedManifest, at, "%s has a value that Kubernetes does not accept", name)
		return
	}
	want, got := wanted(wrong.Type), shape(v.Value)
	if want == "a whole number" && got == "a number" {
		f.findings.Add(diag.MalformedManifest, at, "%s is out of range", name)
		return
	}
	d := f.findings.Add(diag.MalformedManifest, at, "%s must be %s, not %s", name, want, got)
	if want == "text" && v.Value.Kind == yaml.ScalarNode {
		d.WithHelp("put it in quotes: %s", strconv.Quote(v.Value.Value))
	}
}

func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map, reflect.Struct, reflect.Pointer:
		return "a mapping"
	}
	return "a whole number"
}

// jsonWriter writes a node as JSON and reports what YAML allows but Kubernetes does not. Values are numbered in the
// order in which they end.
type jsonWriter struct {
	*file
	out   []byte
	stop  bool  // the object cannot be used
	quiet bool  // it was written before: charge and report nothing
	nulls []int // values to write as null
	below int   // every value with a lower number is written as null too
	count int
	list  *[]yamldoc.Pair // collects the values with their keys, if not nil
}

// values returns all values in the order of their numbers.
func (w *jsonWriter) values(n *yaml.Node) []yamldoc.Pair {
	var list []yamldoc.Pair
	(&jsonWriter{file: w.file, quiet: true, list: &list}).value(n, nil)
	return list
}

func (w *jsonWriter) value(n, key *yaml.Node) {
	n = yamldoc.Resolve(n)
	if w.stop || !w.quiet && !w.spend(n, 1+len(n.Value)) {
		w.stop = true
		return
	}
	start := len(w.out)
	switch n.Kind {
	case yaml.MappingNode:
		w.mapping(n)
	case yaml.SequenceNode:
		w.out = append(w.out, '[')
		for i, item := range n.Content {
			if i > 0 {
				w.out = append(w.out, ',')
			}
			w.value(item, key)
		}
		w.out = append(w.out, ']')
	default:
		w.scalar(n)
	}
	if w.list != nil {
		*w.list = append(*w.list, yamldoc.Pair{Key: key, Value: n})
	}
	if w.count < w.below || slices.Contains(w.nulls, w.count) {
		w.out = append(w.out[:start], "null"...)
	}
	w.count++
}

func (w *jsonWriter) mapping(n *yaml.Node) {
	pairs, repeats := yamldoc.Pairs(n)
	if !w.quiet {
		for _, r := range repeats {
			w.findings.Add(diag.MalformedManifest, w.doc.Span(r.Again), "key %s occurs twice in one mapping", r.Again.Value).
				WithRelated(w.doc.Span(r.First), "first here").
				WithHelp("keep one of them")
		}
	}
	w.out = append(w.out, '{')
	for i, p := range pairs {
		if p.Key.Kind != yaml.ScalarNode {
			w.stop = true
			if w.templated(n) {
				w.template = true
				return
			}
			w.findings.Add(diag.MalformedManifest, w.doc.Span(p.Key), "a key that is %s", shape(p.Key))
			return
		}
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.key(p.Key)
		w.out = append(w.out, ':')
		w.value(p.Value, p.Key)
	}
	w.out = append(w.out, '}')
}

// key writes a key; a number or truth value becomes the text of its JSON.
func (w *jsonWriter) key(n *yaml.Node) {
	start := len(w.out)
	w.scalar(n)
	if w.out[start] != '"' {
		w.out = appendString(w.out[:start], string(w.out[start:]))
	}
}

func (w *jsonWriter) scalar(n *yaml.Node) {
	switch n.ShortTag() {
	case "!!null":
		w.out = append(w.out, "null"...)
		return
	case "!!bool":
		var b bool
		if n.Decode(&b) == nil {
			w.out = strconv.AppendBool(w.out, b)
			return
		}
	case "!!int", "!!float":
		if plainInt(n.Value) {
			w.out = append(w.out, n.Value...)
			return
		}
		var v any
		if n.Decode(&v) == nil {
			if number, err := json.Marshal(v); err == nil { // not so for .inf and .nan
				w.out = append(w.out, number...)
				return
			}
		}
	default:
		if b := legacyBool(n); b != "" {
			w.out = append(w.out, b...)
			return
		}
	}
	w.out = appendString(w.out, n.Value)
}

// plainInt reports whether s is a number that JSON writes in the same way.
func plainInt(s string) bool {
	if len(s) > 18 || s == "" || s[0] == '0' && len(s) > 1 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// legacyBool returns the value of a word that is a boolean in YAML 1.1 and text to yaml.v3; empty for any other.
// kubectl reads YAML with go.yaml.in/yaml/v2, whose list this is.
func legacyBool(n *yaml.Node) string {
	if n.Style != 0 || n.Kind != yaml.ScalarNode || len(n.Value) > 3 {
		return ""
	}
	switch n.Value {
	case "y", "Y", "yes", "Yes", "YES", "on", "On", "ON":
		return "true"
	case "n", "N", "no", "No", "NO", "off", "Off", "OFF":
		return "false"
	}
	return ""
}

// appendString writes a JSON string.
func appendString(out []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, err := json.Marshal(s)
			if err != nil { // a string always has JSON
				return append(out, `""`...)
			}
			return append(out, quoted...)
		}
	}
	out = append(out, '"')
	out = append(out, s...)
	return append(out, '"')
}
