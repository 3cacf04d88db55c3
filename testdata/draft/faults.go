package draft

import (
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/meshc/meshc/targets"
)

// Faults are what goes wrong in manifests: an object is missing, or a line of a spec is, is another one, or has another
// text.
type Faults struct {
	Texts  []string            // that are added to a text
	Values map[string][]string // by key: what takes the place of its value. If there are any, other keys than these are left alone
}

// Put returns manifests with a fault.
func (f *Faults) Put(r *rand.Rand, manifests []targets.Manifest) []targets.Manifest {
	manifests = slices.Clone(manifests)
	if len(manifests) == 0 {
		return manifests
	}
	n := r.IntN(len(manifests))
	if r.IntN(10) == 0 {
		return slices.Delete(manifests, n, n+1)
	}
	m := &manifests[n]
	lines := strings.SplitAfter(m.YAML, "\n")
	spec := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "spec") })
	var candidates, others []int // lines with one value each, and those whose place another may take
	for i := max(spec+1, 1); i < len(lines); i++ {
		l := strings.TrimSpace(lines[i])
		_, known := f.Values[key(l)]
		item := strings.HasPrefix(l, "- ")
		if l == "" || strings.HasSuffix(l, ":") || len(f.Values) > 0 && !item && !known {
			continue
		}
		if candidates = append(candidates, i); item || len(f.Values) == 0 {
			others = append(others, i)
		}
	}
	if len(candidates) == 0 {
		return manifests
	}
	i := candidates[r.IntN(len(candidates))]
	indent := lines[i][:len(lines[i])-len(strings.TrimLeft(lines[i], " "))]
	of := key(strings.TrimSpace(lines[i]))
	values, choice := f.Values[of], r.IntN(3)
	switch {
	case len(values) > 0:
		lines[i] = indent + of + ": " + values[r.IntN(len(values))] + "\n"
	case choice == 0:
		lines[i] = ""
	case choice == 1 && slices.Contains(others, i):
		lines[i] = indent + strings.TrimLeft(lines[others[r.IntN(len(others))]], " ")
	default:
		end := strings.TrimRight(lines[i], "'\"\n")
		lines[i] = end + f.Texts[r.IntN(len(f.Texts))] + lines[i][len(end):]
	}
	m.YAML = strings.Join(lines, "")
	return manifests
}

// key is the key of a line, without that of the item of a list.
func key(line string) string {
	before, _, _ := strings.Cut(line, ":")
	return before
}
