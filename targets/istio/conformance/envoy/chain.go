package envoy

import (
	"fmt"
	"maps"
	"slices"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	rbac "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	rbachttp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	rbactcp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/rbac/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// Chain holds the RBAC filters that a request passes, in order.
type Chain []filter

// filter is one RBAC filter. A nil engine allows everything.
type filter struct{ rules, shadow *engine }

// Verdict is the decision of a chain on a request.
type Verdict struct {
	Allowed bool
	Policy  string // the policy and rule that matched last, or empty

	// ShadowDenied reports whether policies in dry-run would have denied the request: a DENY rule matched, or there are
	// ALLOW rules and none matched.
	ShadowDenied bool
}

// HTTP reads the filters of an HTTP chain.
func HTTP(filters []*hcm.HttpFilter) (Chain, error) {
	var chain Chain
	for _, f := range filters {
		config := &rbachttp.RBAC{}
		if err := open(f.GetTypedConfig(), config); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		if config.Matcher != nil || config.ShadowMatcher != nil || config.TrackPerRuleStats {
			return nil, fmt.Errorf("%s: has a matcher tree", f.Name)
		}
		next, err := read(config.Rules, config.ShadowRules)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		chain = append(chain, next)
	}
	return chain, nil
}

// TCP reads the filters of a TCP chain.
func TCP(filters []*listener.Filter) (Chain, error) {
	var chain Chain
	for _, f := range filters {
		config := &rbactcp.RBAC{}
		if err := open(f.GetTypedConfig(), config); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		if config.Matcher != nil || config.ShadowMatcher != nil || config.EnforcementType != rbactcp.RBAC_ONE_TIME_ON_FIRST_BYTE {
			return nil, fmt.Errorf("%s: has a matcher tree or another enforcement type", f.Name)
		}
		next, err := read(config.Rules, config.ShadowRules)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		chain = append(chain, next)
	}
	return chain, nil
}

// configuration is a message with Envoy's own validation.
type configuration interface {
	proto.Message
	ValidateAll() error
}

// open unpacks a filter's configuration, and fails if Envoy would reject it.
func open(packed *anypb.Any, into configuration) error {
	if err := packed.UnmarshalTo(into); err != nil {
		return err
	}
	return into.ValidateAll()
}

func read(rules, shadow *rbac.RBAC) (f filter, err error) {
	if f.rules, err = newEngine(rules); err != nil {
		return f, err
	}
	f.shadow, err = newEngine(shadow)
	return f, err
}

// Decide passes a request through the chain.
func (c Chain) Decide(r *Request) Verdict {
	v := Verdict{Allowed: true}
	for _, f := range c {
		if f.shadow != nil {
			if allowed, _ := f.shadow.decide(r); !allowed {
				v.ShadowDenied = true
			}
		}
		if f.rules == nil {
			continue
		}
		allowed, policy := f.rules.decide(r)
		if policy != "" {
			v.Policy = policy
		}
		if !allowed {
			v.Allowed = false
			return v
		}
	}
	return v
}

// engine is one set of policies with one action.
type engine struct {
	action   rbac.RBAC_Action
	policies []policy
}

type policy struct {
	name                    string
	permissions, principals matcher
}

func newEngine(config *rbac.RBAC) (*engine, error) {
	if config == nil {
		return nil, nil
	}
	if config.AuditLoggingOptions != nil {
		return nil, fmt.Errorf("has audit logging")
	}
	switch config.Action {
	case rbac.RBAC_ALLOW, rbac.RBAC_DENY, rbac.RBAC_LOG:
	default:
		return nil, fmt.Errorf("has the action %s", config.Action)
	}
	e := &engine{action: config.Action}
	for _, name := range slices.Sorted(maps.Keys(config.Policies)) {
		p := config.Policies[name]
		if p.Condition != nil || p.CheckedCondition != nil || p.CelConfig != nil {
			return nil, fmt.Errorf("%s: has a condition", name)
		}
		permissions, err := anyOf(p.Permissions, readPermission)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		principals, err := anyOf(p.Principals, readPrincipal)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		e.policies = append(e.policies, policy{name, permissions, principals})
	}
	return e, nil
}

// decide reports whether the request may pass, and returns the first policy that matched, in the order of their names.
// The decision does not depend on the order.
func (e *engine) decide(r *Request) (allowed bool, name string) {
	matched := false
	for _, p := range e.policies {
		if p.permissions(r) && p.principals(r) {
			matched, name = true, p.name
			break
		}
	}
	switch e.action {
	case rbac.RBAC_ALLOW:
		return matched, name
	case rbac.RBAC_DENY:
		return !matched, name
	}
	return true, "" // RBAC_LOG
}
