// Package directory maps the addresses of a cluster to its pods, from what kubectl lists.
package directory

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"github.com/meshc/meshc/compiler/policy"
)

// Directory is the pods and Services of a cluster, by address and by name. The nil Directory is empty.
type Directory struct {
	pods      []*Pod
	byAddress map[netip.Addr]*Pod
	services  map[netip.Addr]*Service
}

// Pod is a pod that runs.
type Pod struct {
	Namespace, Name, Account string
	Labels                   map[string]string
}

// Service is a Kubernetes Service with an address of its own.
type Service struct{ Namespace, Name string }

// Object is what is needed of a Pod or a Service.
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
type Object struct {
	Kind     string
	Metadata struct {
		Namespace, Name string
		Labels          map[string]string
	}
	Spec struct {
		ServiceAccountName string
		HostNetwork        bool
		ClusterIPs         []string
	}
	Status struct {
		Phase  string
		PodIP  string
		PodIPs []struct{ IP string }
	}
}

// Read reads what `kubectl get pods -A -o json` prints; with `pods,services` it has the addresses of Services, too.
func Read(r io.Reader) (*Directory, error) {
	var list struct {
		Kind  string
		Items []Object
	}
	if err := json.NewDecoder(r).Decode(&list); err != nil {
		return nil, fmt.Errorf("want the output of kubectl get pods -A -o json: %w", err)
	}
	if list.Items == nil {
		return nil, errors.New("want the output of kubectl get pods -A -o json, which has a list of items")
	}
	return New(list.Items), nil
}

// New returns the directory of objects. Those of other kinds than Pod and Service are overlooked.
func New(objects []Object) *Directory {
	d := &Directory{byAddress: map[netip.Addr]*Pod{}, services: map[netip.Addr]*Service{}}
	for i := range objects {
		switch o := &objects[i]; o.Kind {
		case "Pod":
			d.pod(o)
		case "Service":
			for _, text := range o.Spec.ClusterIPs {
				if a, err := netip.ParseAddr(text); err == nil {
					d.services[a.Unmap()] = &Service{o.Metadata.Namespace, o.Metadata.Name}
				}
			}
		}
	}
	return d
}

// pod adds a pod. The addresses of those that have ended may be those of others by now, and pods on the network of
// their node have the address of all of these.
func (d *Directory) pod(o *Object) {
	p := &Pod{o.Metadata.Namespace, o.Metadata.Name, o.Spec.ServiceAccountName, o.Metadata.Labels}
	d.pods = append(d.pods, p)
	if o.Spec.HostNetwork || o.Status.Phase == "Succeeded" || o.Status.Phase == "Failed" {
		return
	}
	addresses := []string{o.Status.PodIP}
	for _, ip := range o.Status.PodIPs {
		addresses = append(addresses, ip.IP)
	}
	for _, text := range addresses {
		if a, err := netip.ParseAddr(text); err == nil {
			d.byAddress[a.Unmap()] = p
		}
	}
}

// PodAt returns the pod that has an address; nil where none is known.
func (d *Directory) PodAt(a netip.Addr) *Pod {
	if d == nil {
		return nil
	}
	return d.byAddress[a]
}

// ServiceAt returns the Kubernetes Service that has an address; nil where none is known.
func (d *Directory) ServiceAt(a netip.Addr) *Service {
	if d == nil {
		return nil
	}
	return d.services[a]
}

// PodNamed returns the only pod of a name; nil where there is none, or pods of several namespaces are called so. An
// empty namespace stands for all.
func (d *Directory) PodNamed(namespace, name string) (found *Pod) {
	if d == nil {
		return nil
	}
	for _, p := range d.pods {
		if p.Name == name && (namespace == "" || p.Namespace == namespace) {
			if found != nil {
				return nil
			}
			found = p
		}
	}
	return found
}

// ServiceOf returns the service of a policy that a pod belongs to, by its labels and its account; nil where there is
// none.
func (p *Pod) ServiceOf(from *policy.Policy) *policy.Service {
	for _, s := range from.Services() {
		if s.Namespace != p.Namespace || len(s.Labels) == 0 || s.Proxied() && s.Account != "" && !s.RunsAs(p.Account) {
			continue
		}
		if !slices.ContainsFunc(s.Labels, func(l policy.Label) bool { return p.Labels[l.Key] != l.Value }) {
			return s
		}
	}
	return nil
}
