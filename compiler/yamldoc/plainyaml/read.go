package plainyaml

import "strings"

// fast reads one document. Its methods return false at anything that they do not know.
type fast struct {
	*Tree
	text string // the document
	base int32  // where it begins in the file

	// The current line: where its content begins and ends, and its indentation. What follows `- ` is treated as a line
	// of its own, indented to its column.
	at, eol, indent int
	adjacent        bool // there is no blank line or comment between it and the line before
}

const maxDepth = 50

// Read reads a document, which begins at base in its file, into a tree that has been reset. It reports whether it
// could.
func (t *Tree) Read(text string, base int) bool {
	f := fast{Tree: t, text: text, base: int32(base), eol: -1}
	if rest, ok := strings.CutPrefix(text, "---\n"); ok {
		f.eol = len(text) - len(rest) - 1
	}
	if !f.line() {
		return false
	}
	if f.at == len(f.text) {
		return true
	}
	root, ok := f.block(0)
	return ok && f.at == len(f.text) && f.indent == 0 && root == 1
}

// line goes to the next line that is neither blank nor a comment, or to the end of the text.
func (f *fast) line() bool {
	f.adjacent = true
	for {
		i := f.eol + 1
		if i >= len(f.text) {
			f.at, f.eol, f.indent = len(f.text), len(f.text), 0
			return true
		}
		start := i
		for i < len(f.text) && f.text[i] == ' ' {
			i++
		}
		n := strings.IndexByte(f.text[i:], '\n')
		if n < 0 {
			n = len(f.text) - i
		}
		f.at, f.eol, f.indent = i, i+n, i-start
		switch {
		case n == 0:
		case f.text[i] == '#':
			for _, c := range []byte(f.text[i:f.eol]) {
				if !printableASCII(c) {
					return false
				}
			}
		case f.text[i] < ' ':
			return false
		default:
			return true
		}
		f.adjacent = false
	}
}

func printableASCII(c byte) bool { return c >= ' ' && c <= '~' }

// block reads the value that begins at the current line.
func (f *fast) block(depth int) (int32, bool) {
	if depth > maxDepth {
		return 0, false
	}
	if f.isItem() {
		return f.sequence(depth)
	}
	key, ok := f.key()
	if !ok {
		return 0, false
	}
	return f.mapping(depth, key)
}

func (f *fast) isItem() bool {
	return f.text[f.at] == '-' && f.at+1 < f.eol && f.text[f.at+1] == ' '
}

func (f *fast) sequence(depth int) (int32, bool) {
	indent := f.indent
	parent := f.Add(Node{Kind: Sequence, Start: f.base + int32(f.at), End: f.base + int32(f.eol)})
	last := int32(0)
	for f.at < len(f.text) && f.indent == indent && f.isItem() {
		f.at += 2
		f.indent += 2
		if f.at >= f.eol || f.text[f.at] == ' ' || f.text[f.at] == '-' && !f.isNegative() {
			return 0, false
		}
		var child int32
		var ok bool
		if key, isKey := f.key(); isKey {
			child, ok = f.mapping(depth+1, key)
		} else {
			child, ok = f.scalar(indent)
		}
		if !ok {
			return 0, false
		}
		f.link(parent, &last, child)
	}
	return parent, f.indent <= indent
}

func (f *fast) isNegative() bool {
	return f.at+1 < f.eol && f.text[f.at+1] >= '0' && f.text[f.at+1] <= '9'
}

func (f *fast) link(parent int32, last *int32, child int32) {
	if *last == 0 {
		f.Nodes[parent].First = child
	} else {
		f.Nodes[*last].Next = child
	}
	*last = child
}

// mapping reads the mapping whose first key is at the beginning of the current line.
func (f *fast) mapping(depth int, key string) (int32, bool) {
	if depth > maxDepth {
		return 0, false
	}
	indent := f.indent
	parent := f.Add(Node{Kind: Mapping, Start: f.base + int32(f.at), End: f.base + int32(f.eol)})
	last := int32(0)
	for {
		keyStart := f.at
		var child int32
		var ok bool
		if after := f.at + len(key) + 1; after < f.eol {
			f.at = after + 1
			if f.at >= f.eol || f.text[f.at] == ' ' {
				return 0, false
			}
			child, ok = f.scalar(indent)
		} else {
			if !f.line() {
				return 0, false
			}
			switch {
			case f.at < len(f.text) && f.indent > indent:
				child, ok = f.block(depth + 1)
			case f.at < len(f.text) && f.indent == indent && f.isItem():
				child, ok = f.sequence(depth + 1)
			default:
				child = f.Add(Node{Kind: Null})
			}
		}
		if !ok {
			return 0, false
		}
		if f.repeats(parent, key) {
			return 0, false
		}
		n := &f.Nodes[child]
		n.Key, n.KeyStart, n.KeyEnd = key, f.base+int32(keyStart), f.base+int32(keyStart+len(key))
		f.link(parent, &last, child)
		if f.at == len(f.text) || f.indent != indent {
			return parent, f.indent <= indent
		}
		if key, ok = f.key(); !ok {
			return 0, false
		}
	}
}

