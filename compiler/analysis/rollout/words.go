package rollout

import (
	"fmt"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
)

// The most services and calls in one line.
const (
	mostServices = 6
	mostCalls    = 4
)

// String is the data plane in words: `sidecars`, or `ambient mode behind shop/waypoint`.
func (d Dataplane) String() string {
	text := "ambient mode"
	switch {
	case d.Moving:
		text = "sidecars or ambient mode"
	case d.Dataplane == policy.Sidecar:
		text = "sidecars"
	}
	switch {
	case d.Joining:
		text += ", behind " + d.Waypoint + " or not"
	case d.Waypoint != "":
		text += " behind " + d.Waypoint
	}
	return text
}

// String is what is replaced by what: `shop: ambient mode behind shop/waypoint (was sidecars)`.
func (r *Replacement) String() string {
	return fmt.Sprintf("%s: %s (was %s)", r.Who(), r.After, r.Before)
}

// Who is the namespace, or the services of it.
func (r *Replacement) Who() string {
	if r.Services == nil {
		return r.Namespace
	}
	return strings.Join(few(r.Services, mostServices), ", ")
}

func few(names []string, most int) []string {
	if more := len(names) - most; more > 0 {
		return append(names[:most:most], fmt.Sprintf("%d more", more))
	}
	return names
}

// String is the calls: `shop/web, shop/jobs -> shop/api`.
func (s *Stray) String() string {
	return strings.Join(few(s.Callers, mostServices), ", ") + " -> " + s.Callee
}

// Effect is what a change of the data plane does to running pods and to calls, and what is to be done when.
func (r *Replacement) Effect() string {
	toAmbient := r.After.Dataplane == policy.Ambient
	switch before, after := r.Before, r.After; {
	case after.Moving && before.Dataplane == policy.Sidecar:
		return "the policies hold for pods with sidecars and for those without, so that pods can move, in the order that `meshc migrate --to ambient` lists" + r.otherwise()
	case after.Moving:
		return "the policies hold for pods with sidecars and for those without, so that pods can get sidecars, those of a callee before those of its callers" + r.otherwise()
	case before.Moving && toAmbient:
		return "the policies no longer hold for pods with sidecars: publish it once no pod has one" + r.otherwise()
	case before.Moving:
		return "the policies no longer hold for pods without sidecars: publish it once every pod has one, and take the label `istio.io/dataplane-mode` off its Namespace after that" + r.otherwise()
	case after.Joining:
		return "the policies hold whether its Services name the waypoint or not, so that their labels can change" + r.otherwise()
	case before.Joining && after.Waypoint != "":
		return "the policies no longer hold for calls past the waypoint: publish it once its Services name it" + r.otherwise()
	case before.Joining:
		return "the policies no longer hold for calls through the waypoint: publish it once none of its Services names it" + r.otherwise()
	}
	text := "calls pass a waypoint as the labels of its Services say, and these change at another time than its policies" + r.order("label them")
	if r.Before.Dataplane != r.After.Dataplane {
		text = "pods that run keep their sidecars until they are restarted"
		if !toAmbient {
			text = "pods that run get no sidecar until they are restarted, and are in no mesh once the label `istio.io/dataplane-mode` is taken off, so do that last"
		}
		text += r.order("restart them")
	}
	if r.Abrupt() {
		text += "; to refuse none, take this back and " + r.steps()
	}
	return text
}

// order is what becomes of calls in between, and which order is safe if one is.
func (r *Replacement) order(act string) string {
	switch {
	case len(r.Late) == 0 && len(r.Early) == 0:
		return "; no call is refused meanwhile"
	case len(r.Late) == 0:
		return "; " + act + " once this is applied: before, " + calls(r.Early)
	case len(r.Early) == 0:
		return "; " + act + " before this is applied: after it, " + calls(r.Late) + " until then"
	}
	return r.meanwhile(r.Late)
}

func (r *Replacement) meanwhile(strays []Stray) string {
	if len(strays) == 0 {
		return ""
	}
	return "; until then, " + calls(strays)
}

// otherwise is what becomes of calls where something is published too early.
func (r *Replacement) otherwise() string {
	if len(r.Late) == 0 {
		return ""
	}
	return "; too early, " + calls(r.Late)
}

// calls says which calls are refused, and which are let through.
func calls(strays []Stray) string {
	words := [3][]string{}
	for i := range strays {
		n := 0
		switch {
		case strays[i].Share:
			n = 1
		case strays[i].Opens:
			n = 2
		}
		words[n] = append(words[n], strays[i].String())
	}
	var all []string
	for n, does := range [...]string{"calls are refused", "a share of the calls is refused", "calls pass that may not"} {
		if len(words[n]) > 0 {
			all = append(all, does+" ("+strings.Join(few(words[n], mostCalls), "; ")+")")
		}
	}
	return strings.Join(all, ", and ")
}

// steps is the way from one data plane to the other on which the policies hold for both.
func (r *Replacement) steps() string {
	entry := func(plane, other string, d Dataplane) string {
		waypoint := ""
		if d.Waypoint != "" {
			waypoint = ", waypoint: " + strings.TrimPrefix(d.Waypoint, r.Namespace+"/")
		}
		return fmt.Sprintf("first publish `dataplanes: {%s: {%s: {%s%s}}}`", r.Namespace, plane, other, waypoint)
	}
	switch before, after := r.Before, r.After; {
	case before.Dataplane == policy.Sidecar:
		return "go in the steps that `meshc migrate --to ambient` plans: `meshc migrate --to ambient --next` makes the first"
	case after.Dataplane == policy.Sidecar:
		return entry("ambient", "from: sidecar", before) + ", then give the pods sidecars, those of a callee before those of its callers, and then publish this"
	case before.Waypoint == "":
		return entry("ambient", "from: ambient", after) + ", then label the Services, and then publish this"
	case after.Waypoint == "":
		return entry("ambient", "from: ambient", before) + ", then take the label `istio.io/use-waypoint` off, and then publish this"
	}
	return "make the new waypoint a canary of the old one first (the label `istio.io/use-waypoint-canary`), then the old one of the new one, and then publish this"
}
