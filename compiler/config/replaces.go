package config

import (
	"regexp"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/lang/diag"
)

// Replaced is one entry of `replaces:`, an object that statements of the project say, as it was when it was imported.
type Replaced struct {
	Kind, Namespace, Name string
	Digest                string // sha256:HEX, of package replace
}

// ID is KIND NAMESPACE/NAME.
func (r *Replaced) ID() string { return r.Kind + " " + r.Namespace + "/" + r.Name }

func (r *reader) replaces(path string, v *yaml.Node) {
	seen := map[string]bool{}
	for _, item := range r.list(path, v, "objects") {
		var one Replaced
		var id string
		has := r.fields(path, item, []field{
			{"object", r.text(&id, objectID)},
			{"digest", r.text(&one.Digest, digest)},
		})
		if has == nil {
			continue
		}
		for _, must := range []string{"object", "digest"} {
			if !has[must] {
				r.findings.Add(diag.MalformedConfig, r.doc.Span(item), "an entry of replaces without %s", must).
					WithHelp("leave these entries as `meshc import` writes them, or delete those of objects that are gone")
			}
		}
		if id == "" || one.Digest == "" {
			continue
		}
		if one.Kind, one.Namespace, one.Name = splitID(id); seen[one.ID()] {
			r.findings.Add(diag.InvalidSetting, r.doc.Span(item), "%s is replaced twice", one.ID()).
				WithHelp("keep one of them")
			continue
		}
		seen[one.ID()] = true
		r.project.Replaces = append(r.project.Replaces, one)
	}
}

var hexDigest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

func digest(s string) string {
	if !hexDigest.MatchString(s) {
		return "it is not a digest such as `meshc import` writes: sha256: and 64 digits"
	}
	return ""
}
