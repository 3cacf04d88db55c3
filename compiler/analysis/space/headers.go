package space

import "strings"

// Headers is the headers of a request: a text, or none, by their names in lower case. What is written of them is lines
// of NAME=TEXT.
type Headers struct{}

// HeaderPattern is the requests with a header whose text, exact or with a wildcard at one end, matches: see
// HeaderMatcher in istio.io/istio/pilot/pkg/security/authz/matcher/header.go.
func HeaderPattern(name, value string) Pattern { return keyed(inHeader, lower(name), value) }

func (Headers) pattern(written string) Pattern {
	name, value, ok := strings.Cut(written, "=")
	if !ok {
		value = "*"
	}
	return HeaderPattern(name, value)
}

func (Headers) value(written string) *Value { return &Value{keys: keysOf(written)} }

// divide makes all combinations of what the headers that patterns mention may have. The first is that of requests
// without any of them.
func (Headers) divide(p *partition, _ string) error {
	choices := map[string][]region{}
	for name, conditions := range p.byKey() {
		if !allOf(name, tokenByte) { // no request has it
			choices[name] = []region{{}}
			continue
		}
		texts, err := regions(fieldText, conditions)
		if err != nil {
			return err
		}
		choices[name] = append([]region{{}}, texts...)
	}
	return p.combine(choices)
}
