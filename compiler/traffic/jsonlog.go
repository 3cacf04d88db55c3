package traffic

// jsonEntry reads a line of JSON: of Envoy's access log, of ztunnel's or of Hubble.
func jsonEntry(line string) (Call, string, bool) {
	s := scanner{text: line}
	var e accessEntry
	var z tunnelEntry
	var h *hubbleFlow
	event := false // of Hubble, and no flow
	s.members(func(key string) {
		switch {
		case key == "flow" && s.next() == '{':
			h = new(hubbleFlow)
			h.read(&s)
		case (key == "node_status" || key == "lost_events" || key == "agent_event" || key == "debug_event") && s.next() == '{':
			event = true
			s.skip()
		case !e.member(key, &s) && !z.member(key, &s):
			s.skip()
		}
	})
	if !s.done() {
		return Call{}, "", false
	}
	switch {
	case h != nil:
		c, ok := h.call()
		return c, "", ok
	case z.isAccess():
		c, ok := z.call()
		return c, "", ok
	}
	e.plain()
	if event && e.start == "" {
		return Call{Outcome: Aside}, "", true
	}
	c, ok := e.call()
	return c, e.id(), ok
}

// member takes a member of an entry: those of Istio's JSON format, and the caller's identity, which may be added to it.
// https://github.com/istio/istio/blob/master/pilot/pkg/model/telemetry_logging.go (EnvoyJSONLogFormatIstio)
func (e *accessEntry) member(key string, s *scanner) bool {
	var f *string
	switch key {
	case "start_time":
		f = &e.start
	case "method":
		f = &e.method
	case "path":
		f = &e.path
	case "response_code":
		f = &e.code
	case "response_flags":
		f = &e.flags
	case "response_code_details":
		f = &e.details
	case "connection_termination_details":
		f = &e.termination
	case "upstream_transport_failure_reason":
		f = &e.failure
	case "authority":
		f = &e.authority
	case "request_id":
		f = &e.request
	case "upstream_host":
		f = &e.upstream
	case "upstream_cluster":
		f = &e.cluster
	case "downstream_local_address":
		f = &e.local
	case "downstream_remote_address":
		f = &e.remote
	case "requested_server_name":
		f = &e.serverName
	case "downstream_peer_uri_san":
		f = &e.peer
	default:
		return false
	}
	*f = s.scalar()
	return true
}
