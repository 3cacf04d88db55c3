package inventory

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
)

// captures is every annotation of a pod by which its connections do not go through its sidecar, in the order in which
// they count: a later one adds to what an earlier one left captured. Their meaning is at
// https://istio.io/latest/docs/reference/config/annotations/. The values that Istio takes are in
// pkg/kube/inject/validate.go of istio/istio; what they do is in files/injection-template.yaml of its chart
// istio-discovery, and in tools/istio-iptables/pkg/capture/run.go. What an installation sets for all pods
// (values.global.proxy) is not known here.
var captures = []struct {
	key  string
	read func(c *capture, value string) error
}{
	{modeKey, (*capture).mode},
	{"traffic.sidecar.istio.io/includeInboundPorts", (*capture).includeInbound},
	{"traffic.sidecar.istio.io/excludeInboundPorts", (*capture).excludeInbound},
	{"status.sidecar.istio.io/port", (*capture).status},
	{"traffic.sidecar.istio.io/includeOutboundIPRanges", (*capture).includeOutboundRanges},
	{"traffic.sidecar.istio.io/includeOutboundPorts", (*capture).includeOutboundPorts},
	{"traffic.sidecar.istio.io/excludeOutboundIPRanges", (*capture).excludeOutboundRanges},
	{"traffic.sidecar.istio.io/excludeOutboundPorts", (*capture).excludeOutboundPorts},
	{"traffic.sidecar.istio.io/excludeInterfaces", (*capture).excludeInterfaces},
}

// Annotations that are read apart.
const (
	modeKey = "sidecar.istio.io/interceptionMode"

	// A field interceptionMode of its YAML counts where the annotation of that name is missing.
	configKey = "proxy.istio.io/config"

	// A variable of the proxy in configKey: where it writes the certificate of the pod, for applications that open
	// mutual TLS themselves, as Prometheus does: https://istio.io/latest/docs/ops/integrations/prometheus/#tls-settings
	outputCerts = "OUTPUT_CERTS"

	// A pod in ambient mode whose inbound connections do not go through ztunnel (cni/pkg/nodeagent/net.go).
)

// capture reads what the annotations of one pod say.
type capture struct {
	in, out policy.Captures
	none    bool               // nothing is redirected, whatever the rest says
	by      policy.PortCapture // the annotation at hand: the key, and its place
}

// captured reads which connections go through the sidecar of a pod. An annotation that cannot be judged is a finding,
// and leaves all that it could be about unclear.
func (f *file) captured(p *pod, at *yaml.Node, annotations map[string]string, spec *yaml.Node, pod *corev1.PodSpec) {
	c := &capture{}
	read := func(key, value string, do func(*capture, string) error) {
		c.by = policy.PortCapture{Why: key + " says so", At: f.doc.Span(yamldoc.Get(at, key))}
		if err := do(c, value); err != nil {
			f.findings.Add(diag.UnclearAnnotation, c.by.At, "%s: %s", key, err).
				WithHelp("see https://istio.io/latest/docs/reference/config/annotations/ for the values that it takes")
			c.by.Why, c.by.Unread = key+" cannot be judged", true
			c.weaken(&c.in, policy.Unclear)
			c.weaken(&c.out, policy.Unclear)
		}
	}
	if _, ok := annotations[modeKey]; !ok && annotations[configKey] != "" {
		read(configKey, annotations[configKey], (*capture).config)
	}
	for _, a := range captures {
		if value, ok := annotations[a.key]; ok {
			read(a.key, value, a.read)
		}
	}
	f.proxyUser(c, spec, pod)
	if yamldoc.Scalar(parsedText(annotations[configKey]), "proxyMetadata", outputCerts) != "" {
		c.certified()
	}
	p.Inbound, p.Outbound = c.in, c.out
	if bypass, err := strconv.ParseBool(annotations[bearing.BypassInbound]); err == nil && bypass { // istio-cni ignores other values
		c.by = policy.PortCapture{Why: bearing.BypassInbound + " says so", At: f.doc.Span(yamldoc.Get(at, bearing.BypassInbound))}
		p.Bypass = c.port(0, policy.Bypassed)
	}
}

