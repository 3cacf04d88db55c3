package traffic

import (
	"strings"
)

// debugLines puts together what Envoy's RBAC filters write at the level debug: the request or connection that they look
// at, over several lines, and then what becomes of it.
// https://github.com/envoyproxy/envoy/blob/main/source/extensions/filters/http/rbac/rbac_filter.cc
// https://github.com/envoyproxy/envoy/blob/main/source/extensions/filters/network/rbac/rbac_filter.cc
type debugLines struct {
	looked  map[string]*lookedAt // by thread, each of which looks at one request at a time
	current *lookedAt            // whose headers follow; nil between messages
	grpc    grpcLines
}

type lookedAt struct {
	Call
	request string // its ID
	peers   string // the addresses of both ends
}

// maxThreads bounds the threads that are remembered; a proxy has as many as its machine has cores.
const maxThreads = 1024

// take reads a line that belongs to such messages. The call is complete where a line says what becomes of it.
func (d *debugLines) take(line string) (done *lookedAt, ok bool) {
	if _, at, found := strings.Cut(line, "checking request: "); found && isDebug(line) {
		return nil, d.begin(at)
	}
	if _, at, found := strings.Cut(line, "checking connection: "); found && isDebug(line) {
		return nil, d.begin(at)
	}
	if isDebug(line) {
		d.current = nil
		return d.end(line)
	}
	if d.current == nil || stamp(strings.SplitN(line, "\t", 2)[0]) != "" {
		return nil, false
	}
	d.header(line)
	return nil, true
}

// isDebug reports whether a line begins a message of the filters.
func isDebug(line string) bool {
	at, rest, ok := strings.Cut(strings.Replace(line, "\t", " ", 3), " ")
	rest, debug := strings.CutPrefix(strings.TrimLeft(rest, " "), "debug")
	return ok && stamp(at) != "" && debug && strings.HasPrefix(strings.TrimLeft(rest, " \t"), "envoy rbac")
}

// begin reads the first line of a message about a request. In it only the name of the server is the client's, and the
// identity is that of a certificate of the mesh.
func (d *debugLines) begin(text string) bool {
	_, rest, _ := strings.Cut(text, "sourceIP: ")
	source, rest, ok := strings.Cut(rest, ", directRemoteIP: ")
	_, rest, ok1 := strings.Cut(rest, ", localAddress: ")
	if !ok1 {
		_, rest, ok1 = strings.Cut(text, ",localAddress: ")
	}
	local, rest, ok2 := strings.Cut(rest, ", ssl: ")
	from, ok3 := addressPort(source)
	to, ok4 := addressPort(local)
	if d.current = nil; !ok || !ok1 || !ok2 || !ok3 || !ok4 {
		return false
	}
	l := &lookedAt{peers: source + ">" + local}
	l.From.Anonymous = true
	l.From.Address, l.To.Address, l.Port = from.Addr().Unmap(), to.Addr().Unmap(), to.Port()
	if names, ok := strings.CutPrefix(rest, "uriSanPeerCertificate: "); ok {
		name, _, _ := strings.Cut(names, ", dnsSanPeerCertificate: ")
		l.From.Identity, l.From.Anonymous = principal(name), name == ""
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(text, "requestedServerName: "), ", sourceIP: ")
	l.To.Host, l.To.HostPort = serverName(name)
	d.current = l
	if _, first, ok := strings.Cut(rest, ", headers: "); ok {
		d.header(first)
	} else {
		d.header(rest)
	}
	return true
}

// header reads one of the lines that follow. A message ends with the thread that wrote it, which old proxies leave out.
func (d *debugLines) header(line string) {
	l := d.current
	value := func(name string) string {
		text, ok := strings.CutPrefix(line, "'"+name+"', '")
		if !ok {
			return ""
		}
		text, _, _ = strings.Cut(text, "'\t")
		return strings.TrimSuffix(text, "'")
	}
	if v := value(":path"); v != "" && l.Path == "" {
		l.Path = withoutQuery(v)
	}
	if v := value(":method"); v != "" && l.Method == "" {
		l.Method, l.HTTP = v, true
	}
	if v := value("x-request-id"); v != "" && l.request == "" {
		l.request = v
	}
	thread := threadOf(line)
	if thread == "" && !strings.HasPrefix(line, ", dynamicMetadata:") {
		return
	}
	if len(d.looked) >= maxThreads {
		clear(d.looked)
	}
	if d.looked == nil {
		d.looked = map[string]*lookedAt{}
	}
	d.looked[thread] = l
	if thread != "" {
		delete(d.looked, "")
		d.current = nil
	}
}

func threadOf(line string) string {
	i := strings.LastIndex(line, "thread=")
	if i < 0 || i > 0 && line[i-1] != '\t' && line[i-1] != ' ' {
		return ""
	}
	thread := line[i+len("thread="):]
	if strings.Trim(thread, "0123456789") != "" {
		return "" // it is in a header
	}
	return thread
}

// end reads what becomes of a request: `enforced denied, matched policy ns[shop]-policy[api]-rule[0]`. In dry-run it is
// a shadow that denies.
func (d *debugLines) end(line string) (*lookedAt, bool) {
	thread := threadOf(line)
	l := d.looked[thread]
	text, _, _ := strings.Cut(line, "\tthread=")
	i := strings.LastIndex(text, ", matched policy ")
	if i < 0 {
		return nil, true // another message of the filters
	}
	name := strings.TrimSpace(text[i+len(", matched policy "):])
	if l == nil {
		return nil, false
	}
	done := *l
	done.At = stamp(strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })[0])
	switch before := text[:i]; {
	case strings.HasSuffix(before, "enforced denied"):
		done.Outcome = Refused
	case strings.HasSuffix(before, "shadow denied"):
		done.Outcome = WouldRefuse
	case strings.HasSuffix(before, "enforced allowed"):
		return &done, true
	default:
		return nil, true
	}
	rule, ok := ruleOf(name)
	if !ok {
		rule = Rule{Number: -1}
	}
	done.By, done.Detail = rule, name
	return &done, true
}
