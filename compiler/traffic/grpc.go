package traffic

import (
	"strconv"
	"strings"
)

// grpcLines puts together what servers of gRPC in Go, which enforce policies without a proxy, write about a request
// that they refuse, at verbosity 2: the rule that denies it, if one does, the method, and who called. They write
// neither where nor at which time in UTC.
// https://github.com/grpc/grpc-go/blob/master/internal/xds/rbac/rbac_engine.go
type grpcLines struct {
	by   string // the rule that denies the request
	path string // of the request
}

// grpcMessage is a message of gRPC's RBAC filter; ok is false for another line.
func grpcMessage(line string) (text string, ok bool) {
	_, text, ok = strings.Cut(line, " INFO: [rbac] ")
	return text, ok
}

// take reads a message. The call is complete with the one that says who called.
func (g *grpcLines) take(text, pod string) (done *Call, ok bool) {
	if rest, found := strings.CutPrefix(text, "incoming RPC matched to policy "); found {
		name, action, _ := strings.Cut(rest, " in engine with action ")
		if *g = (grpcLines{}); action == "DENY" {
			g.by = strings.Clone(name)
		}
		return nil, true
	}
	if path, found := strings.CutPrefix(text, "checking request: url path="); found {
		g.path = strings.Clone(path)
		return nil, true
	}
	names, found := strings.CutPrefix(text, "uri sans=[")
	was := *g
	if *g = (grpcLines{}); !found || was.path == "" {
		return nil, found
	}
	c := &Call{Method: "POST", Path: was.path, HTTP: true, Outcome: Refused, By: Rule{Number: -1}, Detail: was.by}
	c.To.Pod = pod
	if quoted, err := strconv.QuotedPrefix(names); err == nil {
		name, _ := strconv.Unquote(quoted)
		c.From.Identity = principal(name)
	}
	c.From.Anonymous = c.From.Identity == ""
	if was.by == "" {
		return c, true
	}
	// https://github.com/istio/istio/blob/master/pilot/pkg/networking/grpcgen/lds.go (buildRBAC)
	end := strings.LastIndexByte(was.by, '-')
	number, err := strconv.Atoi(was.by[end+1:])
	if end <= 0 || err != nil {
		return nil, false
	}
	c.By = Rule{Policy: was.by[:end], Number: number}
	return c, true
}
