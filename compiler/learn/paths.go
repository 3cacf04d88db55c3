package learn

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
)

// requests is the methods and paths of an edge. Segments that look like the name of one thing among many become {*} at
// once, so that few paths are kept; of more than maxPaths with one method only their first segments are.
type requests struct {
	paths  map[string]map[string]int // by method, then folded path
	coarse map[string]bool           // the methods of which only the first segments are kept
	folded int                       // requests whose path is a pattern
}

const (
	maxPaths   = 20
	maxMethods = 20
	maxLength  = 500 // of a path that is kept
)

// add adds a request. It returns false if no operation can be about it.
func (r *requests) add(method, path string, n int) bool {
	if strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" || !explain.Literal(path) || len(path) > maxLength {
		return false
	}
	folded := fold(explain.Normalized(path))
	if strings.Contains(folded, "*") || r.coarse[method] {
		r.folded += n
	}
	return r.addFolded(method, folded, n)
}

func (r *requests) addFolded(method, folded string, n int) bool {
	if r.paths == nil {
		r.paths, r.coarse = map[string]map[string]int{}, map[string]bool{}
	}
	if r.paths[method] == nil {
		if len(r.paths) >= maxMethods {
			return false
		}
		r.paths[strings.Clone(method)] = map[string]int{}
	}
	if r.coarse[method] {
		folded = head(folded)
	}
	if of := r.paths[method]; of[folded] == 0 && len(of) >= maxPaths {
		r.coarsen(method)
		folded = head(folded)
	}
	r.paths[method][strings.Clone(folded)] += n
	return true
}

// coarsen keeps the first segments of the paths of a method, and every path if these are too many.
func (r *requests) coarsen(method string) {
	heads := map[string]int{}
	for path, n := range r.paths[method] {
		heads[head(path)] += n
		r.folded += n
	}
	if r.coarse[method] || len(heads) >= maxPaths {
		total := 0
		for _, n := range heads {
			total += n
		}
		heads = map[string]int{"/*": total}
	}
	r.paths[method], r.coarse[method] = heads, true
}

// head is the first segment of a path and everything below it.
func head(path string) string {
	first, _, more := strings.Cut(path[1:], "/")
	if !more || strings.Contains(first, "*") {
		return "/*"
	}
	return "/" + first + "/*"
}

// fold puts {*} in place of segments that stand for one thing among many: numbers, and texts of hexadecimal digits,
// such as UUIDs, with a number among them.
func fold(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if i > 0 && isID(s) {
			segments[i] = "{*}"
		}
	}
	return strings.Join(segments, "/")
}

func isID(segment string) bool {
	digits := strings.ContainsAny(segment, "0123456789")
	switch {
	case segment == "" || !digits:
		return false
	case strings.Trim(segment, "0123456789") == "":
		return true
	}
	return len(segment) >= 8 && strings.Trim(segment, "0123456789abcdefABCDEF-") == ""
}

// operations is the requests as operations, methods of one path together.
func (r *requests) operations() (all []lang.Operation) {
	byPath := map[string][]string{}
	for method, paths := range r.paths {
		for path := range paths {
			if !r.covered(method, path) {
				byPath[path] = append(byPath[path], method)
			}
		}
	}
	for _, path := range slices.SortedFunc(maps.Keys(byPath), cmp.Compare[string]) {
		op := lang.Operation{Path: lang.Name{Text: path, Quoted: policy.StarWithin(path)}}
		for _, method := range slices.Sorted(slices.Values(byPath[path])) {
			op.Methods = append(op.Methods, lang.Name{Text: method})
		}
		all = append(all, op)
	}
	return all
}

// covered reports whether another path of a method includes one.
func (r *requests) covered(method, path string) bool {
	of := r.paths[method]
	if path != "/*" && of["/*"] > 0 {
		return true
	}
	h := head(path)
	return h != path && h != "/*" && of[h] > 0
}

// comment says how paths became patterns.
func (r *requests) comment() string {
	if r.folded == 0 {
		return ""
	}
	return fmt.Sprintf("patterns stand for the paths of %s of them", count(r.folded))
}

// join adds the requests of another edge.
func (r *requests) join(other *requests) {
	for method, paths := range other.paths {
		for path, n := range paths {
			r.addFolded(method, path, n)
		}
		r.coarse[method] = r.coarse[method] || other.coarse[method]
	}
	r.folded += other.folded
}

func calls(n int) string {
	if n == 1 {
		return "1 call"
	}
	return count(n) + " calls"
}

// count writes a number with commas.
func count(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
