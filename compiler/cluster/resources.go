package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	discovery "k8s.io/api/apidiscovery/v2"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/meshc/meshc/compiler/bearing"
)

// resource is a kind of object that is read, and where a cluster serves it.
type resource struct {
	group, kind string
	policies    bool   // it is read as a manifest
	workloads   bool   // it is read as what manifests are for
	namespace   string // the only one in which it is read; empty: it is in all

	version, plural string // empty where the cluster does not serve it
	list            bool   // the cluster can list it
	stale           bool   // what the cluster says of its group may be wrong
}

// name is what RBAC and kubectl call it.
func (r *resource) name() string {
	plural := cmp.Or(r.plural, usualPlural(r.kind))
	if r.group == "" {
		return plural
	}
	return plural + "." + r.group
}

// unusual is the plurals that are not formed as Kubernetes forms others.
var unusual = map[string]string{
	"Elasticsearch":    "elasticsearches",
	"Gateway":          "gateways",
	"MongoDBCommunity": "mongodbcommunity",
	"Redis":            "redis",
}

// usualPlural is what a kind is called in the API of a cluster that serves it.
func usualPlural(kind string) string {
	guessed, _ := meta.UnsafeGuessKindToResource(schema.GroupVersionKind{Kind: kind})
	return cmp.Or(unusual[kind], guessed.Resource)
}

func (r *resource) apiVersion() string {
	if r.group == "" {
		return r.version
	}
	return r.group + "/" + r.version
}

// path is where its objects are.
func (r *resource) path() string {
	root, in := "/apis/", "/"
	if r.group == "" {
		root = "/api/"
	}
	if r.namespace != "" {
		in = "/namespaces/" + r.namespace + "/"
	}
	return root + r.apiVersion() + in + r.plural
}

// required is the kinds without which nothing can be said about a mesh: a cluster that does not serve them has no
// Istio.
var required = []string{"AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication", "DestinationRule"}

// configMap is the kind of the settings of meshes, one for each revision of Istio. No other ConfigMaps are kept.
const configMap = "ConfigMap"

// resources returns every kind that bears on who reaches whom, sorted by group and kind. The settings of a mesh are in
// one namespace.
func resources(settings string) []*resource {
	byName := map[string]*resource{}
	for i := range bearing.Facts {
		f := &bearing.Facts[i]
		if !f.Kind() || f.Harmless != "" {
			continue
		}
		group, kind, _ := strings.Cut(f.Name, "/")
		namespace := ""
		if f.Name == bearing.MeshConfig {
			kind, namespace = configMap, settings
		}
		r := byName[f.Name]
		if r == nil {
			r = &resource{group: group, kind: kind, namespace: namespace}
			byName[f.Name] = r
		}
		r.policies = r.policies || f.On != bearing.Workloads || kind == "Namespace" // whose labels choose what enforces policies
		r.workloads = r.workloads || f.On != bearing.Policies
	}
	all := make([]*resource, 0, len(byName))
	for _, r := range byName {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *resource) int { return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.kind, b.kind)) })
	return all
}

// aggregated is how a client asks for all resources at once, which API servers answer since Kubernetes 1.27.
// https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery
const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

// discover finds out where a cluster serves resources.
func discover(ctx context.Context, client *rest.RESTClient, all []*resource) error {
	for _, root := range []string{"/api", "/apis"} {
		text, err := get(ctx, client.Get().AbsPath(root).SetHeader("Accept", aggregated))
		if err != nil {
			return err
		}
		var served discovery.APIGroupDiscoveryList
		if err := json.Unmarshal(text, &served); err != nil {
			return fmt.Errorf("what is served at %s: %w", root, err)
		}
		if served.Kind != "APIGroupDiscoveryList" {
			return fmt.Errorf("the API server does not list its resources as those of Kubernetes 1.27 and later do")
		}
		for i := range served.Items {
			for _, r := range all {
				if r.group == served.Items[i].Name {
					r.find(served.Items[i].Versions)
				}
			}
		}
	}
	return nil
}

// find takes the version of a group that the cluster prefers: it comes first.
func (r *resource) find(versions []discovery.APIVersionDiscovery) {
	for _, v := range versions {
		r.stale = r.stale || v.Freshness == discovery.DiscoveryFreshnessStale
		for _, served := range v.Resources {
			if served.ResponseKind != nil && served.ResponseKind.Kind == r.kind && r.plural == "" {
				r.version, r.plural, r.list = v.Version, served.Resource, slices.Contains(served.Verbs, "list")
			}
		}
	}
}
