package cluster

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/bearing"
)

// Refusal is a condition by which a data plane of Istio says that it does not enforce an object.
// https://istio.io/latest/docs/reference/config/status/
type Refusal struct {
	Text   string
	Partly bool // it enforces the rest

	ztunnel bool
}

// refusals reads a status, which may be that of another controller.
func refusals(status json.RawMessage) (all []Refusal) {
	var s struct {
		Conditions []struct{ Type, Status, Reason, Message string } // istiod writes observedGeneration as a text, unlike Kubernetes
	}
	if len(status) == 0 || json.Unmarshal(status, &s) != nil {
		return nil
	}
	for _, c := range s.Conditions {
		partly := c.Status == "True" && (c.Reason == "PartiallyInvalid" || c.Reason == "UnsupportedValue")
		if (c.Type == "WaypointAccepted" || c.Type == "ZtunnelAccepted") && (c.Status == "False" || partly) {
			text := strings.TrimRight(c.Type+" is "+c.Status+": "+cmp.Or(c.Message, c.Reason), ": ")
			all = append(all, Refusal{Text: text, Partly: partly, ztunnel: c.Type == "ZtunnelAccepted"})
		}
	}
	return all
}

// overlookZtunnel drops what ztunnel says of objects that other proxies enforce: istiod writes it wherever a namespace
// is in ambient mode.
func (s *Snapshot) overlookZtunnel(root string) {
	ambient := map[string]bool{}
	for _, o := range s.Objects {
		if o.resource.kind == "Namespace" && o.labels[bearing.DataplaneMode] == "ambient" {
			ambient[o.name], ambient[root] = true, true
		}
	}
	for _, o := range s.Objects {
		if !ambient[o.namespace] {
			o.Refusals = slices.DeleteFunc(o.Refusals, func(r Refusal) bool { return r.ztunnel })
		}
	}
}
