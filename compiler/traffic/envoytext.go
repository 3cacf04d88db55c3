package traffic

import "strings"

// textEntry reads a line of the text format of Istio's access logs:
//
//	[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS%
//	%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED%
//	%BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%"
//	"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS%
//	%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%
//
// https://github.com/istio/istio/blob/master/pilot/pkg/model/telemetry_logging.go (EnvoyTextLogFormat)
//
// Quotes are not escaped, so a client could write fields of its own into its user agent. There must be as many quotes as the
// format has, and as many words between them.
func textEntry(line string) (e accessEntry, ok bool) {
	s := fields{rest: line}
	if !s.take("[") {
		return e, false
	}
	e.start = s.until("] \"")
	e.method, e.path = s.word(), s.word()
	s.until("\" ") // the protocol
	e.code, e.flags, e.details = s.word(), s.word(), s.word()
	e.termination = s.until(" \"")
	e.failure = s.until("\" ")
	for range 4 {
		s.word() // bytes and durations
	}
	s.take("\"")
	s.until("\" \"") // x-forwarded-for
	s.until("\" \"") // the user agent
	e.request, e.authority, e.upstream = s.until("\" \""), s.until("\" \""), s.until("\" ")
	e.cluster = s.word()
	s.word() // the proxy's own address towards the pod
	e.local, e.remote, e.serverName = s.word(), s.word(), s.word()
	if s.failed || strings.ContainsAny(s.rest, " \"") || strings.Contains(e.method, "\"") || strings.Count(line, "\"")-strings.Count(e.path, "\"") != 14 {
		return accessEntry{}, false
	}
	e.plain()
	return e, true
}

// fields takes a line apart from its beginning.
type fields struct {
	rest   string
	failed bool
}

// take takes what must come next.
func (s *fields) take(next string) bool {
	rest, ok := strings.CutPrefix(s.rest, next)
	s.rest, s.failed = rest, s.failed || !ok
	return ok
}

// until takes what precedes the next separator, and the separator.
func (s *fields) until(separator string) string {
	field, rest, ok := strings.Cut(s.rest, separator)
	s.rest, s.failed = rest, s.failed || !ok
	return field
}

func (s *fields) word() string { return s.until(" ") }
