package check

import (
	"slices"
	"strings"
	"unicode"

	"github.com/meshc/meshc/lang/diag"
)

// lintTwin warns of a mesh of which nothing shows that it is meant: it declares no service, or all manifests are of
// other namespaces, and one with a name that is nearly the same has what it lacks. Its sections would close a namespace
// that does not exist, or is somebody else's.
func (c *checker) lintTwin(m *mesh) {
	if m.misspelt || m.manifested || len(m.sections) == 0 || c.namespaces[m.Name] != nil || c.isRoot(m.Name) {
		return
	}
	for _, o := range c.meshes {
		declares := len(m.names) == 0 && (len(o.names) > 0 || o.manifested)
		if o == m || len(o.sections) == 0 || !declares && !o.manifested || !nearlySame(m.Name, o.Name) {
			continue
		}
		d := c.list.Add(diag.TwinMesh, m.sections[0], "mesh %s has almost the same name as mesh %s, and no manifest is in its namespace", m.Name, o.Name).
			WithRelated(o.sections[0], "the other mesh").
			WithHelp("did you mean %s? If both exist, add the manifest of Namespace %s", o.Name, m.Name)
		if len(m.names) == 0 {
			d.Message = "mesh " + m.Name + " has no services, and almost the same name as mesh " + o.Name
		}
		return
	}
}

// nearlySame reports whether one of two names is likely the other with a typing error. Names that count, such as shop-1
// and shop-2, are not, nor are those that differ in a short part, such as team-a and team-b or api-eu and api-us.
func nearlySame(a, b string) bool {
	if strings.ReplaceAll(a, "-", "") == strings.ReplaceAll(b, "-", "") {
		return true
	}
	left, right := strings.Split(a, "-"), strings.Split(b, "-")
	if len(left) != len(right) {
		return false
	}
	const short = 3
	for i := range left {
		switch {
		case left[i] == right[i]:
		case min(len(left[i]), len(right[i])) <= short, digits(left[i]) != digits(right[i]):
			return false
		default:
			if _, near := diag.Nearest(left[i], []string{right[i]}); !near {
				return false
			}
		}
	}
	return true
}

func digits(s string) string {
	return string(slices.DeleteFunc([]rune(s), func(r rune) bool { return !unicode.IsDigit(r) }))
}
