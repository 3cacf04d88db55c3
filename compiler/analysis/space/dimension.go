package space

import (
	"slices"
	"strings"
)

// Dimension is a fact of a request that conditions look at: an index into a Table.
type Dimension uint8

// The dimensions of Standard. The last two are facts that a request does not reveal: what of HTTP's is not known, and
// the server name of TLS and the metadata of other filters, which any connection may have.
const (
	Identity Dimension = iota
	SourceAddress
	RemoteAddress
	Token
	Port
	Host
	Method
	Path
	Header
	DestinationAddress
	HiddenHTTP
	Hidden
)

// maxDimensions is the most that a Table may have.
const maxDimensions = 14

// Table is the dimensions of a space. The first is that of identities; the order of the others is that in which classes
// are enumerated.
type Table []Info

// Info is all that the analysis knows of a dimension.
type Info struct {
	Kind   Kind   // of its values; nil: requests do not reveal it
	Caller bool   // it belongs to the caller, and not to the operation
	HTTP   bool   // it means nothing to a proxy that does not read HTTP
	Name   string // what is written before its values
	Bare   bool   // values say enough without the name
	Single bool   // several values are several operations, when they are written
}

// Possible reports whether some request has a value that a pattern matches.
func (t Table) Possible(d Dimension, pattern Pattern) bool {
	p := partition{other: -1}
	i := p.id(pattern)
	if _, err := p.divide(t[d].Kind, ""); err != nil {
		return true
	}
	return len(p.members[i]) > 0
}

// Standard is the facts that sidecars of Istio look at.
var Standard = Table{
	Identity:           {Kind: Identities{}, Caller: true, Name: "principal"},
	SourceAddress:      {Kind: Addresses{}, Caller: true, Name: "at"},
	RemoteAddress:      {Kind: Addresses{}, Caller: true, Name: "for clients at"},
	Token:              {Kind: Tokens{}, Caller: true, HTTP: true, Name: "with"},
	Port:               {Kind: Ports{}, Name: "port", Single: true},
	Host:               {Kind: Text{alphabet: hostByte, begin: labelByte, other: "other", fold: true}, HTTP: true, Name: "host"},
	Method:             {Kind: Text{alphabet: tokenByte, usual: methods, other: "METHOD"}, HTTP: true, Name: "method", Bare: true},
	Path:               {Kind: Text{alphabet: pathByte, start: "/", special: "*", usual: []string{"/", "*"}, other: "/", end: "?#", templates: true}, HTTP: true, Name: "path", Bare: true, Single: true},
	Header:             {Kind: Headers{}, HTTP: true, Name: "header"},
	DestinationAddress: {Kind: Addresses{}, Name: "address"},
	HiddenHTTP:         {HTTP: true},
	Hidden:             {},
}

var methods = []string{"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"}

// Kind is what the values of a dimension are: Text, Addresses, Ports, Identities, Tokens or Headers.
type Kind interface {
	pattern(written string) Pattern
	value(written string) *Value // nil where it is none
	// divide makes the atoms of a partition whose patterns are known.
	divide(p *partition, trustDomain string) error
}

// Pattern reads a pattern of a dimension as it is written in a policy.
func (t Table) Pattern(d Dimension, written string) Pattern { return t[d].Kind.pattern(written) }

// Patterns reads patterns of a dimension.
func (t Table) Patterns(d Dimension, written ...string) []Pattern {
	all := make([]Pattern, len(written))
	for i, s := range written {
		all[i] = t.Pattern(d, s)
	}
	return all
}

// KeyPatterns reads patterns of the texts of one key, where a dimension has several by their keys, and else patterns of
// the dimension. A value is in one of them if one of its texts is.
func (t Table) KeyPatterns(d Dimension, key []string, written ...string) []Pattern {
	if len(key) == 0 {
		return t.Patterns(d, written...)
	}
	if _, token := t[d].Kind.(Tokens); token {
		return []Pattern{ClaimPattern(key, written...)}
	}
	all := make([]Pattern, len(written))
	for i, s := range written {
		all[i] = HeaderPattern(key[0], s)
	}
	return all
}

// EveryPatterns reads patterns of a dimension whose wildcards stand for all text: those of hosts for the ports of hosts
// too.
func (t Table) EveryPatterns(d Dimension, written ...string) []Pattern {
	all := t.Patterns(d, written...)
	for i, p := range all {
		if d == Host && p.kind == suffix {
			all[i].kind = everyHost
		}
	}
	return all
}

// Facts is values by their dimension, as they are written.
type Facts map[Dimension]string

// Request makes a request of facts as they are written: ports in decimal, identities without a scheme. A fact that is
// empty is not known: it is in no block, and no other value.
func (t Table) Request(http bool, facts Facts) Request {
	r := Request{HTTP: http}
	for d, written := range facts {
		if written != "" {
			r.values[d] = t[d].Kind.value(written)
		}
	}
	return r
}

// Words is a condition's values of a dimension as they are written, with the name where it is needed.
func (t Table) Words(d Dimension, values []Pattern) string {
	words := t.Values(d, values)
	if t[d].Bare {
		return words
	}
	return t[d].Name + " " + words
}

// Written is patterns as they are written in the language: `GET|HEAD`, or `x-tenant=acme|beta` of one header.
func Written(values []Pattern) string {
	words := make([]string, len(values))
	for i, p := range values {
		words[i] = p.String()
		if i == 0 || p.kind != inHeader || values[i-1].kind != inHeader {
			continue
		}
		if key, _, _ := strings.Cut(p.text, "\x00"); strings.HasPrefix(values[i-1].text, key+"\x00") {
			words[i] = strings.TrimPrefix(words[i], dotted(key)+"=")
		}
	}
	return strings.Join(words, "|")
}

// Values is patterns of a dimension as they are written in the language, where a host stands for itself with any port,
// too, and one that has a colon at its end for itself alone. With a colon it is in quotes.
func (t Table) Values(d Dimension, values []Pattern) string {
	if d != Host {
		return Written(values)
	}
	is := func(text string) bool {
		return slices.ContainsFunc(values, func(p Pattern) bool { return p.String() == text })
	}
	var words []string
	for _, p := range values {
		text := p.String()
		if host, ports := strings.CutSuffix(text, ":*"); ports && is(host) {
			continue
		}
		if !strings.ContainsAny(text, ":*") && !is(text+":*") {
			text += ":"
		}
		if strings.Contains(text, ":") {
			text = `"` + text + `"`
		}
		words = append(words, text)
	}
	return strings.Join(words, "|")
}

// HTTP reports whether a condition of one of the boxes is HTTP's alone.
func (t Table) HTTP(boxes []Box) bool {
	for _, b := range boxes {
		for i := range b {
			if t[b[i].Dimension].HTTP {
				return true
			}
		}
	}
	return false
}

// Ports is the port numbers of a dimension.
type Ports struct{}

func (Ports) pattern(written string) Pattern { return PortPattern(portNumber(written)) }

func (Ports) value(written string) *Value { return &Value{port: portNumber(written)} }

func (Ports) divide(p *partition, _ string) error {
	named := make([]uint16, len(p.patterns), len(p.patterns)+1)
	for i := range p.patterns {
		named[i] = p.patterns[i].port
		p.alone(i)
		p.atoms = append(p.atoms, Value{port: named[i]})
	}
	for port := uint16(65535); port > 0; port-- {
		if !slices.Contains(named, port) {
			p.atoms = append(p.atoms, Value{port: port})
			break
		}
	}
	return nil
}
