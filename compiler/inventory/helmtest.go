package inventory

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// helmTest returns the annotation by which Helm creates an object for `helm test` alone; zero if it does not.
// https://helm.sh/docs/topics/charts_hooks/
func (f *file) helmTest(n *yaml.Node) source.Span {
	hooks := yamldoc.Get(n, "metadata", "annotations", bearing.HelmHook)
	for _, hook := range strings.Split(yamldoc.Scalar(hooks), ",") {
		if hook = strings.TrimSpace(hook); hook != "test" && hook != "test-success" && hook != "test-failure" {
			return source.Span{}
		}
	}
	return f.doc.Span(hooks)
}

// leaveTestsOut drops what only `helm test` creates and has the name of a workload with another account: charts give
// their tests the labels of what they test.
func (r *reader) leaveTestsOut() {
	r.pods = slices.DeleteFunc(r.pods, func(p *pod) bool {
		if p.test.IsZero() {
			return false
		}
		i := slices.IndexFunc(r.pods, func(q *pod) bool {
			return q != nil && q.test.IsZero() && q.Namespace == p.Namespace && q.Service == p.Service && q.Account != p.Account
		})
		if i < 0 {
			return false
		}
		r.findings.Add(diag.HelmTest, p.test, "the %s %s is left out: only `helm test` creates it, and it has the labels of the %s %s", p.Kind, p.Object, r.pods[i].Kind, r.pods[i].Object).
			WithNote("its calls are those of the account %s, which may be refused", p.Account).
			WithHelp("for it to call what %s may call, give it the same account: `serviceAccountName: %s`", p.Service, r.pods[i].Account)
		return true
	})
}
