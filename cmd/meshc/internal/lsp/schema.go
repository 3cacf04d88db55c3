package lsp

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/meshc/meshc/grammar"
)

// schema is what the schema of meshc.yaml says of one place.
type schema struct {
	Description          string             `json:"description"`
	Properties           map[string]*schema `json:"properties"`
	AdditionalProperties *schema            `json:"additionalProperties"`
	Items                *schema            `json:"items"`
	AnyOf                []*schema          `json:"anyOf"`
	Enum                 []string           `json:"enum"`
	Type                 any                `json:"type"`
	Ref                  string             `json:"$ref"`
	Keys                 string             `json:"x-keys"` // what the keys of a mapping name
	Definitions          map[string]*schema `json:"definitions"`
}

// UnmarshalJSON also reads a schema that is `false`, which nothing fulfils.
func (s *schema) UnmarshalJSON(data []byte) error {
	if string(data) == "false" {
		return nil
	}
	type plain schema
	return json.Unmarshal(data, (*plain)(s))
}

var settingsSchema = sync.OnceValue(func() *schema {
	root := &schema{}
	if err := json.Unmarshal(grammar.Schema, root); err != nil {
		panic(err) // it is part of the program
	}
	return root
})

// listItem is the step of a path into a list.
const listItem = "[]"

// along returns what the schema says of the place that a path leads to: each alternative for itself.
func (s *schema) along(path []string) []*schema {
	all := settingsSchema().alternatives(s)
	for _, step := range path {
		var next []*schema
		for _, one := range all {
			of := one.Properties[step]
			switch {
			case step == listItem:
				of = one.Items
			case of == nil:
				of = one.AdditionalProperties
			}
			if of != nil {
				next = append(next, settingsSchema().alternatives(of)...)
			}
		}
		all = next
	}
	return all
}

// alternatives is a schema and what it refers to or consists of, which all describe the same place.
func (s *schema) alternatives(of *schema) []*schema {
	all := []*schema{of}
	if name, ok := strings.CutPrefix(of.Ref, "#/definitions/"); ok {
		all = append(all, s.alternatives(s.Definitions[name])...)
	}
	for _, one := range of.AnyOf {
		all = append(all, s.alternatives(one)...)
	}
	return all
}

// choices returns the words that a value may be.
func choices(all []*schema) (words []string) {
	for _, s := range all {
		words = append(words, s.Enum...)
		if s.Type == "boolean" {
			words = append(words, "true", "false")
		}
	}
	return words
}

// spot is a place in a meshc.yaml.
type spot struct {
	path  []string // the keys around it; listItem in a list
	start int      // where the word before it begins
	value bool     // it is where a value is, not a key
}

// frame is a key, an item or a bracket that is open before a spot.
type frame struct {
	indent  int
	key     string
	bracket bool
}

// locate returns where an offset is in a meshc.yaml, and false in a comment. It goes by indentation and brackets, since
// a file that is being typed is often not YAML.
func locate(text string, offset int) (spot, bool) {
	var frames []frame
	pop := func(gone func(frame) bool) {
		for len(frames) > 0 && gone(frames[len(frames)-1]) {
			frames = frames[:len(frames)-1]
		}
	}
	at := spot{}
	start := 0
	for line := range strings.SplitAfterSeq(text[:offset], "\n") {
		last := start+len(line) == offset && !strings.HasSuffix(line, "\n")
		rest, indent := strings.TrimRight(line, "\r\n"), 0
		at.value = false
		if !slices.ContainsFunc(frames, func(f frame) bool { return f.bracket }) {
			content := strings.TrimLeft(rest, " ")
			if !last && (content == "" || content[0] == '#') {
				start += len(line)
				continue
			}
			indent = len(rest) - len(content)
			isItem := false
			for strings.HasPrefix(content, "- ") || content == "-" {
				isItem = true
				pop(func(f frame) bool { return f.indent > indent || f.indent == indent && f.key == listItem })
				frames = append(frames, frame{indent: indent, key: listItem})
				next := strings.TrimLeft(content[1:], " ")
				indent += len(content) - len(next)
				content = next
			}
			if !isItem {
				pop(func(f frame) bool { return f.indent >= indent })
			}
			rest = content
		}
		base := start + len(strings.TrimRight(line, "\r\n")) - len(rest)
		word := base
		for i := 0; i < len(rest); i++ {
			here := word
			switch c := rest[i]; {
			case c == '#' && (i == 0 || rest[i-1] == ' '):
				if last {
					return spot{}, false
				}
				i = len(rest)
			case c == '"' || c == '\'':
				if end := strings.IndexByte(rest[i+1:], c); end >= 0 {
					i += 1 + end
				} else {
					i = len(rest)
				}
			case c == '{':
				frames = append(frames, frame{indent, "", true})
				at.value, here = false, -1
			case c == '[':
				frames = append(frames, frame{indent, "", true}, frame{indent, listItem, false})
				at.value, here = false, -1
			case c == '}' || c == ']':
				pop(func(f frame) bool { return !f.bracket })
				frames = frames[:max(0, len(frames)-1)]
				at.value, here = true, -1
			case c == ',':
				pop(func(f frame) bool { return !f.bracket && f.key != listItem })
				at.value, here = false, -1
			case c == ':' && (i+1 == len(rest) || rest[i+1] == ' '):
				key := strings.Trim(strings.TrimSpace(rest[word-base:i]), `"'`)
				frames = append(frames, frame{indent, key, false})
				at.value, here = true, -1
			}
			if here < 0 { // a word begins after it and after spaces
				word = base + i + 1
				for word < offset && text[word] == ' ' {
					word++
				}
			}
		}
		at.start = min(word, offset)
		start += len(line)
	}
	for _, f := range frames {
		if f.key != "" {
			at.path = append(at.path, f.key)
		}
	}
	return at, true
}
