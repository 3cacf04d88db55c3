package conformance

import (
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
)

// fields is a YAML mapping in the order of its text. Values are fields, lists, strings, numbers, booleans and null.
type fields []field

type field struct {
	key   string
	value any
}

func (f *fields) add(key string, value any) { *f = append(*f, field{key, value}) }

// list adds a list of strings unless it is empty.
func (f *fields) list(key string, values []string) {
	if len(values) == 0 {
		return
	}
	items := make([]any, len(values))
	for i, v := range values {
		items[i] = v
	}
	f.add(key, items)
}

// pen writes YAML in the styles that people use: block and flow, plain and quoted scalars, comments, lists indented or
// not.
type pen struct {
	*rand.Rand
	strings.Builder
}

func (p *pen) document(f fields) {
	p.WriteString("---\n")
	p.mapping(f, 0)
}

func (p *pen) chance(percent int) bool { return p.IntN(100) < percent }

func (p *pen) indent(depth int) {
	if p.chance(3) {
		p.WriteString("# a comment: with `things` in it\n")
	}
	p.WriteString(strings.Repeat(" ", depth))
}

func (p *pen) mapping(f fields, depth int) {
	for i, each := range f {
		p.indent(depth)
		p.pair(each, depth)
		if i == len(f)-1 && p.chance(2) {
			p.WriteByte('\n')
		}
	}
}

func (p *pen) pair(f field, depth int) {
	p.WriteString(p.key(f.key))
	p.WriteByte(':')
	switch value := f.value.(type) {
	case fields:
		if len(value) == 0 || p.chance(8) {
			p.flow(value)
			return
		}
		p.end()
		p.mapping(value, depth+2)
	case []any:
		if len(value) == 0 || p.chance(40) {
			p.flow(value)
			return
		}
		p.end()
		p.sequence(value, depth+2*p.IntN(2))
	default:
		p.WriteByte(' ')
		p.WriteString(p.scalar(value))
		p.end()
	}
}

func (p *pen) sequence(list []any, depth int) {
	for _, item := range list {
		p.indent(depth)
		p.WriteString("- ")
		f, isMapping := item.(fields)
		if !isMapping || len(f) == 0 {
			p.inline(item)
			p.end()
			continue
		}
		p.pair(f[0], depth+2)
		p.mapping(f[1:], depth+2)
	}
}

func (p *pen) flow(value any) {
	p.WriteByte(' ')
	p.inline(value)
	p.end()
}

func (p *pen) inline(value any) {
	switch value := value.(type) {
	case fields:
		p.WriteByte('{')
		for i, f := range value {
			if i > 0 {
				p.WriteString(", ")
			}
			p.WriteString(p.key(f.key) + ": ")
			p.inline(f.value)
		}
		p.WriteByte('}')
	case []any:
		p.WriteByte('[')
		for i, item := range value {
			if i > 0 {
				p.WriteString(", ")
			}
			p.inline(item)
		}
		p.WriteByte(']')
	default:
		p.WriteString(p.scalar(value))
	}
}

func (p *pen) end() {
	if p.chance(3) {
		p.WriteString(" # trailing")
	}
	p.WriteByte('\n')
}

func (p *pen) key(key string) string {
	if p.chance(3) {
		return strconv.Quote(key)
	}
	return key
}

// plain matches scalars that need no quotes in any position and any version of YAML.
var plain = regexp.MustCompile(`^[A-Za-z/][A-Za-z/0-9._-]{4,}$`)

func (p *pen) scalar(value any) string {
	s, ok := value.(string)
	if !ok {
		js, err := json.Marshal(value)
		if err != nil {
			panic(err)
		}
		return string(js)
	}
	switch n := p.IntN(3); {
	case n == 0 && plain.MatchString(s) && s != "false":
		return s
	case n == 1 && !strings.Contains(s, "'"):
		return "'" + s + "'"
	}
	return strconv.Quote(s)
}
