package accounts

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// accountFields are the fields of a pod that name its account. An API server copies one to the other, of which the
// first decides.
var accountFields = []string{"serviceAccountName", "serviceAccount"}

// podPath leads from an object to the spec of its pods.
func podPath(kind string) []string {
	switch kind {
	case "Pod":
		return []string{"spec"}
	case "CronJob":
		return []string{"spec", "jobTemplate", "spec", "template", "spec"}
	}
	return []string{"spec", "template", "spec"}
}

// patch returns the merge patch that makes the pods of a workload run as an account.
func (o *object) patch(account string) *yaml.Node {
	path := podPath(o.kind)
	spec := yamldoc.Get(o.node, path...)
	pods := mapping(accountFields[0], text(account))
	if yamldoc.Scalar(spec, accountFields[1]) != "" {
		pods.Content = append(pods.Content, text(accountFields[1]), text(account))
	}
	for _, key := range slices.Backward(path) {
		pods = mapping(key, pods)
	}
	meta := mapping("name", text(o.name))
	if o.placed {
		meta.Content = append(meta.Content, text("namespace"), text(o.namespace))
	}
	patch := mapping("apiVersion", text(o.version), "kind", text(o.kind), "metadata", meta)
	patch.Content = append(patch.Content, pods.Content...)
	return patch
}

// edits returns the edits of the text that make the pods of a workload run as an account. It is not ok where the text
// has no place for it, such as where an alias stands for the pods.
func (o *object) edits(account string) (edits []diag.Edit, ok bool) {
	path := podPath(o.kind)
	key, spec := direct(o.node, path...)
	if spec == nil {
		return nil, false
	}
	for _, field := range accountFields {
		at, value := direct(spec, field)
		switch {
		case at == nil:
		case value == nil || value.Anchor != "" || value.Kind != yaml.ScalarNode:
			return nil, false
		case value.Value == "" && value.Style == 0: // nothing is written
			span := o.doc.Span(at)
			colon := strings.IndexByte(span.File.Text[span.End:], ':')
			if colon < 0 {
				return nil, false
			}
			end := int(span.End) + colon + 1
			edits = append(edits, diag.Edit{Span: span.File.Span(end, end), New: " " + written(account, at)})
		default:
			edits = append(edits, diag.Edit{Span: o.doc.Span(value), New: written(account, value)})
		}
	}
	if len(edits) > 0 {
		return edits, true
	}
	edit, ok := o.inserted(key, spec, account)
	return []diag.Edit{edit}, ok
}

// inserted is the edit that adds the field as the first one of the pods.
func (o *object) inserted(key, spec *yaml.Node, account string) (edit diag.Edit, ok bool) {
	if len(spec.Content) == 0 {
		return edit, false
	}
	file, first := o.doc.File, o.doc.Span(spec.Content[0])
	if spec.Style&yaml.FlowStyle != 0 || spec.Content[0].Style&yaml.DoubleQuotedStyle != 0 {
		brace := o.doc.Span(spec)
		if brace.Start >= first.Start || file.Text[brace.Start] != '{' {
			return edit, false
		}
		gap := file.Text[brace.Start+1 : first.Start]
		if strings.TrimSpace(gap) != "" {
			return edit, false // a comment
		}
		field := gap + written(accountFields[0], spec.Content[0]) + ": " + written(account, spec.Content[0]) + ","
		if gap == "" {
			field += " "
		}
		return diag.Edit{Span: file.Span(int(brace.Start)+1, int(brace.Start)+1), New: field}, true
	}
	line := strings.LastIndexByte(file.Text[:first.Start], '\n') + 1
	indent := file.Text[line:first.Start]
	end := strings.IndexByte(file.Text[o.doc.Span(key).End:], '\n')
	if strings.TrimLeft(indent, " ") != "" || end < 0 {
		return edit, false
	}
	at, eol := int(o.doc.Span(key).End)+end, "\n"
	if file.Text[at-1] == '\r' {
		at, eol = at-1, "\r\n"
	}
	if at >= line {
		return edit, false
	}
	return diag.Edit{Span: file.Span(at, at), New: eol + indent + accountFields[0] + ": " + written(account, nil)}, true
}

