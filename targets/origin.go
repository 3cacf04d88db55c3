package targets

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// Origin is what the annotations of an object say about its intents. Files are named without lines, which change with
// every edit. The zero value says nothing.
type Origin struct {
	files, because, until []string // sorted, each once
}

// OfFiles is the origin of an object that all of some files are about.
func OfFiles(names []string) Origin { return Origin{files: distinct(slices.Clone(names))} }

// OfSpan is the origin of an object that one statement is about.
func OfSpan(at source.Span) Origin {
	if at.File == nil {
		return Origin{}
	}
	return Origin{files: []string{at.File.Name}}
}

// OfRules is the origin of an object that some edges, denies or asks are about.
func OfRules(rules []policy.Rule) (o Origin) {
	var last *source.File
	for i := range rules {
		r := &rules[i]
		if r.At.File != nil && r.At.File != last {
			last = r.At.File
			o.files = append(o.files, last.Name)
		}
		if r.Because != "" {
			o.because = append(o.because, r.Because)
		}
		if r.Until != "" {
			o.until = append(o.until, r.Until)
		}
	}
	return Origin{distinct(o.files), distinct(o.because), distinct(o.until)}
}

// And is the origin of an object that a statement at a span is about, too.
func (o Origin) And(at source.Span) Origin {
	if at.File != nil {
		o.files = distinct(append(slices.Clone(o.files), at.File.Name))
	}
	return o
}

func distinct(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// Annotations returns the annotations of an object of a wave, by key. Argo CD applies by sync wave and prunes in the
// reverse order.
func (o Origin) Annotations(wave int) []Pair {
	pairs := make([]Pair, 1, 2) // most have files alone
	pairs[0] = Pair{Key: "argocd.argoproj.io/sync-wave", Value: strconv.Itoa(wave)}
	for _, a := range [...]struct {
		key, separator string
		values         []string
	}{
		{"meshc.dev/because", "; ", o.because},
		{"meshc.dev/source", ",", o.files},
		{"meshc.dev/until", ",", o.until},
	} {
		if len(a.values) > 0 {
			pairs = append(pairs, Pair{Key: a.key, Value: joined(a.values, a.separator)})
		}
	}
	return pairs
}

// maxAnnotation is more than anyone reads, and a small part of the 256 KiB for all annotations of an object.
const maxAnnotation = 4 << 10

// joined joins as many values as fit into an annotation, and adds how many more there are.
func joined(values []string, separator string) string {
	const more = "%s and %d more"
	room := maxAnnotation - len(more) - len("4000000000")
	size, n := 0, 0
	for n < len(values) && size+len(values[n]) <= room {
		size += len(values[n]) + len(separator)
		n++
	}
	text := strings.Join(values[:n], separator)
	if n == 0 { // the first value alone is too long
		text, n = strings.ToValidUTF8(values[0][:room-len("...")], "")+"...", 1
	}
	if n < len(values) {
		text += fmt.Sprintf(more, strings.TrimSpace(separator), len(values)-n)
	}
	return text
}
