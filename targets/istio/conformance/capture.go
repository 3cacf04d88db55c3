package conformance

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"istio.io/istio/pkg/kube/inject"
	"istio.io/istio/tools/common/config"
	"istio.io/istio/tools/istio-iptables/pkg/capture"
	"istio.io/istio/tools/istio-iptables/pkg/dependencies"
)

// Packet opens a TCP connection to or from a pod.
type Packet struct {
	In, Out  string // the interface by which it comes or goes
	From, To netip.Addr
	Port     uint16 // that it is sent to
}

// Redirection is the rules of iptables in a pod, by table and chain.
type Redirection map[string][][]string

// Redirect returns the rules that istio-init makes for a pod with some annotations. The error is that of the injector,
// which then rejects the pod, or of istio-init, which then ends. The arguments of istio-init are those of
// files/injection-template.yaml in the chart istio-discovery, with the values of the chart.
func Redirect(annotations map[string]string) (Redirection, error) {
	for key, value := range annotations {
		if valid := inject.AnnotationValidation[key]; valid != nil {
			if err := valid(value); err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	const traffic = "traffic.sidecar.istio.io/"
	get := func(key, otherwise string) string {
		if value, ok := annotations[key]; ok {
			return value
		}
		return otherwise
	}
	c := config.DefaultConfig()
	c.ProxyUID, c.ProxyGID = "1337", "1337"
	c.InboundInterceptionMode = get("sidecar.istio.io/interceptionMode", "REDIRECT")
	if c.InboundInterceptionMode == "NONE" { // no istio-init
		return Redirection{}, nil
	}
	c.InboundPortsInclude = get(traffic+"includeInboundPorts", "*")
	c.InboundPortsExclude = strings.Join([]string{"15090,15021", get(traffic+"excludeInboundPorts", ""), get("status.sidecar.istio.io/port", "15020")}, ",")
	c.OutboundIPRangesInclude = get(traffic+"includeOutboundIPRanges", "*")
	c.OutboundIPRangesExclude = get(traffic+"excludeOutboundIPRanges", "")
	c.OutboundPortsInclude = get(traffic+"includeOutboundPorts", "")
	c.OutboundPortsExclude = get(traffic+"excludeOutboundPorts", "")
	c.ExcludeInterfaces = get(traffic+"excludeInterfaces", "")
	run := &dependencies.DependenciesStub{}
	iptables, err := capture.NewIptablesConfigurator(c, run)
	if err != nil {
		return nil, err
	}
	if err := iptables.Run(); err != nil {
		return nil, err
	}
	return restore(run.ExecutedStdin)
}

// restore reads what iptables-restore is given. The error is of iptables.
func restore(lines []string) (Redirection, error) {
	rules, table := Redirection{}, ""
	for _, line := range lines {
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "*"):
			table = strings.TrimSpace(line[1:])
		case len(words) > 2 && words[0] == "-A":
			rules[table+" "+words[1]] = append(rules[table+" "+words[1]], words[2:])
		case len(words) > 3 && words[0] == "-I":
			at := int(words[2][0] - '1')
			chain := rules[table+" "+words[1]]
			rules[table+" "+words[1]] = append(chain[:at:at], append([][]string{words[3:]}, chain[at:]...)...)
		}
	}
	for _, chain := range rules {
		for _, rule := range chain {
			if _, err := (Packet{}).match(rule); err != nil {
				return nil, err
			}
		}
	}
	return rules, nil
}

// Captured reports whether a packet goes to the sidecar.
func (r Redirection) Captured(p Packet) (bool, error) {
	chain := "PREROUTING"
	if p.Out != "" {
		chain = "OUTPUT"
	}
	for _, table := range []string{"mangle", "nat"} {
		target, err := r.walk(table, chain, p)
		if err != nil || target == "TPROXY" || target == "REDIRECT" {
			return err == nil, err
		}
	}
	return false, nil
}

// walk returns where a chain sends a packet, "" if it has no say.
func (r Redirection) walk(table, chain string, p Packet) (string, error) {
	for _, rule := range r[table+" "+chain] {
		target, err := p.match(rule)
		switch {
		case err != nil:
			return "", err
		case target == "":
		case target == "RETURN":
			return "", nil
		case strings.HasPrefix(target, "ISTIO_"):
			if to, err := r.walk(table, target, p); err != nil || to != "" {
				return to, err
			}
		case target == "TPROXY" || target == "REDIRECT":
			return target, nil
		}
	}
	return "", nil
}

// match returns the target of a rule, "" if it does not match.
func (p Packet) match(rule []string) (target string, err error) {
	matches, not := true, false
	for i := 0; i < len(rule); i++ {
		switch rule[i] {
		case "!":
			not = true
			continue
		case "--save-mark", "--restore-mark":
			continue
		}
		if i+1 == len(rule) {
			return "", fmt.Errorf("rule %q", rule)
		}
		option, value := rule[i], rule[i+1]
		i++
		var is bool
		switch option {
		case "-j":
			target = value
			continue
		case "-m", "--tproxy-mark", "--on-port", "--to-ports", "--set-mark":
			continue
		case "-p":
			is = value == "tcp"
		case "--dport":
			port, err := strconv.ParseUint(value, 10, 16)
			if err != nil {
				return "", fmt.Errorf("rule %q: %w", rule, err)
			}
			is = uint16(port) == p.Port
		case "-i":
			is = value == p.In
		case "-o":
			is = value == p.Out
		case "-s", "-d":
			block, err := netip.ParsePrefix(value)
			if err != nil {
				return "", fmt.Errorf("rule %q: %w", rule, err)
			}
			is = block.Contains(map[string]netip.Addr{"-s": p.From, "-d": p.To}[option])
		case "--ctstate", "--mark", "--uid-owner", "--gid-owner": // it is new, has no mark, and is not the proxy's
		default:
			return "", fmt.Errorf("rule %q: %s", rule, option)
		}
		matches, not = matches && is != not, false
	}
	if !matches {
		return "", nil
	}
	return cmp.Or(target, "CONTINUE"), nil
}
