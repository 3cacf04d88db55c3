package cluster

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/directory"
	"github.com/meshc/meshc/lang/source"
)

// list is the objects of one kind, or why they were not read.
type list struct {
	objects []*Object
	unread  string

	addresses []directory.Object

	owners map[types.UID]bool // of pods and the like, of which one for each owner is kept
}

// page is one answer of a list request.
type page struct {
	Metadata metav1.ListMeta   `json:"metadata"`
	Items    []json.RawMessage `json:"items"`
}

// read lists all objects of a kind, page by page. Where the list changes for longer than the server remembers it, it
// begins again, without pages.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
func (l *list) read(ctx context.Context, client *rest.RESTClient, s *Snapshot, r *resource, counted func(n int)) error {
	limit, next := Page, ""
	l.owners = map[types.UID]bool{}
	for {
		request := client.Get().AbsPath(r.path()).SetHeader("Accept", "application/json")
		if limit > 0 {
			request.Param("limit", strconv.Itoa(limit))
		}
		if next != "" {
			request.Param("continue", next)
		}
		text, err := get(ctx, request)
		if apierrors.IsResourceExpired(err) && next != "" {
			limit, next = 0, ""
			l.objects, l.addresses, l.owners = nil, nil, map[types.UID]bool{}
			continue
		}
		if err != nil {
			return err
		}
		var p page
		if err := json.Unmarshal(text, &p); err != nil {
			return fmt.Errorf("%s: %w", r.name(), err)
		}
		for _, item := range p.Items {
			if err := l.add(s, r, item); err != nil {
				return fmt.Errorf("%s: %w", r.name(), err)
			}
		}
		counted(len(p.Items))
		if next = p.Metadata.Continue; next == "" {
			slices.SortStableFunc(l.objects, func(a, b *Object) int { return cmp.Compare(a.File.Name, b.File.Name) })
			return nil
		}
	}
}

// get returns the body of an answer. The error is that of the server.
func get(ctx context.Context, request *rest.Request) ([]byte, error) {
	answer := request.Do(ctx)
	if err := answer.Error(); err != nil { // which Raw would return without what the server says
		return nil, err
	}
	return answer.Raw()
}

// add adds one object. Of those that one controller made of one template, the first stands for all.
func (l *list) add(s *Snapshot, r *resource, item json.RawMessage) error {
	if r.kind == "CustomResourceDefinition" && !bytes.Contains(item, []byte(`"clientConfig"`)) {
		return nil // it has no webhook, and is large
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(item, &fields); err != nil {
		return err
	}
	var meta metav1.ObjectMeta
	if err := json.Unmarshal(fields["metadata"], &meta); err != nil {
		return err
	}
	if r.kind == configMap && !(bearing.IsMeshConfig(meta.Name) && bytes.Contains(fields["data"], []byte(`"mesh"`))) {
		return nil
	}
	if r.group == "" && (r.kind == "Pod" || r.kind == "Service") {
		o := directory.Object{Kind: r.kind}
		if err := json.Unmarshal(item, &o); err != nil {
			return err
		}
		l.addresses = append(l.addresses, o)
	}
	if owner := metav1.GetControllerOfNoCopy(&meta); owner != nil {
		if l.owners[owner.UID] {
			return nil
		}
		l.owners[owner.UID] = true
	}
	o := &Object{resource: r, namespace: meta.Namespace, name: meta.Name, labels: meta.Labels, ours: meta.Annotations["meshc.dev/source"] != ""}
	o.ChangedBy, o.ChangedAt = lastChange(meta.ManagedFields)
	if r.policies {
		o.Refusals = refusals(fields["status"])
	}
	text, err := manifest(r, fields)
	if err != nil {
		return err
	}
	parts := []string{meta.Namespace, r.kind, meta.Name}
	if meta.Namespace == "" {
		parts = parts[1:]
	}
	o.File = source.NewFile(s.fileName(parts...), text)
	l.objects = append(l.objects, o)
	return nil
}

// lastApplied is where kubectl keeps what it applied.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// manifest is an object as YAML, without what a server adds to it. The items of a list have no kind and apiVersion of
// their own.
func manifest(r *resource, fields map[string]json.RawMessage) (string, error) {
	var metadata map[string]any
	if err := json.Unmarshal(fields["metadata"], &metadata); err != nil {
		return "", err
	}
	for _, added := range []string{"managedFields", "resourceVersion", "uid", "generation", "selfLink"} {
		delete(metadata, added)
	}
	if annotations, ok := metadata["annotations"].(map[string]any); ok {
		if delete(annotations, lastApplied); len(annotations) == 0 {
			delete(metadata, "annotations")
		}
	}
	object := map[string]any{"metadata": metadata}
	for key, value := range fields {
		if key != "metadata" && key != "status" {
			object[key] = value
		}
	}
	object["apiVersion"], object["kind"] = r.apiVersion(), r.kind
	text, err := json.Marshal(object)
	if err != nil {
		return "", err
	}
	out, err := yaml.JSONToYAML(text)
	return string(out), err
}

// lastChange returns who changed what an object asks for last, and when. Its status is not part of that.
func lastChange(managed []metav1.ManagedFieldsEntry) (manager string, at time.Time) {
	for _, m := range managed {
		if m.Subresource == "" && m.Time != nil && !m.Time.Time.Before(at) {
			manager, at = m.Manager, m.Time.Time
		}
	}
	return manager, at.UTC()
}
