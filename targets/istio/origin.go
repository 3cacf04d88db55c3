package istio

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

// origin is what the annotations of an object say about its intents. Files are named without lines, which change with every
// edit.
type origin struct {
	files, because, until []string // sorted, each once
}

func fromFiles(files []string) origin { return origin{files: distinct(slices.Clone(files))} }

func fromSpan(at source.Span) origin {
	if at.File == nil {
		return origin{}
	}
	return origin{files: []string{at.File.Name}}
}

func fromRules(rules []policy.Rule) (o origin) {
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
	return origin{distinct(o.files), distinct(o.because), distinct(o.until)}
}

// fromTokens is the intents that have a service verify tokens.
func fromTokens(s *policy.Service) origin {
	o := fromRules(s.Allow)
	for _, v := range s.Verifies {
		o.files = append(o.files, fromSpan(v.At).files...)
	}
	o.files = distinct(o.files)
	return o
}

func distinct(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// annotations returns the annotations of an object. Argo CD applies by sync wave and prunes in the reverse order.
func (b *builder) annotations(wave int, why origin, authorization bool) []targets.Pair {
	pairs := make([]targets.Pair, 1, 5)
	pairs[0] = targets.Pair{Key: "argocd.argoproj.io/sync-wave", Value: strconv.Itoa(wave)}
	if authorization && b.DryRun {
		pairs = append(pairs, targets.Pair{Key: "istio.io/dry-run", Value: strconv.FormatBool(true)})
	}
	for _, a := range [...]struct {
		key, separator string
		values         []string
	}{
		{"meshc.dev/because", "; ", why.because},
		{"meshc.dev/source", ",", why.files},
		{"meshc.dev/until", ",", why.until},
	} {
		if len(a.values) > 0 {
			pairs = append(pairs, targets.Pair{Key: a.key, Value: joined(a.values, a.separator)})
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
