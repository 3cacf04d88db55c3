package traffic

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Format is a format of Envoy's access logs: of lines of text, or of JSON.
// https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#format-strings
type Format struct {
	text    *layout            // nil: lines are JSON
	members map[string]*layout // of an object
}

// istioText is the text format of Istio.
// https://github.com/istio/istio/blob/master/pilot/pkg/model/telemetry_logging.go (EnvoyTextLogFormat)
var istioText = must(NewFormat(`[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ` +
	`%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% ` +
	`%DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" ` +
	`"%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% ` +
	`%DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%` + "\n"))

func must(f *Format, err error) *Format {
	if err != nil {
		panic(err)
	}
	return f
}

// NewFormat reads a format as accessLogFormat of a mesh has it: a text, or an object of JSON. The error says why lines
// of it cannot be read.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-access_log_format
func NewFormat(text string) (*Format, error) {
	f := &Format{}
	var of map[string]any
	if json.Unmarshal([]byte(text), &of) == nil {
		f.members = map[string]*layout{}
		for key, value := range of {
			value, ok := value.(string)
			if !ok {
				continue // nested, or a constant
			}
			l, err := newLayout(value)
			if err != nil {
				return nil, err
			}
			f.members[key] = l
		}
	} else {
		l, err := newLayout(strings.TrimRight(text, "\r\n"))
		if err != nil {
			return nil, err
		}
		f.text = l
	}
	var missing []string
	for _, o := range []string{"RESPONSE_CODE", "RESPONSE_CODE_DETAILS", "DOWNSTREAM_LOCAL_ADDRESS", "DOWNSTREAM_REMOTE_ADDRESS"} {
		if !f.has(operators[o]) {
			missing = append(missing, "%"+o+"%")
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("it has no %s, without which a line does not say what was refused", strings.Join(missing, " and no "))
	}
	return f, nil
}

// has reports whether lines have a field.
func (f *Format) has(want field) bool {
	var e accessEntry
	for _, l := range f.layouts() {
		for _, is := range l.fields {
			if is != nil && is(&e) == want(&e) {
				return true
			}
		}
	}
	return false
}

func (f *Format) layouts() []*layout {
	if f.text != nil {
		return []*layout{f.text}
	}
	all := make([]*layout, 0, len(f.members))
	for _, l := range f.members {
		all = append(all, l)
	}
	return all
}

// entry reads a line.
func (f *Format) entry(line string) (e accessEntry, ok bool) {
	if f.text != nil {
		ok = f.text.split(&e, line)
	} else if ok = line[0] == '{'; ok {
		s := scanner{text: line}
		s.members(func(key string) {
			l := f.members[key]
			if c := s.next(); l == nil || c == '{' || c == '[' {
				s.skip()
				return
			}
			if value := s.scalar(); value != "" { // else it is null
				ok = l.split(&e, value) && ok
			}
		})
		ok = ok && s.done()
	}
	e.plain()
	return e, ok
}

// field is where the value of an operator belongs.
type field func(*accessEntry) *string

// operators is those that matter, in capitals, as the names of headers are of no case.
var operators = map[string]field{
	"START_TIME":                       func(e *accessEntry) *string { return &e.start },
	"REQ(:METHOD)":                     func(e *accessEntry) *string { return &e.method },
	"REQ(:PATH)":                       func(e *accessEntry) *string { return &e.path },
	"REQ(X-ENVOY-ORIGINAL-PATH?:PATH)": func(e *accessEntry) *string { return &e.path },
	"REQ_WITHOUT_QUERY(:PATH)":         func(e *accessEntry) *string { return &e.path },
	"REQ_WITHOUT_QUERY(X-ENVOY-ORIGINAL-PATH?:PATH)": func(e *accessEntry) *string { return &e.path },
	"RESPONSE_CODE":                     func(e *accessEntry) *string { return &e.code },
	"RESPONSE_FLAGS":                    func(e *accessEntry) *string { return &e.flags },
	"RESPONSE_CODE_DETAILS":             func(e *accessEntry) *string { return &e.details },
	"CONNECTION_TERMINATION_DETAILS":    func(e *accessEntry) *string { return &e.termination },
	"UPSTREAM_TRANSPORT_FAILURE_REASON": func(e *accessEntry) *string { return &e.failure },
	"REQ(:AUTHORITY)":                   func(e *accessEntry) *string { return &e.authority },
	"REQ(X-REQUEST-ID)":                 func(e *accessEntry) *string { return &e.request },
	"UPSTREAM_HOST":                     func(e *accessEntry) *string { return &e.upstream },
	"UPSTREAM_CLUSTER":                  func(e *accessEntry) *string { return &e.cluster },
	"UPSTREAM_CLUSTER_RAW":              func(e *accessEntry) *string { return &e.cluster },
	"DOWNSTREAM_LOCAL_ADDRESS":          func(e *accessEntry) *string { return &e.local },
	"DOWNSTREAM_REMOTE_ADDRESS":         func(e *accessEntry) *string { return &e.remote },
	"REQUESTED_SERVER_NAME":             func(e *accessEntry) *string { return &e.serverName },
	"DOWNSTREAM_PEER_URI_SAN":           func(e *accessEntry) *string { return &e.peer },
}

// maxFields bounds the operators of a text.
const maxFields = 64

// layout is a text with operators.
type layout struct {
	before []string // the text before each operator
	after  string   // the text after the last one
	fields []field  // nil where an operator does not matter
}

func newLayout(text string) (*layout, error) {
	l := &layout{}
	var literal strings.Builder
	for text != "" {
		before, rest, ok := strings.Cut(text, "%")
		literal.WriteString(before)
		if !ok {
			break
		}
		if after, escaped := strings.CutPrefix(rest, "%"); escaped {
			literal.WriteByte('%')
			text = after
			continue
		}
		end := operatorEnd(rest)
		if end < 0 {
			return nil, fmt.Errorf("the operator %q has no end", "%"+rest)
		}
		if len(l.fields) > 0 && literal.Len() == 0 {
			return nil, fmt.Errorf("nothing stands before %%%s%%, so that it cannot be told from what precedes it", rest[:end])
		}
		operator := strings.ToUpper(rest[:end])
		if strings.HasPrefix(operator, "START_TIME(") {
			operator = "" // in a form of its own
		}
		l.before, l.fields = append(l.before, literal.String()), append(l.fields, operators[operator])
		literal.Reset()
		text = rest[end+1:]
	}
	if l.after = literal.String(); len(l.fields) > maxFields {
		return nil, fmt.Errorf("it has more than %d operators", maxFields)
	}
	return l, nil
}

// operatorEnd is where the % is that ends an operator. Its parentheses may have others.
func operatorEnd(text string) int {
	end := strings.IndexByte(text, '%')
	if open := strings.IndexByte(text, '('); open >= 0 && open < end {
		shut := strings.IndexByte(text[open:], ')')
		if shut < 0 {
			return -1
		}
		if end = strings.IndexByte(text[open+shut:], '%'); end >= 0 {
			end += open + shut
		}
	}
	return end
}

// split enters the values of a text. Envoy does not escape what clients send, so that they could write fields of their
// own. A text counts if it can be split in one way only: each text between two values, sought from the left and from
// the right, is at the same place.
func (l *layout) split(e *accessEntry, text string) bool {
	var starts, ends [maxFields]int
	if len(l.fields) == 0 {
		return text == l.after
	}
	if !strings.HasPrefix(text, l.before[0]) || !strings.HasSuffix(text, l.after) || len(text) < len(l.before[0])+len(l.after) {
		return false
	}
	at, last := len(l.before[0]), len(l.fields)-1
	end := len(text) - len(l.after)
	for i := range l.fields {
		starts[i], ends[i] = at, end
		if i < last {
			n := strings.Index(text[at:end], l.before[i+1])
			if n < 0 {
				return false
			}
			ends[i] = at + n
			at = ends[i] + len(l.before[i+1])
		}
	}
	for i := last; i > 0; i-- {
		n := strings.LastIndex(text[:end], l.before[i])
		if n != ends[i-1] {
			return false
		}
		end = n
	}
	for i, f := range l.fields {
		if f != nil {
			*f(e) = text[starts[i]:ends[i]]
		}
	}
	return true
}
