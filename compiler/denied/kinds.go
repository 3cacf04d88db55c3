// Package denied summarizes the refusals in a log, and asks a policy for the reasons.
//
// Calls that failed for the same reason, from the same caller to the same port of the same callee, are of one kind.
// The number of kinds, and of requests kept for each, is bounded, so a log of any length is read in constant memory;
// the excess is counted.
package denied

import (
	"cmp"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/traffic"
)

// limits bound what is kept.
type limits struct{ kinds, requests int } // the requests of one kind

var ofLog, ofReplay = limits{2000, 20}, limits{100_000, 100}

// Bounds that hold for both.
const (
	maxPath    = 1024    // bytes of one request
	maxCallers = 20      // of one kind, where it is not known who they are
	maxAll     = 100_000 // requests of all kinds
)

// Kinds is the calls of a log that did not reach their callee.
type Kinds struct {
	Answered int // calls that did
	Rest     int // calls of kinds that are not kept

	replay bool // the kinds are those of calls that did reach it
	limits limits
	kept   int // requests
	ends   *ends
	byKey  map[key]*Kind
}

// Kind is calls that failed alike.
type Kind struct {
	Ends
	Outcome     traffic.Outcome
	By          traffic.Rule
	Detail      string // of the first call
	Count       int
	From, Until string    // when it was seen first and last; empty where no line says
	Requests    []Request // in the order in which they were seen; empty for connections
	More        int       // requests with other methods or paths
	Callers     []string  // of unknown callers, what is known of the first few
	Others      bool      // whether there were more of these

	byRequest map[[2]string]int
}

// Request is a request of a kind.
type Request struct {
	Method, Path string
	Count        int
}

type key struct {
	caller, callee string
	port           uint16
	outcome        traffic.Outcome
	by             traffic.Rule
	detail         string
}

// New returns the kinds of an empty log.
func New(a *compiler.Asking) *Kinds {
	return &Kinds{limits: ofLog, ends: newEnds(a), byKey: map[key]*Kind{}}
}

// Replay returns the kinds of no calls. It keeps those that reached their callee, to ask whether they still would.
func Replay(a *compiler.Asking) *Kinds {
	return &Kinds{replay: true, limits: ofReplay, ends: newEnds(a), byKey: map[key]*Kind{}}
}

// Add counts a call.
func (k *Kinds) Add(c *traffic.Call) {
	answered := c.Outcome == traffic.Answered || k.replay && c.Outcome == traffic.WouldRefuse
	if answered {
		k.Answered += max(c.Count, 1)
	}
	if answered != k.replay {
		return
	}
	c.By = k.ends.rule(c.By)
	e := k.ends.of(c)
	at := key{caller: e.Caller, callee: e.Callee, port: e.Port, outcome: c.Outcome, by: c.By}
	if answered {
		at.outcome, at.by = traffic.Answered, traffic.Rule{}
	} else if c.Outcome != traffic.Refused {
		at.detail = c.Detail
	}
	kind := k.byKey[at]
	if kind == nil {
		if len(k.byKey) >= k.limits.kinds {
			k.Rest += max(c.Count, 1)
			return
		}
		at.detail, at.by.Namespace, at.by.Policy = strings.Clone(at.detail), strings.Clone(at.by.Namespace), strings.Clone(at.by.Policy)
		kind = &Kind{Ends: *e, Outcome: at.outcome, By: at.by, Detail: strings.Clone(c.Detail), byRequest: map[[2]string]int{}}
		k.byKey[at] = kind
	}
	k.add(kind, c)
	if e.Caller == "" {
		kind.calledBy(e.Unnamed)
	}
}

// calledBy notes a caller that is not known.
func (k *Kind) calledBy(unnamed string) {
	switch {
	case slices.Contains(k.Callers, unnamed):
	case len(k.Callers) < maxCallers:
		k.Callers = append(k.Callers, strings.Clone(unnamed))
	default:
		k.Others = true
	}
}

// leaves reports whether the calls of a kind are to a host outside the mesh, where nothing looks at methods and paths.
func (k *Kind) leaves() bool { return k.Query != nil && k.Query.External != nil }

func (all *Kinds) add(k *Kind, c *traffic.Call) {
	n := max(c.Count, 1)
	k.Count += n
	if c.At != "" {
		if first := cmp.Or(c.First, c.At); k.From == "" || first < k.From {
			k.From = strings.Clone(first)
		}
		if c.At > k.Until {
			k.Until = strings.Clone(c.At)
		}
	}
	if c.Method == "" || k.leaves() {
		return
	}
	i, ok := k.byRequest[[2]string{c.Method, c.Path}]
	switch {
	case ok:
		k.Requests[i].Count += n
	case len(k.Requests) < all.limits.requests && all.kept < maxAll && len(c.Method)+len(c.Path) <= maxPath:
		all.kept++
		request := [2]string{strings.Clone(c.Method), strings.Clone(c.Path)}
		k.byRequest[request] = len(k.Requests)
		k.Requests = append(k.Requests, Request{request[0], request[1], n})
	default:
		k.More += n
	}
}

// All returns the kinds: what policies refused first, then the most frequent.
func (k *Kinds) All() []*Kind {
	all := make([]*Kind, 0, len(k.byKey))
	for _, kind := range k.byKey {
		all = append(all, kind)
	}
	slices.SortFunc(all, func(a, b *Kind) int {
		return cmp.Or(cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(b.Count, a.Count), cmp.Compare(a.From, b.From),
			cmp.Compare(a.Caller, b.Caller), cmp.Compare(a.Callee, b.Callee), cmp.Compare(a.Port, b.Port),
			cmp.Compare(a.By.Policy, b.By.Policy), cmp.Compare(a.By.Number, b.By.Number), cmp.Compare(a.Detail, b.Detail))
	})
	return all
}