// direct follows keys that a mapping has itself, and not by an alias or a merge key. The value is nil where it is an
// alias.
func direct(n *yaml.Node, keys ...string) (at, value *yaml.Node) {
	for _, key := range keys {
		if n == nil || n.Kind != yaml.MappingNode {
			return nil, nil
		}
		at, value = nil, nil
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Kind == yaml.ScalarNode && n.Content[i].Value == key {
				at, value = n.Content[i], n.Content[i+1]
				break
			}
		}
		if value == nil || value.Kind == yaml.AliasNode {
			return at, nil
		}
		n = value
	}
	return at, value
}

// written is a name as YAML, in the quotes of another value, and in quotes where it would not be text without them.
func written(name string, like *yaml.Node) string {
	switch {
	case like != nil && like.Style&yaml.SingleQuotedStyle != 0:
		return "'" + name + "'"
	case like != nil && like.Style&yaml.DoubleQuotedStyle != 0:
		return `"` + name + `"`
	}
	if plain, err := yaml.Marshal(name); err == nil {
		return strings.TrimSuffix(string(plain), "\n")
	}
	return `"` + name + `"`
}

// move returns the manifests after the moves, with what changed in files. It is not whole where a workload that is to
// move could not be changed in its text.
func (p *planner) move(all []object) (moved []inventory.Input, changed []Change, whole bool) {
	to := map[source.Span]string{}
	concerned := map[*source.File]bool{}
	for _, m := range p.Moves {
		for _, w := range m.Workloads {
			to[w.At], concerned[w.At.File] = m.To, true
		}
	}
	byFile := map[*source.File][]diag.Edit{}
	for i := range all {
		o := &all[i]
		if account := to[o.at]; account != "" && o.name != "" {
			if edits, ok := o.edits(account); ok {
				byFile[o.doc.File] = append(byFile[o.doc.File], edits...)
			}
		}
	}
	whole = true
	for _, in := range p.of.Workloads {
		after := in
		if edits := byFile[in.File]; len(edits) > 0 {
			for _, f := range diag.ApplyFixes(diag.List{{Fixes: []diag.Fix{{Safe: true, Edits: edits}}}}) {
				after.File = source.NewFile(in.File.Name, f.Text)
			}
		}
		if !concerned[in.File] {
			moved = append(moved, in)
			continue
		}
		if left := unmoved(in, after, to); len(left) > 0 {
			whole, after = false, in
			for _, w := range left {
				p.note(w.AccountAt, "%s %s/%s cannot be changed in its text: it shares text with others, or is not written out; use the patch", w.Kind, w.Namespace, w.Object)
			}
		} else if after.File != in.File && in.File.Name != project.StdinName {
			changed = append(changed, Change{in.File.Name, in.File.Text, after.File.Text})
		}
		moved = append(moved, after)
	}
	return moved, changed, whole
}

// unmoved returns the workloads of a file that are to move and did not, or all of them if the file would mean something
// else than before.
func unmoved(before, after inventory.Input, to map[source.Span]string) (left []*inventory.Workload) {
	was, _ := inventory.Read([]inventory.Input{before})
	is, _ := inventory.Read([]inventory.Input{after})
	var moving []*inventory.Workload
	same := len(was.Workloads) == len(is.Workloads) && len(was.Accounts) == len(is.Accounts)
	for i, w := range was.Workloads {
		want := w.Account
		if account := to[w.At]; account != "" {
			moving, want = append(moving, w), account
		}
		if !same {
			continue
		}
		now := is.Workloads[i]
		alike := now.Kind == w.Kind && now.Namespace == w.Namespace && now.Object == w.Object && maps.Equal(now.Labels, w.Labels) && len(now.Ports) == len(w.Ports)
		same = alike && now.Account == want
	}
	if same {
		return nil
	}
	return moving
}
