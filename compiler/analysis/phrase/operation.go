package phrase

import (
	"slices"
	"strconv"
	"strings"
)

// Operations names a set of operations.
type Operations struct {
	Operation
	Except   []Operation
	NoHeader []string // what the headers are not, as the language writes it: `x-debug`, `x-tenant=acme|beta`
	Unjudged bool     // something must hold, too, that is not judged
}

// Operation names operations; the zero value is all of them.
type Operation struct {
	Port       uint16 // 0: every port
	OtherPorts bool   // only the ports that nothing names
	Protocol   Protocol
	Host       string // what is asked of the host, as the language writes it: `host a.example.com`
	Words      string // what is asked for beside the port, host and headers, as the language writes it: `GET|HEAD /api/*`
	Header     string // what is asked of headers, as the language writes it: `header x-tenant=acme`
	Such       bool   // the words are those of one request, which stands for others
}

// Protocol is which connections an Operation is about.
type Protocol uint8

const (
	AnyProtocol Protocol = iota
	WithoutHTTP
)

// OfHTTP reports whether the operations are told apart by what only HTTP has, on all of their ports.
func (o *Operations) OfHTTP() bool {
	return o.Operation.ofHTTP() || len(o.NoHeader) > 0 || slices.ContainsFunc(o.Except, func(e Operation) bool { return e.Port == o.Port && e.ofHTTP() })
}

// nests reports whether something of the operation would be read as being asked of all where it is an exception.
func (o *Operation) nests() bool { return o.Header != "" && (o.Host != "" || o.Words != "") }

func (o *Operation) ofHTTP() bool { return o.Host != "" || o.Words != "" || o.Header != "" }

// String is the operations as they follow the name of a service: `:8080 GET /api/*`. It is empty for all of them.
func (o *Operations) String() string { return onPort(o.Port, o.text()) }

// On is the operations without their port, if that is the given one.
func (o *Operations) On(port uint16) string {
	if o.Port != port {
		return o.String()
	}
	return o.text()
}

func (o *Operations) text() string {
	before, after := o.clauses()
	return join(before, o.words(), after)
}

// clauses is what stands before and after the words of the operations, and would hold for others between the two.
func (o *Operations) clauses() (before, after string) {
	except := make([]string, len(o.Except))
	for i := range o.Except {
		except[i] = o.Except[i].On(o.Port)
		if o.Except[i].nests() {
			except[i] = "(" + except[i] + ")"
		}
	}
	all := []string{"", o.Header}
	if len(except) > 0 {
		all[0] = "except " + strings.Join(except, ", ")
	}
	for _, header := range o.NoHeader {
		all = append(all, "no header "+header)
	}
	if o.Unjudged {
		all = append(all, "where something holds that is not judged")
	}
	return o.Host, join(all...)
}

// Texts is operations as texts.
func Texts(all []Operations) (texts []string) {
	for i := range all {
		texts = append(texts, all[i].String())
	}
	return texts
}

// empty reports whether the operations are all of them.
func (o *Operations) empty() bool {
	return o.Operation == (Operation{}) && len(o.Except)+len(o.NoHeader) == 0 && !o.Unjudged
}

// List is operations on one port, without it, at most so many kinds of them: those with the same hosts, exceptions and
// headers share these, as in a statement, and nothing that follows can be read as one of their exceptions. Everything
// is a word for all of them, before what is left out.
func List(all []Operations, everything string, most int) string {
	type kind struct{ before, after string }
	var kinds []kind
	sharing := map[kind][]*Operations{}
	for i := range all {
		var k kind
		k.before, k.after = all[i].clauses()
		if sharing[k] == nil {
			kinds = append(kinds, k)
		}
		sharing[k] = append(sharing[k], &all[i])
	}
	var items []string
	n := 0
	for _, k := range kinds {
		var list []string
		for i, o := range sharing[k] {
			if n++; n > most {
				continue
			}
			switch {
			case i > 0 && o.Such && sharing[k][i-1].Such:
				list = append(list, o.Words)
			case o.words() == "" && o.Host == "" && (len(o.Except) > 0 || o.Header == ""):
				list = append(list, everything)
			default:
				list = append(list, o.words())
			}
		}
		if len(list) > 0 {
			items = append(items, join(k.before, strings.Join(list, ", "), k.after))
		}
	}
	text := strings.Join(items, "; ")
	if n > most {
		text += " and " + strconv.Itoa(n-most) + " more kinds of requests"
	}
	return text
}

func (o *Operation) String() string { return onPort(o.Port, o.text()) }

// On is the operation without its port, if that is the given one.
func (o *Operation) On(port uint16) string {
	if o.Port != port {
		return o.String()
	}
	return o.text()
}

func (o *Operation) text() string { return join(o.Host, o.words(), o.Header) }

func onPort(port uint16, text string) string {
	if port == 0 {
		return text
	}
	return join(":"+strconv.Itoa(int(port)), text)
}

// words is the operation without its port, host and headers.
func (o *Operation) words() string {
	before, after := "", ""
	switch {
	case o.Protocol == WithoutHTTP:
		before = "connections without HTTP"
	case o.Such:
		before = "requests such as"
	}
	if o.OtherPorts {
		after = "on all other ports"
	}
	return join(before, o.Words, after)
}

// join puts a blank between words, any of which may be empty.
func join(words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}
