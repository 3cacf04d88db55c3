package lsp

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/diag"
)

// inSettings reports whether a place is in meshc.yaml.
func (p *place) inSettings() bool { return p.file.Name == project.ConfigName }

// completeSettings offers the keys and the words that may stand at a place of meshc.yaml.
func (c *completing) completeSettings() {
	at, ok := locate(c.file.Text, c.offset)
	if !ok {
		return
	}
	c.typed = c.file.Span(at.start, c.offset)
	all := settingsSchema().along(at.path)
	if at.value || len(at.path) > 0 && at.path[len(at.path)-1] == listItem {
		for _, word := range choices(all) {
			c.add(word, protocol.CompletionItemKindEnumMember, "")
		}
	}
	if at.value {
		return
	}
	for _, s := range all {
		for _, key := range slices.Sorted(maps.Keys(s.Properties)) {
			c.key(key, s.Properties[key].Description)
		}
		for _, key := range c.keysOf(s.Keys) {
			c.key(key, "")
		}
	}
}

// key offers a key with the colon after it.
func (c *completing) key(key, about string) {
	written := key
	if strings.ContainsAny(key, "*:") {
		written = fmt.Sprintf("%q", key)
	}
	if rest := c.file.Text[c.offset:]; !strings.HasPrefix(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"), ":") {
		written += ": "
	}
	c.found = append(c.found, &candidate{label: key, kind: protocol.CompletionItemKindProperty, written: written, about: about})
}

// keysOf returns what the keys of a mapping may be, by what they name.
func (c *completing) keysOf(what string) (keys []string) {
	switch what {
	case "meshes", "namespaces":
		keys = append(keys, "*")
		for _, m := range c.known.Checked().Policy.Meshes {
			keys = append(keys, m.Name)
		}
	case "services", "gateways":
		if what == "services" {
			keys = c.keysOf("meshes")
		}
		for _, m := range c.known.Checked().Policy.Meshes {
			for _, s := range m.Services {
				if !s.Unnamed && (what == "services" || s.Dataplane == policy.Gateway) {
					keys = append(keys, s.ID())
				}
			}
		}
	case "warnings":
		for _, e := range diag.Table {
			if e.Severity != diag.Error {
				keys = append(keys, string(e.Code))
			}
		}
	}
	return keys
}

// describeSettings tells what the key or the value at a place of meshc.yaml means.
func (p *place) describeSettings() string {
	end := p.offset
	for end < len(p.file.Text) && !strings.ContainsRune(" \t\r\n:,]}", rune(p.file.Text[end])) {
		end++
	}
	at, ok := locate(p.file.Text, end)
	if !ok {
		return ""
	}
	path := at.path
	if !at.value {
		key := strings.Trim(p.file.Text[at.start:end], `"'`)
		if key == "" {
			return ""
		}
		if len(path) == 0 || path[len(path)-1] != listItem || strings.HasPrefix(p.file.Text[end:], ":") {
			path = append(slices.Clone(path), key)
		}
	}
	all := settingsSchema().along(path)
	for _, s := range all {
		if s.Description == "" {
			continue
		}
		text := "**" + strings.ReplaceAll(strings.Join(path, "."), "."+listItem, "[]") + "**\n\n" + s.Description
		if one := choices(all); len(one) > 0 {
			text += "\n\nOne of " + code(one)
		}
		if e := diag.Explain(diag.Code(path[len(path)-1])); e != nil {
			text += "\n\n" + e.Title
		}
		return text
	}
	return ""
}