// repeats reports whether a mapping already has a key, or is too large to look.
func (f *fast) repeats(mapping int32, key string) bool {
	const large = 64
	n := 0
	for c := f.Nodes[mapping].First; c != 0; c = f.Nodes[c].Next {
		if n++; n == large || f.Nodes[c].Key == key {
			return true
		}
	}
	return false
}

// inText is the bytes that end no plain scalar.
var inText = func() (t [256]bool) {
	for c := range t {
		t[c] = printableASCII(byte(c)) && c != ':' && c != '#'
	}
	return t
}()

// inKey is the bytes of a plain key; inPlain is those that a plain scalar may begin with.
var inKey, inPlain = func() (key, plain [256]bool) {
	for c := byte('!'); c <= '~'; c++ {
		letter := isAlphanumeric(c)
		key[c] = letter || strings.IndexByte("/._-", c) >= 0
		plain[c] = letter || strings.IndexByte("/._-+($~", c) >= 0
	}
	return key, plain
}()

// key returns the plain key with which the current line begins. Cilium's have a source in front: `k8s:app`.
func (f *fast) key() (string, bool) {
	line := f.text[f.at:f.eol]
	end := strings.IndexByte(line, ':')
	for end > 0 && end+1 < len(line) && line[end+1] != ' ' && inWord(line, end) {
		next := strings.IndexByte(line[end+1:], ':')
		if next < 0 {
			return "", false
		}
		end += 1 + next
	}
	if end <= 0 || end > maxKey || end+1 < len(line) && line[end+1] != ' ' || line[0] == '-' {
		return "", false
	}
	key := line[:end]
	for i := range len(key) {
		if !inKey[key[i]] && key[i] != ':' {
			return "", false
		}
	}
	return key, IsKey(key, KindOf(key))
}

// inWord reports whether a character is between two letters or digits of a text that begins with a letter.
func inWord(s string, i int) bool {
	first := s[0] | 0x20
	return 'a' <= first && first <= 'z' && i+1 < len(s) && isAlphanumeric(s[i-1]) && isAlphanumeric(s[i+1])
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// maxKey is how long a simple key may be, in characters (YAML 1.2, section 7.4).
const maxKey = 1024

// IsKey reports whether a plain key is the same as a JSON key: a string, or a number as JSON writes it.
func IsKey(key string, k Kind) bool {
	if k != Number {
		return k == Text
	}
	return strings.Trim(key, "0123456789") == "" && (key[0] != '0' || len(key) == 1) && len(key) < 10
}

// scalar reads the rest of the line as a value in a collection with some indentation.
func (f *fast) scalar(indent int) (int32, bool) {
	s := f.text[f.at:f.eol]
	n := Node{Kind: Text, Text: s, Start: f.base + int32(f.at), End: f.base + int32(f.eol)}
	switch c := s[0]; {
	case s == "{}":
		n.Kind, n.Text = Mapping, ""
	case s == "[]":
		n.Kind, n.Text = Sequence, ""
	case c == '\'' || c == '"':
		var ok bool
		if n.Text, ok = quoted(s); !ok {
			return 0, false
		}
	case inPlain[c] && (c != '-' || f.isNegative()):
		return f.plain(n, indent)
	default:
		return 0, false
	}
	return f.Add(n), f.line()
}

func (f *fast) plain(n Node, indent int) (int32, bool) {
	if !plainRest(n.Text) {
		return 0, false
	}
	if !f.line() {
		return 0, false
	}
	var lines []string
	for f.at < len(f.text) && f.indent > indent {
		more := f.text[f.at:f.eol]
		if !f.adjacent || !inPlain[more[0]] || more[0] == '-' || !plainRest(more) {
			return 0, false
		}
		if lines == nil {
			lines = []string{n.Text}
		}
		lines = append(lines, more)
		if !f.line() {
			return 0, false
		}
	}
	if lines != nil {
		n.Text = strings.Join(lines, " ")
	}
	n.Kind = KindOf(n.Text)
	return f.Add(n), true
}

// plainRest reports whether a line is only text of a plain scalar.
func plainRest(s string) bool {
	for i := range len(s) {
		if c := s[i]; inText[c] {
			continue
		} else if !printableASCII(c) || c == ':' && (i+1 == len(s) || s[i+1] == ' ') || c == '#' && i > 0 && s[i-1] == ' ' {
			return false
		}
	}
	return s[len(s)-1] != ' '
}

// quoted is the text of a quoted scalar that is alone on its line.
func quoted(s string) (string, bool) {
	q := s[0]
	if len(s) < 2 || s[len(s)-1] != q {
		return "", false
	}
	s = s[1 : len(s)-1]
	doubled := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == q && q == '\'' && i+1 < len(s) && s[i+1] == q:
			doubled = true
			i++
		case c == q, c == '\\' && q == '"', !printableASCII(c):
			return "", false
		}
	}
	if doubled {
		s = strings.ReplaceAll(s, "''", "'")
	}
	return s, true
}
