// Package cluster reads from a running cluster the objects that affect who reaches whom, as manifests.
//
// It lists every kind of compiler/bearing that the cluster serves, page by page, and writes nothing. Each object
// becomes a YAML file without the fields that servers add; who last changed it is recorded separately. A kind that may
// not be listed becomes an object of kind Unread, for which the readers of manifests report what is unknown without
// it.
package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshc/meshc/compiler/directory"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/source"
)

// Snapshot is what a cluster had when it was read.
type Snapshot struct {
	Context string
	Objects []*Object // by kind, namespace and name
	Unread  []Unread  // by kind

	of        map[*source.File]*Object
	addresses []directory.Object // every pod, also those of one template
	settings  *Unread            // if it has a mesh and none of its settings were found
}

// Object is an object of a cluster, as a manifest.
type Object struct {
	File      *source.File
	ChangedBy string    // the manager of the last change of what it asks for; empty if that is not known
	ChangedAt time.Time // of that change
	Refusals  []Refusal // what the mesh says it does not enforce of it

	resource        *resource
	namespace, name string
	labels          map[string]string
	ours            bool // meshc made it
}

// Unread is a kind of which the cluster may have objects that were not read.
type Unread struct {
	Verb, Resource string // `list`, `authorizationpolicies.security.istio.io`; `find` if there is none
	Reason         string
	Workloads      bool // Snapshot.Workloads lacks them

	file *source.File
}

func (u *Unread) String() string {
	return fmt.Sprintf("cannot %s %s: %s", u.Verb, u.Resource, u.Reason)
}

// Progress is called with what is being read, and how many objects have been read so far.
type Progress func(resource string, objects int)

// Page is how many objects one request asks for, as many as kubectl does.
const Page = 500

// parallel is how many kinds are read at the same time.
const parallel = 6

// Options says what to read.
type Options struct {
	Context       string // of the kubeconfig; empty: its current one
	RootNamespace string // of the mesh
	Istiod        string // the namespace in which istiod runs, which has the settings of the mesh; empty: the root namespace
	PoliciesOnly  bool   // without what runs in the cluster
}

// Read reads a cluster. The error says why nothing is known about it; a kind that it keeps to itself is in Unread.
func Read(ctx context.Context, o Options, progress Progress) (*Snapshot, error) {
	client, name, err := connect(o.Context)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{Context: name, of: map[*source.File]*Object{}}
	all := slices.DeleteFunc(resources(cmp.Or(o.Istiod, o.RootNamespace)), func(r *resource) bool { return o.PoliciesOnly && !r.policies })
	if err := discover(ctx, client, all); err != nil {
		return nil, s.failed(ctx, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	lists := make([]list, len(all))
	var wait sync.WaitGroup
	var counting sync.Mutex
	count := 0
	slots := make(chan struct{}, parallel)
	for i, r := range all {
		if r.plural == "" || !r.list {
			continue
		}
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			err := lists[i].read(ctx, client, s, r, func(n int) {
				counting.Lock()
				defer counting.Unlock()
				count += n
				progress(r.name(), count)
			})
			if err != nil && !lists[i].refused(err) {
				cancel(err)
			}
		})
	}
	wait.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, s.failed(ctx, err)
	}
	for i, r := range all {
		l := &lists[i]
		s.Objects = append(s.Objects, l.objects...)
		s.addresses = append(s.addresses, l.addresses...)
		switch {
		case l.unread != "":
		case r.plural != "" && !r.list:
			l.unread = "the cluster cannot list it"
		case r.plural == "" && r.stale:
			l.unread = "the server that has its group is unavailable"
		case r.plural == "" && isRequired(r):
			l.unread = "the cluster does not serve it; is Istio installed?"
		}
		if l.unread != "" {
			s.Unread = append(s.Unread, s.unread(r, "list", l.unread))
		}
	}
	for _, o := range s.Objects {
		s.of[o.File] = o
	}
	s.findSettings(all)
	s.overlookZtunnel(o.RootNamespace)
	return s, nil
}

