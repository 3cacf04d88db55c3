package traffic

import (
	"errors"
	"io"
	"strconv"
	"time"
)

// Metrics is what there was in metrics besides calls.
type Metrics struct {
	Series    int // all of them
	Others    int // of them, of metrics that are not about calls, or told by the other end, too
	Forbidden int // requests that were answered with 403, by a policy or by the callee itself
}

// errMetrics is about a text that is not what the HTTP API of Prometheus answers.
var errMetrics = errors.New("want what the HTTP API of Prometheus answers to a query for istio_requests_total or istio_tcp_connections_opened_total")

// ReadMetrics reads what the HTTP API of Prometheus answers to a query for Istio's metrics: a vector, or a matrix whose
// counters are followed. Calls are those that the callee's side reports; those to what has no proxy, as the caller's
// side does.
// https://prometheus.io/docs/prometheus/latest/querying/api/#expression-query-result-formats
// https://istio.io/latest/docs/reference/config/metrics/
func (m *Metrics) ReadMetrics(r io.Reader, do func(*Call)) error { return m.readMetrics(r, 0, do) }

func (m *Metrics) readMetrics(r io.Reader, size int, do func(*Call)) error {
	text, err := textOf(r, size)
	if err != nil {
		return err
	}
	s := scanner{text: text}
	found := false
	s.members(func(key string) {
		if key != "data" || s.next() != '{' {
			s.skip()
			return
		}
		s.members(func(key string) {
			if key != "result" || s.next() != '[' {
				s.skip()
				return
			}
			found = true
			s.elements(func() {
				m.Series++
				var one series
				if one.read(&s); s.failed {
					return
				}
				if c, ok := m.call(&one); ok {
					do(&c)
				} else {
					m.Others++
				}
			})
		})
	})
	if !s.done() || !found {
		return errMetrics
	}
	return nil
}

// series is a series of one of Istio's metrics. A label is empty where it is unknown.
type series struct {
	name, reporter                            string
	sourcePrincipal, destinationPrincipal     string
	sourceNamespace, sourceWorkload           string
	sourceApp, destinationApp                 string
	destinationNamespace, destinationWorkload string
	destinationService                        string
	code, protocol                            string

	first, last, count float64 // seconds; calls
}

func (x *series) read(s *scanner) {
	s.members(func(key string) {
		switch key {
		case "metric":
			s.members(func(label string) { x.label(label, s) })
		case "value":
			at, n := sample(s)
			x.last, x.count = at, n
		case "values":
			x.follow(s)
		default:
			s.skip()
		}
	})
}

func (x *series) label(label string, s *scanner) {
	var f *string
	switch label {
	case "__name__":
		f = &x.name
	case "reporter":
		f = &x.reporter
	case "source_principal":
		f = &x.sourcePrincipal
	case "source_workload_namespace":
		f = &x.sourceNamespace
	case "source_workload":
		f = &x.sourceWorkload
	case "source_app":
		f = &x.sourceApp
	case "destination_principal":
		f = &x.destinationPrincipal
	case "destination_workload_namespace":
		f = &x.destinationNamespace
	case "destination_workload":
		f = &x.destinationWorkload
	case "destination_app":
		f = &x.destinationApp
	case "destination_service":
		f = &x.destinationService
	case "response_code":
		f = &x.code
	case "request_protocol":
		f = &x.protocol
	default:
		s.skip()
		return
	}
	*f = known(s.scalar())
}

func sample(s *scanner) (at, n float64) {
	i := 0
	s.elements(func() {
		v, err := strconv.ParseFloat(s.scalar(), 64)
		if err != nil {
			s.failed = true
		}
		if i++; i == 1 {
			at = v
		} else {
			n = v
		}
	})
	return at, n
}

// follow counts what a counter counted between its samples, and notes when. A counter that has become smaller began
// anew.
func (x *series) follow(s *scanner) {
	before, any := 0.0, false
	s.elements(func() {
		at, n := sample(s)
		more := n - before
		if more < 0 {
			more = n
		}
		if more > 0 && any || n > 0 && !any {
			x.count += more
			if x.first == 0 {
				x.first = at
			}
			x.last = at
		}
		before, any = n, true
	})
}

// call makes a call of a series; ok is false if it tells of none, or the other end tells of it, too.
func (m *Metrics) call(x *series) (c Call, ok bool) {
	switch x.name {
	case "istio_requests_total":
		c.HTTP = true
	case "istio_tcp_connections_opened_total":
	case "": // of an expression; only requests have a code
		c.HTTP = x.code != "" || x.protocol == "http" || x.protocol == "grpc"
	default:
		return c, false
	}
	switch {
	case x.count < 0.5:
		return c, false
	case x.reporter == "source" && x.destinationWorkload != "":
		return c, false // the callee's side tells of it, too
	case x.code == "403":
		m.Forbidden += int(x.count + 0.5)
		return c, false
	}
	c.Count, c.First, c.At = int(x.count+0.5), day(x.first), day(x.last)
	c.From = Peer{Namespace: x.sourceNamespace, Workload: x.sourceWorkload, App: x.sourceApp}
	c.To = Peer{Namespace: x.destinationNamespace, Workload: x.destinationWorkload, App: x.destinationApp, Host: x.destinationService}
	c.From.Identity, c.From.Anonymous = principal(x.sourcePrincipal), x.sourcePrincipal == ""
	c.To.Identity = principal(x.destinationPrincipal)
	c.clean()
	return c, true
}

// day is a time in RFC 3339; empty for none.
func day(seconds float64) string {
	if seconds <= 0 || seconds > 1<<40 {
		return ""
	}
	return time.Unix(int64(seconds), 0).UTC().Format(time.RFC3339)
}
