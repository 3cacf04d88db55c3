package bearing

import "strings"

// added are labels that pods get from what creates or admits them, so that their manifests do not have them.
// https://kubernetes.io/docs/reference/labels-annotations-taints/
// https://istio.io/latest/docs/reference/config/labels/
// https://cloudnative-pg.io/documentation/current/labels_annotations/
// https://github.com/prometheus-operator/prometheus-operator/blob/main/pkg/prometheus/common.go
var added = map[string]bool{
	"apps.kubernetes.io/pod-index":             true,
	"batch.kubernetes.io/controller-uid":       true,
	"batch.kubernetes.io/job-completion-index": true,
	"batch.kubernetes.io/job-name":             true,
	"cnpg.io/instanceName":                     true,
	"cnpg.io/instanceRole":                     true,
	"controller-revision-hash":                 true,
	"controller-uid":                           true,
	"job-name":                                 true,
	"operator.prometheus.io/shard":             true,
	"pod-template-generation":                  true,
	"pod-template-hash":                        true,
	"security.istio.io/tlsMode":                true,
	"service.istio.io/canonical-name":          true,
	"service.istio.io/canonical-revision":      true,
	"service.istio.io/workload-name":           true,
	"statefulset.kubernetes.io/pod-name":       true,
	"topology.istio.io/network":                true,
	Revision:                                   true,
}

// Added reports whether pods may have a label that their manifests lack.
func Added(label string) bool {
	return added[label] || strings.HasPrefix(label, "topology.kubernetes.io/")
}
