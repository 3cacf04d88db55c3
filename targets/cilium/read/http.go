package read

import (
	"regexp/syntax"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/analysis/space"
)

var perhapsHTTP = space.Condition{Dimension: space.HiddenHTTP}

// http reads a rule for HTTP. Every expression must match the whole of a text: getHTTPRule in
// pkg/envoy/policy/envoy_l7_rules_translator.go makes safe_regex matchers of them.
func (d *decoder) http(n *yaml.Node) []space.Box {
	boxes := []space.Box{nil}
	add := func(patterns []space.Pattern, dimension space.Dimension, sure bool) {
		for i := range boxes {
			boxes[i] = boxes[i].And(dimension, patterns...)
			if !sure {
				boxes[i] = append(boxes[i], perhapsHTTP)
			}
		}
	}
	d.fields(n, "a rule for HTTP", func(key string, v *yaml.Node) bool {
		switch key {
		case "method":
			patterns, sure := d.expression(v, space.Method)
			add(patterns, space.Method, sure)
		case "path":
			patterns, sure := d.expression(v, space.Path)
			add(patterns, space.Path, sure)
		case "host":
			patterns, sure := d.expression(v, space.Host)
			add(patterns, space.Host, sure)
		case "headers":
			for _, item := range d.list(v) {
				name, value, valued := strings.Cut(d.word(item), " ")
				if valued {
					name = strings.TrimRight(name, ":")
				} else {
					value = "*"
				}
				add([]space.Pattern{header(name, value)}, space.Header, !strings.Contains(value, "*") || value == "*" && !valued)
			}
		case "headerMatches":
			for _, item := range d.list(v) {
				name, value, sure := "", "", true
				d.fields(item, "an item of headerMatches", func(key string, v *yaml.Node) bool {
					switch key {
					case "name":
						name = d.word(v)
					case "value":
						value = d.word(v)
					case "mismatch", "secret":
						sure = false
					default:
						return false
					}
					return true
				})
				if name == "" {
					d.refuse(item, "a header without a name")
				}
				switch {
				case !sure:
					add(nil, space.Header, false)
				case value == "":
					add([]space.Pattern{header(name, "*")}, space.Header, true)
				default:
					add([]space.Pattern{header(name, value)}, space.Header, !strings.Contains(value, "*"))
				}
			}
		default:
			return false
		}
		return true
	})
	for i := range boxes {
		if len(boxes[i]) == 0 { // any request
			boxes[i] = space.Box{space.Is(space.Method, space.Standard.Pattern(space.Method, "*"))}
		}
	}
	return boxes
}

func header(name, value string) space.Pattern {
	return space.HeaderPattern(strings.ToLower(name), value)
}

// expression reads a regular expression as patterns, one of which a text must match. Sure is false where it is of
// another kind: it may then match what it is about, or not.
func (d *decoder) expression(n *yaml.Node, dimension space.Dimension) (patterns []space.Pattern, sure bool) {
	written := d.word(n)
	if written == "" {
		return nil, true
	}
	re, err := syntax.Parse(written, syntax.Perl)
	if err != nil {
		d.refuse(n, "%s is no regular expression", written)
		return nil, false
	}
	if dimension == space.Path {
		return path(re)
	}
	alternatives, ok := alternatives(re)
	if !ok {
		return nil, false
	}
	for _, parts := range alternatives {
		p, ok := pattern(parts, dimension)
		if !ok {
			return nil, false
		}
		patterns = append(patterns, p)
	}
	return patterns, len(patterns) > 0
}

// part is a literal, or a run of characters of a class.
type part struct {
	literal string
	fold    bool // upper and lower case are the same in the literal
	class   []rune
	many    bool // at least one, else any number
}

const maxAlternatives = 64

// alternatives takes an expression apart into sequences of parts, one of which a text must match.
func alternatives(re *syntax.Regexp) (all [][]part, ok bool) {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpEndText:
		return [][]part{nil}, true // the whole text is matched anyway
	case syntax.OpLiteral:
		return [][]part{{{literal: string(re.Rune), fold: re.Flags&syntax.FoldCase != 0}}}, true
	case syntax.OpStar, syntax.OpPlus:
		class := classOf(re.Sub[0])
		return [][]part{{{class: class, many: re.Op == syntax.OpPlus}}}, class != nil
	case syntax.OpCapture:
		return alternatives(re.Sub[0])
	case syntax.OpQuest:
		all, ok = alternatives(re.Sub[0])
		return append(all, nil), ok
	case syntax.OpCharClass: // of a few characters
		for i := 0; i < len(re.Rune); i += 2 {
			for c := re.Rune[i]; c <= re.Rune[i+1]; c++ {
				if all = append(all, []part{{literal: string(c)}}); len(all) > maxAlternatives {
					return nil, false
				}
			}
		}
		return all, true
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			some, ok := alternatives(sub)
			if all = append(all, some...); !ok || len(all) > maxAlternatives {
				return nil, false
			}
		}
		return all, true
	case syntax.OpConcat:
		all = [][]part{nil}
		for _, sub := range re.Sub {
			next, ok := alternatives(sub)
			if !ok || len(all)*len(next) > maxAlternatives {
				return nil, false
			}
			var product [][]part
			for _, before := range all {
				for _, after := range next {
					product = append(product, append(slices.Clip(before), after...))
				}
			}
			all = product
		}
		return all, true
	}
	return nil, false
}

