package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler/directory"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/traffic"
)

// sources is the flags and arguments of a verb that reads what was seen.
type sources struct {
	prometheus string
	since      string
	pods       string
	logFormat  string // of access logs, beside those of Istio
}

func (s *sources) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.prometheus, "prometheus", "", "address of a Prometheus server to ask, such as http://localhost:9090")
	cmd.Flags().StringVar(&s.since, "since", "7d", "how far back --prometheus looks, such as 12h or 30d")
	s.registerPods(cmd)
}

func (s *sources) registerPods(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.pods, "pods", "", "pods and their addresses: the output of kubectl get pods,services -A -o json, a file or - for standard input")
	cmd.Flags().StringVar(&s.logFormat, "log-format", "", "format of Envoy's access logs if it is not Istio's default, as in accessLogFormat of the mesh")
}

// formats returns the formats of access logs: that of --log-format, and those of the settings of a mesh. It says which
// of these cannot be read.
func (s *sources) formats(cmd *cobra.Command, mesh *inventory.Set) ([]*traffic.Format, error) {
	var all []*traffic.Format
	if s.logFormat != "" {
		f, err := traffic.NewFormat(s.logFormat)
		if err != nil {
			return nil, usageError("--log-format: %v", err)
		}
		all = append(all, f)
	}
	if mesh == nil {
		return all, nil
	}
	for _, m := range mesh.MeshConfigs {
		for _, text := range m.AccessLogs {
			f, err := traffic.NewFormat(text)
			if err != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "note: lines of the access log format of %s are not read: %v\n", m.At.Text(), err)
				continue
			}
			all = append(all, f)
		}
	}
	return all, nil
}

// sourcesHelp is what the help of such a verb says about them.
const sourcesHelp = `A SOURCE is a file, or - for standard input. It may be an access log of Envoy (in Istio's text or JSON format, or that of
--log-format) or ztunnel, debug messages of Envoy's RBAC filters, the output of hubble observe -o json, a response of
Prometheus's HTTP API for istio_requests_total or istio_tcp_connections_opened_total, or a Kiali graph as JSON. --prometheus
queries a server. Envoy's access logs have the addresses of callers, not their identities; --pods maps one to the other.`

// read reads all that was seen in a mesh, whose settings may be known.
func (s *sources) read(cmd *cobra.Command, names []string, mesh *inventory.Set, do func(*traffic.Call)) (seen *traffic.Seen, err error) {
	seen = new(traffic.Seen)
	if seen.Formats, err = s.formats(cmd, mesh); err != nil {
		return nil, err
	}
	switch {
	case s.prometheus == "" && cmd.Flags().Changed("since"):
		return nil, usageError("--since works only with --prometheus: logs are read in full")
	case len(names) == 0 && s.prometheus == "":
		return nil, usageError("nothing to read: name files, - for standard input, or --prometheus")
	}
	if err := readLogs(cmd, names, func(in io.Reader) error { return seen.Read(in, do) }); err != nil {
		return nil, err
	}
	if s.prometheus == "" {
		return seen, nil
	}
	if !duration.MatchString(s.since) {
		return nil, usageError("--since %s: want a duration such as 12h or 30d", s.since)
	}
	for _, metric := range []string{"istio_requests_total", "istio_tcp_connections_opened_total"} {
		if err := s.ask(cmd.Context(), metric, func(in io.Reader) error { return seen.ReadMetrics(in, do) }); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// duration is a duration of Prometheus.
var duration = regexp.MustCompile(`^[1-9][0-9]{0,5}[smhdwy]$`)

// labels are those that tell calls apart.
const labels = "__name__,reporter,source_principal,source_workload_namespace,source_workload,source_app,destination_principal,destination_workload_namespace,destination_workload,destination_app,destination_service,request_protocol,response_code"

// ask asks a Prometheus server for a metric. The largest value of a counter counts, since what increase() gives leaves
// out the first calls of a pod, which may be all that there are.
func (s *sources) ask(ctx context.Context, metric string, read func(io.Reader) error) error {
	base, err := url.Parse(s.prometheus)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return usageError("--prometheus %s: want an address such as http://localhost:9090", s.prometheus)
	}
	at := base.JoinPath("api/v1/query")
	at.RawQuery = url.Values{"query": {fmt.Sprintf("sum by (%s) (label_replace(max_over_time(%s[%s]), \"__name__\", %q, \"\", \"\"))", labels, metric, s.since, metric)}}.Encode()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return fmt.Errorf("%s: %w", base.Redacted(), err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 300))
		return fmt.Errorf("%s: %s: %s", base.Redacted(), response.Status, strings.TrimSpace(string(body)))
	}
	if err := read(response.Body); err != nil {
		return fmt.Errorf("%s: %w", base.Redacted(), err)
	}
	return nil
}

// readLogs reads files, or standard input for `-`, one after another.
func readLogs(cmd *cobra.Command, names []string, read func(io.Reader) error) error {
	for _, name := range names {
		if name == "-" {
			if err := read(cmd.InOrStdin()); err != nil {
				return fmt.Errorf("standard input: %w", cause(err))
			}
			continue
		}
		file, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, cause(err))
		}
		err = read(file)
		if err = errors.Join(err, file.Close()); err != nil {
			return fmt.Errorf("%s: %w", name, cause(err))
		}
	}
	return nil
}

// directory reads the pods that --pods names; nil where it names none.
func (s *sources) directory(cmd *cobra.Command) (pods *directory.Directory, err error) {
	if s.pods == "" {
		return nil, nil
	}
	err = readLogs(cmd, []string{s.pods}, func(in io.Reader) (err error) {
		pods, err = directory.Read(in)
		return err
	})
	return pods, err
}
