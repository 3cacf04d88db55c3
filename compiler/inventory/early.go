package inventory

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// Early is an init container that ends before the proxy of its pod starts, unless that is a native sidecar. Istio makes
// it one since 1.27 where the kubelet of every node is of Kubernetes 1.33 or later, and puts it in front of the other
// init containers but those that an annotation of the pod names: DetectNativeSidecar and reorderPod in
// https://github.com/istio/istio/blob/master/pkg/kube/inject/webhook.go. The annotation for single pods is there since
// 1.24 and goes before what istiod has: https://istio.io/latest/news/releases/1.24.x/announcing-1.24/change-notes/
type Early struct {
	Container string
	Why       string // what shows that the proxy is no native sidecar, in words; empty if nothing shows what it is
	WhyAt     source.Span
	At        source.Span // the container's name

	words []string
}

// Names reports whether a Service occurs in the command, the arguments or the variables of an init container; near is
// set if it is of the same namespace.
func (e *Early) Names(name, namespace string, near bool) bool {
	return slices.ContainsFunc(e.words, func(word string) bool {
		return near && word == name || word == name+"."+namespace || strings.HasPrefix(word, name+"."+namespace+".svc")
	})
}

// nativeSidecar is where istiod and its chart say whether proxies are native sidecars: true, false, or auto as if it
// were not there.
const nativeSidecar = "ENABLE_NATIVE_SIDECARS"

// early finds the init containers of a pod that may start before its proxy.
func (f *file) early(p *pod, spec, annotations *yaml.Node, template *corev1.PodTemplateSpec) {
	ofAll, ofAllAt := "", source.Span{}
	for _, c := range template.Spec.Containers {
		if c.Name == "istio-proxy" {
			ofAll, ofAllAt = "its manifest has the proxy among the other containers", p.At
		}
		for _, v := range c.Env {
			if on, err := strconv.ParseBool(v.Value); v.Name == nativeSidecar && err == nil {
				at := f.doc.Span(yamldoc.Get(spec, "containers"))
				f.keep("", "", "", at, func(r *reader) { r.native = &native{!on, at} })
			}
		}
	}
	before := strings.Split(template.Annotations[bearing.BeforeProxy], ",")
	native, err := strconv.ParseBool(template.Annotations[bearing.NativeSidecar])
	if err == nil && !native {
		ofAll, ofAllAt = bearing.NativeSidecar+" is false", f.doc.Span(yamldoc.Get(annotations, bearing.NativeSidecar))
	}
	list := yamldoc.Get(spec, "initContainers")
	for i, c := range template.Spec.InitContainers {
		why, at := ofAll, ofAllAt
		switch {
		case c.Name == "istio-proxy":
			return // it is one, and the others come after it
		case c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways:
			continue
		case slices.Contains(before, c.Name):
			why, at = bearing.BeforeProxy+" names it", f.doc.Span(yamldoc.Get(annotations, bearing.BeforeProxy))
		case native:
			continue
		}
		e := Early{Container: c.Name, Why: why, WhyAt: at, At: f.doc.Span(cmp.Or(yamldoc.Get(item(list, i), "name"), item(list, i)))}
		texts := slices.Concat(c.Command, c.Args)
		for _, v := range c.Env {
			texts = append(texts, v.Value)
		}
		for _, text := range texts {
			e.words = append(e.words, strings.FieldsFunc(text, func(r rune) bool {
				return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '.')
			})...)
		}
		p.Early = append(p.Early, e)
	}
}

// native is what the manifest of istiod says of all proxies.
type native struct {
	off bool
	at  source.Span
}

// judgeEarly adds what istiod says of the proxies of all pods.
func (p *pod) judgeEarly(of *native) {
	for i := range p.Early {
		if e := &p.Early[i]; of != nil && of.off && e.Why == "" {
			e.Why, e.WhyAt = "istiod has "+nativeSidecar+"=false", of.at
		}
	}
	if of != nil && !of.off {
		p.Early = slices.DeleteFunc(p.Early, func(e Early) bool { return e.Why == "" })
	}
}
