package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// measureTraffic measures what reads logs and metrics: a million lines of an access log, and a hundred thousand series
// of Prometheus.
func (b *bencher) measureTraffic() ([][]row, error) {
	const lines, series = 1_000_000, 100_000
	project, log, metrics := filepath.Join(b.top, "shop.mesh"), filepath.Join(b.top, "access.log"), filepath.Join(b.top, "metrics.json")
	for name, write := range map[string]func(io.Writer){
		project: func(w io.Writer) {
			fmt.Fprint(w, "mesh shop strict\nservice web account web\nservice api account api port 8080 http\nweb -> api:8080 GET /public/*\n")
		},
		log:     func(w io.Writer) { writeLog(w, lines) },
		metrics: func(w io.Writer) { writeMetrics(w, series) },
	} {
		if err := writeFile(name, write); err != nil {
			return nil, err
		}
	}
	stream := filepath.Join(b.top, "stream.yaml")
	why, err := b.rows(lines, []step{{"why of a log", "", stream, []string{b.meshc, "why", "--log", log, "--project", project}}})
	if err != nil {
		return nil, err
	}
	learn, err := b.rows(series, []step{{"learn of metrics", "", stream, []string{b.meshc, "learn", metrics}}})
	return [][]row{why, learn}, err
}

func writeFile(name string, write func(io.Writer)) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	write(w)
	return w.Flush()
}

// writeLog writes an access log in which every other request is refused, with many paths and addresses.
func writeLog(w io.Writer, lines int) {
	for i := range lines {
		code, details, upstream := "403", "rbac_access_denied_matched_policy[none]", "-"
		if i%2 == 0 {
			code, details, upstream = "200", "via_upstream", "10.1.0.4:8080"
		}
		fmt.Fprintf(w, "[2026-10-09T08:%02d:%02d.932Z] \"GET /orders/%d?page=1 HTTP/1.1\" %s - %s - \"-\" 0 19 0 - \"-\" \"Go-http-client/1.1\" \"66146f25-bad9-438d-bbe8-%012d\" \"api:80\" \"%s\" inbound|8080|| - 10.1.0.4:8080 10.2.%d.%d:54616 outbound_.80_._.api.shop.svc.cluster.local default\n",
			i/60%60, i%60, i%50_000, code, details, i, upstream, i%7, i%250)
	}
}

// writeMetrics writes what Prometheus answers about a thousand services with ten callers each, which answer with ten
// codes.
func writeMetrics(w io.Writer, series int) {
	fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[`)
	for i := range series {
		to, from := i%1000, (i+i/1000%10*7)%1000
		if i > 0 {
			fmt.Fprint(w, ",")
		}
		fmt.Fprintf(w, `{"metric":{"__name__":"istio_requests_total","connection_security_policy":"mutual_tls","destination_app":"svc%[1]d","destination_canonical_revision":"v1","destination_canonical_service":"svc%[1]d","destination_cluster":"Kubernetes","destination_principal":"spiffe://cluster.local/ns/ns%[2]d/sa/svc%[1]d","destination_service":"svc%[1]d.ns%[2]d.svc.cluster.local","destination_service_name":"svc%[1]d","destination_service_namespace":"ns%[2]d","destination_version":"v1","destination_workload":"svc%[1]d","destination_workload_namespace":"ns%[2]d","instance":"10.244.0.1:15020","job":"kubernetes-pods","pod":"svc%[1]d-7b5db664c-hmlqb","reporter":"destination","request_protocol":"http","response_code":"%[5]d","response_flags":"-","source_app":"svc%[3]d","source_canonical_service":"svc%[3]d","source_principal":"spiffe://cluster.local/ns/ns%[4]d/sa/svc%[3]d","source_workload":"svc%[3]d","source_workload_namespace":"ns%[4]d"},"value":[1790000000.123,"%[6]d"]}`,
			to, to%20, from, from%20, 200+i/10_000, i+1)
	}
	fmt.Fprint(w, "]}}\n")
}