// proxyID is the user and the group that the proxy runs as. Nothing that they send is redirected.
// https://istio.io/latest/docs/ops/deployment/application-requirements/#pod-requirements
const proxyID = 1337

// proxyUser finds containers that run as the user or the group of the proxy: their calls do not go through it.
func (f *file) proxyUser(c *capture, spec *yaml.Node, pod *corev1.PodSpec) {
	as := func(user, group *int64) bool {
		return user != nil && *user == proxyID || group != nil && *group == proxyID
	}
	of := func(of *yaml.Node) {
		context := yamldoc.Get(of, "securityContext")
		c.by = policy.PortCapture{Why: fmt.Sprintf("it runs as %d, as the proxy does", proxyID), At: f.doc.Span(cmp.Or(yamldoc.Get(context, "runAsUser"), yamldoc.Get(context, "runAsGroup")))}
	}
	var user, group *int64
	if s := pod.SecurityContext; s != nil {
		user, group = s.RunAsUser, s.RunAsGroup
	}
	to, some, all := policy.Unclear, false, true
	of(spec)
	for i := range pod.Containers {
		if pod.Containers[i].Name == "istio-proxy" {
			continue
		}
		user, group := user, group
		if s := pod.Containers[i].SecurityContext; s != nil {
			user, group = cmp.Or(s.RunAsUser, user), cmp.Or(s.RunAsGroup, group)
			if as(s.RunAsUser, s.RunAsGroup) {
				of(item(yamldoc.Get(spec, "containers"), i))
			}
		}
		some, all = some || as(user, group), all && as(user, group)
	}
	if all {
		to = policy.Bypassed
	}
	if some {
		c.weaken(&c.out, to)
	}
}

// judgeCapture drops what the annotations of a pod say about a sidecar that it does not have.
func (p *pod) judgeCapture() {
	switch p.Dataplane.Dataplane {
	case policy.Sidecar:
		p.Inbound.Agent = true
		return
	case policy.Gateway: // no connection is redirected to it
		p.Inbound = policy.Captures{Agent: true}
	case policy.Ambient:
		p.Inbound = policy.Captures{Rest: p.Bypass}
	default:
		p.Inbound = policy.Captures{}
	}
	p.Outbound, p.Probes = policy.Captures{}, nil
}

// weaken makes the capture of all ports no better than given.
func (c *capture) weaken(all *policy.Captures, to policy.Capture) {
	for i := range all.Ports {
		if all.Ports[i].Capture < to {
			all.Ports[i] = c.port(all.Ports[i].Number, to)
		}
	}
	if all.Rest.Capture < to {
		all.Rest = c.port(0, to)
	}
}

// certified makes what bypasses the sidecar on its way out unclear: the application has the certificate of its pod, and
// may prove with it who it is.
func (c *capture) certified() {
	doubt := func(p *policy.PortCapture) {
		if p.Capture == policy.Bypassed {
			p.Capture, p.Why = policy.Unclear, p.Why+", unless it uses the certificate that "+outputCerts+" gives it"
		}
	}
	for i := range c.out.Ports {
		doubt(&c.out.Ports[i])
	}
	doubt(&c.out.Rest)
}

func (c *capture) port(number uint16, to policy.Capture) policy.PortCapture {
	by := c.by
	by.Number, by.Capture = number, to
	return by
}

func (c *capture) mode(value string) error {
	switch value {
	case "REDIRECT", "TPROXY":
		return nil
	case "NONE":
		c.none = true
		c.weaken(&c.in, policy.Bypassed)
		c.weaken(&c.out, policy.Bypassed)
		return nil
	}
	return fmt.Errorf("%q is not REDIRECT, TPROXY or NONE", value)
}

func (c *capture) config(value string) error {
	var config struct {
		InterceptionMode string `yaml:"interceptionMode"`
	}
	if err := yaml.Unmarshal([]byte(value), &config); err != nil {
		return errors.New("it is not the YAML of a ProxyConfig")
	}
	if config.InterceptionMode == "" {
		return nil
	}
	return c.mode(config.InterceptionMode)
}