// classOf is the ranges of characters that an expression for one takes; nil where it is of another kind.
func classOf(re *syntax.Regexp) []rune {
	switch re.Op {
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return []rune{0, 0x10ffff}
	case syntax.OpCharClass:
		return re.Rune
	}
	return nil
}

// The classes that patterns have. What no request has in the text at hand, such as a line break, does not count.
var (
	anything = class(`(?s).`)
	noQuery  = class(`[^?]`)
	noSlash  = class(`[^/?]`)
	segment  = class(`[a-zA-Z0-9._~%!$&'()+,;:@=-]`)
	segments = class(`[a-zA-Z0-9._~%!$&'()+,;:@=/-]`)
)

func class(written string) []rune {
	re, err := syntax.Parse(written, syntax.Perl)
	if err != nil {
		panic(err)
	}
	return classOf(re)
}

func (p *part) is(class []rune, many bool) bool {
	return p.class != nil && p.many == many && slices.Equal(p.class, class)
}

// merged is a sequence whose neighbouring literals are one.
func merged(parts []part) (all []part) {
	for _, p := range parts {
		last := len(all) - 1
		switch {
		case p.class != nil || last < 0 || all[last].class != nil || all[last].fold != p.fold && hasLetter(all[last].literal) && hasLetter(p.literal):
			all = append(all, p)
		default:
			if hasLetter(p.literal) {
				all[last].fold = p.fold
			}
			all[last].literal += p.literal
		}
	}
	return all
}

// pattern is the one that a sequence comes to for a method or a host.
func pattern(parts []part, dimension space.Dimension) (p space.Pattern, ok bool) {
	parts = merged(parts)
	for i := range parts {
		if text := parts[i].literal; strings.Contains(text, "*") || parts[i].fold != (dimension == space.Host) && hasLetter(text) {
			return p, false
		}
	}
	standard := func(text string) (space.Pattern, bool) { return space.Standard.Pattern(dimension, text), true }
	switch {
	case len(parts) == 1 && parts[0].class == nil:
		return standard(parts[0].literal)
	case len(parts) == 1 && parts[0].is(anything, false):
		return standard("*")
	case len(parts) == 2 && parts[0].class == nil && parts[1].is(anything, false):
		return standard(parts[0].literal + "*")
	case len(parts) == 2 && parts[0].is(anything, false) && parts[1].class == nil:
		return standard("*" + parts[1].literal)
	}
	return p, false
}

func hasLetter(s string) bool { return strings.ToLower(s) != strings.ToUpper(s) }

// path reads an expression for the path of a request, which has its query behind it: `(\?.*)?` at the end takes any.
func path(re *syntax.Regexp) (patterns []space.Pattern, sure bool) {
	for re.Op == syntax.OpCapture {
		re = re.Sub[0]
	}
	query := false
	if re.Op == syntax.OpConcat {
		parts := re.Sub
		for len(parts) > 0 && parts[len(parts)-1].Op == syntax.OpEndText {
			parts = parts[:len(parts)-1]
		}
		if last := len(parts) - 1; last >= 0 && isQuery(parts[last]) {
			query, parts = true, parts[:last]
		}
		re = &syntax.Regexp{Op: syntax.OpConcat, Sub: parts}
	}
	all, ok := alternatives(re)
	for i := range all {
		p, known := pathPattern(merged(all[i]), query)
		if patterns, ok = append(patterns, p), ok && known; !ok {
			return nil, false
		}
	}
	return patterns, ok && len(patterns) > 0
}

func isQuery(re *syntax.Regexp) bool {
	all, ok := alternatives(re)
	return ok && re.Op == syntax.OpQuest && len(all) == 2 && len(all[1]) == 0 &&
		len(all[0]) == 2 && all[0][0].literal == "?" && all[0][1].is(anything, false)
}

// pathPattern is the pattern that a sequence comes to, which a query may follow.
func pathPattern(parts []part, query bool) (p space.Pattern, ok bool) {
	n := len(parts)
	for i, part := range parts {
		within := i < n-1 || query
		if strings.ContainsAny(part.literal, "?*{}") || part.fold && hasLetter(part.literal) || within && part.is(anything, false) {
			return p, false
		}
	}
	open := n > 0 && (parts[n-1].is(anything, false) || query && parts[n-1].is(noQuery, false))
	standard := func(text string) (space.Pattern, bool) { return space.Standard.Pattern(space.Path, text), true }
	switch {
	case open && n == 1:
		return standard("*")
	case open && n == 2 && parts[0].class == nil:
		return standard(parts[0].literal + "*")
	case !query: // no request with a query matches
		return p, false
	case n == 1 && parts[0].class == nil:
		return standard(parts[0].literal)
	case n == 2 && parts[0].is(noQuery, false) && parts[1].class == nil:
		return standard("*" + parts[1].literal)
	}
	return template(parts)
}

// template is the pattern of a sequence with several runs.
func template(parts []part) (p space.Pattern, ok bool) {
	text, every, some := "", false, false
	for _, part := range parts {
		switch {
		case part.class == nil:
			text += part.literal
		case part.is(segment, true):
			text, some = text+"{*}", true
		case part.is(segments, false):
			text, some = text+"{**}", true
		case part.is(noSlash, true):
			text, every = text+"{*}", true
		case part.is(noQuery, false):
			text, every = text+"{**}", true
		default:
			return p, false
		}
	}
	if every {
		return space.EveryPattern(text), !some
	}
	return space.Standard.Pattern(space.Path, text), some
}