// refused reports whether an error is about one kind alone, which is then unread.
func (l *list) refused(err error) bool {
	switch {
	case apierrors.IsForbidden(err):
		l.unread = "forbidden"
	case apierrors.IsNotFound(err), apierrors.IsMethodNotSupported(err):
		l.unread = "the cluster does not serve it any more"
	case apierrors.IsServiceUnavailable(err):
		l.unread = "the server that has it is unavailable"
	default:
		return false
	}
	l.objects = nil
	return true
}

// failed names the cluster in an error.
func (s *Snapshot) failed(ctx context.Context, err error) error {
	switch {
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded) || errors.Is(err, context.DeadlineExceeded):
		err = errors.New("it did not answer in time; --timeout says how long it may take")
	case apierrors.IsUnauthorized(err):
		err = errors.New("it does not accept the credentials of the kubeconfig")
	}
	return fmt.Errorf("cluster %s: %w", s.Context, err)
}

// Manifests returns the policies and routes, and a manifest of the kind Unread for each kind that was not read.
// They are never nil: that a cluster has none is an answer.
func (s *Snapshot) Manifests() []*source.File {
	files := []*source.File{}
	for _, o := range s.Objects {
		if o.resource.policies {
			files = append(files, o.File)
		}
	}
	return append(files, s.missing()...)
}

// NoSettings says where the settings of the mesh were not found; nil if they were.
func (s *Snapshot) NoSettings() *Unread { return s.settings }

// missing returns a manifest of the kind Unread for each kind that was not read.
func (s *Snapshot) missing() (files []*source.File) {
	for i := range s.Unread {
		files = append(files, s.Unread[i].file)
	}
	if s.settings != nil {
		files = append(files, s.settings.file)
	}
	return files
}

// Workloads returns what runs in the cluster and how it is called.
func (s *Snapshot) Workloads() (files []*source.File) {
	for _, o := range s.Objects {
		if o.resource.workloads {
			files = append(files, o.File)
		}
	}
	return files
}

// Directory returns which pods and Services have which addresses.
func (s *Snapshot) Directory() *directory.Directory { return directory.New(s.addresses) }

// Of returns the object that a file is of; nil if it is of none.
func (s *Snapshot) Of(file *source.File) *Object { return s.of[file] }

func isRequired(r *resource) bool {
	return strings.HasSuffix(r.group, ".istio.io") && slices.Contains(required, r.kind)
}

// fileName is where findings say that an object is.
func (s *Snapshot) fileName(parts ...string) string {
	return project.ClusterName + s.Context + "> " + strings.Join(parts, "/")
}

// findSettings notes that a cluster has a mesh and no settings of it where they were looked for.
func (s *Snapshot) findSettings(all []*resource) {
	var served bool
	var settings *resource
	for _, r := range all {
		served = served || isRequired(r) && r.plural != ""
		if r.kind == configMap {
			settings = r
		}
	}
	isSettings := func(o *Object) bool { return o.resource == settings }
	isUnread := func(u Unread) bool { return u.Resource == settings.name() }
	if served && !slices.ContainsFunc(s.Objects, isSettings) && !slices.ContainsFunc(s.Unread, isUnread) {
		u := s.unread(settings, "find", "none has the settings of a mesh")
		s.settings = &u
	}
}

// unread says that there may be objects of a kind.
func (s *Snapshot) unread(r *resource, verb, reason string) Unread {
	if r.namespace != "" {
		reason += " in namespace " + r.namespace
	}
	u := Unread{Verb: verb, Resource: r.name(), Reason: reason, Workloads: r.workloads}
	u.file = source.NewFile(s.fileName(u.Resource), fmt.Sprintf("apiVersion: meshc.dev/v1\nkind: Unread\nmetadata:\n  name: %s\nspec:\n  verb: %s\n  group: %q\n  kind: %s\n  reason: %q\n", u.Resource, u.Verb, r.group, r.kind, reason))
	return u
}
