package config

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Gateway is the settings of one gateway.
type Gateway struct {
	ClientAddress policy.ClientAddress // AddressUnknown if it is not stated
	At            source.Span          // its name
}

func (r *reader) gateways(path string, v *yaml.Node) {
	r.project.Gateways = map[string]Gateway{}
	for _, pair := range r.pairs(path, v) {
		name, at := pair.Key.Value, r.doc.Span(pair.Key)
		if why := gatewayKey(name); why != "" {
			r.findings.Add(diag.InvalidSetting, at, "%q is not a gateway: %s", name, why).
				WithHelp("write NAMESPACE/NAME, as the intents name it")
			continue
		}
		var word string
		packet, forwarded := policy.AddressInPackets, policy.AddressForwarded
		r.fields(join(path, name), pair.Value, []field{{"clientAddress", r.oneOf(&word, packet.String(), forwarded.String())}})
		g := Gateway{At: at}
		switch word {
		case packet.String():
			g.ClientAddress = packet
		case forwarded.String():
			g.ClientAddress = forwarded
		}
		r.project.Gateways[name] = g
	}
}

func gatewayKey(s string) string {
	namespace, name, qualified := strings.Cut(s, "/")
	if !qualified {
		return "it has no namespace"
	}
	if why := label(namespace); why != "" {
		return why
	}
	if !policy.IsName(name) {
		return "a name consists of lowercase letters, digits, dashes and dots"
	}
	return ""
}
