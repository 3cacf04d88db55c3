package config

import (
	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// Issuer is the settings of one issuer of tokens.
type Issuer struct {
	KeySet string      // its keys, as policy.KeySet has them; empty if they are not stated
	Secret bool        // who reads a key of it can sign tokens
	At     source.Span // its name
}

func (r *reader) issuers(path string, v *yaml.Node) {
	r.project.Issuers = map[string]Issuer{}
	for _, pair := range r.pairs(path, v) {
		i := Issuer{At: r.doc.Span(pair.Key)}
		var written string
		valid := func(text string) string {
			set, secret, why := policy.KeySet(text)
			i.KeySet, i.Secret = set, secret
			return why
		}
		r.fields(join(path, pair.Key.Value), pair.Value, []field{{"jwks", r.text(&written, valid)}})
		r.project.Issuers[pair.Key.Value] = i
	}
}