func (c *capture) includeInbound(value string) error {
	if value == "*" {
		return nil
	}
	ports, err := portList(value)
	if err == nil {
		c.weaken(&c.in, policy.Bypassed)
		for _, port := range ports {
			if !c.none {
				c.in.Set(policy.PortCapture{Number: port})
			}
		}
	}
	return err
}

// excludeInbound counts only where all ports are included.
func (c *capture) excludeInbound(value string) error {
	ports, err := portList(value)
	for _, port := range ports {
		if c.in.Rest.Capture != policy.Bypassed {
			c.in.Set(c.port(port, policy.Bypassed))
		}
	}
	return err
}

// status is the port of the agent of the sidecar, if it is another than 15020. It is always excluded.
func (c *capture) status(value string) error {
	port, err := portOf(value)
	if err == nil && port > 0 && !policy.IsProxyPort(port) {
		own := c.port(port, policy.Bypassed)
		own.Own, own.Why = true, "it is a port of the proxy itself"
		c.in.Set(own)
	}
	return err
}

func (c *capture) includeOutboundRanges(value string) error {
	if value == "*" {
		return nil
	}
	ranges, err := rangeList(value)
	switch {
	case err != nil:
		return err
	case len(ranges) == 0:
		c.weaken(&c.out, policy.Bypassed)
	case !slices.ContainsFunc(ranges, func(r netip.Prefix) bool { return r.Bits() == 0 }):
		c.weaken(&c.out, policy.Unclear)
	}
	return nil
}

// includeOutboundPorts adds to the ranges.
func (c *capture) includeOutboundPorts(value string) error {
	ports, err := portList(value)
	for _, port := range ports {
		if !c.none {
			c.out.Set(policy.PortCapture{Number: port})
		}
	}
	return err
}

// excludeOutboundRanges leaves unclear whether a callee is in a range, unless no pod or Service can be.
func (c *capture) excludeOutboundRanges(value string) error {
	ranges, err := rangeList(value)
	for _, r := range ranges {
		switch {
		case r.Bits() == 0:
			c.weaken(&c.out, policy.Bypassed)
		case !r.Addr().IsLinkLocalUnicast() && !r.Addr().IsLoopback() && !r.Addr().IsMulticast():
			c.weaken(&c.out, policy.Unclear)
		}
	}
	return err
}

func (c *capture) excludeOutboundPorts(value string) error {
	ports, err := portList(value)
	for _, port := range ports {
		c.out.Set(c.port(port, policy.Bypassed))
	}
	return err
}

// excludeInterfaces is about all connections where it names the interface that Kubernetes gives to pods. Others are of
// networks besides that of the cluster, on which the pod is open.
func (c *capture) excludeInterfaces(value string) error {
	for name := range strings.SplitSeq(value, ",") {
		switch strings.TrimSpace(name) {
		case "":
		case "eth0":
			c.weaken(&c.in, policy.Bypassed)
			c.weaken(&c.out, policy.Bypassed)
		default:
			c.weaken(&c.in, policy.Unclear)
		}
	}
	return nil
}

// portList reads the ports of an annotation, without those of the sidecar itself. The injector rejects a pod with an
// empty element, unless the whole list is empty.
func portList(text string) (ports []uint16, err error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	for word := range strings.SplitSeq(text, ",") {
		port, err := portOf(word)
		if err != nil {
			return nil, err
		}
		if port > 0 && !policy.IsProxyPort(port) {
			ports = append(ports, port)
		}
	}
	return ports, nil
}

func portOf(word string) (uint16, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(word), 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%q is not a port", word)
	}
	return uint16(n), nil
}

func rangeList(text string) (ranges []netip.Prefix, err error) {
	if text == "" {
		return nil, nil
	}
	for word := range strings.SplitSeq(text, ",") {
		r, err := netip.ParsePrefix(word)
		if err != nil {
			return nil, fmt.Errorf("%q is not a range of addresses", word)
		}
		ranges = append(ranges, r)
	}
	return ranges, nil
}
