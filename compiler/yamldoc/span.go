package yamldoc

import (
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/lang/source"
)

// Span returns the span of a node: a scalar or a flow collection as written, up to the end of its first line; the first
// line of a block collection; an alias itself. Of a very long flow collection it is the opening bracket.
func (d *Document) Span(n *yaml.Node) source.Span {
	if n == nil || n.Line == 0 {
		return d.Start()
	}
	base := d.start + n.Column - 1
	if !d.json {
		base = d.File.Skip(d.lineStart(n.Line), n.Column-1)
	}
	rest := line(d.File.Text[min(base, len(d.File.Text)):])
	for len(rest) > 0 && (rest[0] == '&' || rest[0] == '!') && n.Kind != yaml.AliasNode { // anchor and tag precede the value
		gap := strings.IndexAny(rest, " \t")
		if gap < 0 {
			break
		}
		gap += len(rest[gap:]) - len(strings.TrimLeft(rest[gap:], " \t"))
		base, rest = base+gap, rest[gap:]
	}
	return d.File.Span(base, base+width(n, rest))
}

// lineStart returns where a line of the document begins, counted from 1, in bytes of the file.
func (d *Document) lineStart(line int) int {
	switch {
	case d.lines != nil:
		return d.start + d.lines[min(line, len(d.lines))-1]
	case line == 1:
		return d.start
	}
	return d.File.Offset(d.line + line)
}

// linesOf returns where the lines of a text begin, as YAML counts them; nil if they all end with a line feed. To
// yaml.v3 a lone carriage return ends a line too, and so do the line breaks of Unicode (YAML 1.1, section 4.2).
func linesOf(text string) []int {
	if strings.Count(text, "\r") == strings.Count(text, "\r\n") && !strings.Contains(text, "\u0085") &&
		!strings.Contains(text, "\u2028") && !strings.Contains(text, "\u2029") {
		return nil
	}
	lines := []int{0}
	for i, r := range text {
		switch r {
		case '\r':
			if strings.HasPrefix(text[i+1:], "\n") {
				continue
			}
			fallthrough
		case '\n', '\u0085', '\u2028', '\u2029':
			lines = append(lines, i+utf8.RuneLen(r))
		}
	}
	return lines
}

// longest bounds the part of a line that a span includes.
const longest = 512

// line returns the first line of text, cut to longest.
func line(text string) string {
	if len(text) > longest {
		end := longest
		for !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	if eol := strings.IndexByte(text, '\n'); eol >= 0 {
		text = text[:eol]
	}
	return text
}

// width returns the length of a node at the beginning of the line rest.
func width(n *yaml.Node, rest string) int {
	whole := len(strings.TrimRight(rest, " \t\r"))
	switch {
	case n.Kind == yaml.AliasNode:
		return min(whole, 1+len(n.Value))
	case n.Kind != yaml.ScalarNode && n.Style&yaml.FlowStyle == 0:
		return whole
	case n.Kind != yaml.ScalarNode:
		switch closed := flow(rest[:whole]); {
		case closed > 0:
			return closed
		case len(rest) > longest-utf8.UTFMax:
			return 1
		}
		return whole
	case n.Style&yaml.DoubleQuotedStyle != 0:
		for i := 1; i < len(rest); i++ {
			switch rest[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
	case n.Style&yaml.SingleQuotedStyle != 0:
		for i := 1; i < len(rest); i++ {
			if rest[i] != '\'' {
				continue
			}
			if i+1 == len(rest) || rest[i+1] != '\'' {
				return i + 1
			}
			i++
		}
	case strings.HasPrefix(rest, n.Value):
		return len(n.Value)
	}
	return whole
}

// flow returns the length of the flow collection at the beginning of a line, 0 if it does not end in the line.
func flow(line string) int {
	depth := 0
	quote := byte(0)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0:
			if c == '\\' && quote == '"' {
				i++
			} else if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && i > 0 && strings.IndexByte(" ,[{:", line[i-1]) >= 0:
			quote = c
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// Start returns the first line of the document that is neither marker nor comment.
func (d *Document) Start() source.Span {
	for i := 0; i < len(d.Text); {
		end := len(d.Text)
		if n := strings.IndexByte(d.Text[i:], '\n'); n >= 0 {
			end = i + n + 1
		}
		text := strings.TrimSpace(d.Text[i:end])
		if text != "" && text[0] != '#' && text[0] != '%' && text != "---" {
			return d.trimmed(i, end)
		}
		i = end
	}
	return d.File.Span(d.start, d.start)
}

// trimmed returns the span of Text[from:to] without the white space around it.
func (d *Document) trimmed(from, to int) source.Span {
	text := d.Text[from:to]
	left := len(text) - len(strings.TrimLeft(text, " \t\r\n"))
	right := len(strings.TrimRight(text, " \t\r\n"))
	return d.File.Span(d.start+from+left, d.start+from+max(left, right))
}
