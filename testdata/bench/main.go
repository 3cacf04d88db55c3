// Command bench measures how long meshc takes to build generated projects, and how much memory, and prints a table.
//
//	go run ./testdata/bench        # or: make bench
//
// It builds meshc and the generator, and builds each project several times: to a stream, also with NetworkPolicies and
// in ambient mode, and to a folder. For comparison it copies the same files with cp -r. Then it measures meshc diff
// between a project and the same one without one of its edges, meshc verify and meshc why, and what an editor with the
// project open waits for; -editor measures only that. Next it builds and verifies meshes in which every service may
// call every other, and finally it reads a log and metrics. The tables show medians, and goals where there are some.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	sizes := flag.String("n", "1000,10000", "numbers of services, separated by commas")
	open := flag.String("open", "375,750,1500", "numbers of services of meshes in which every service may call every other, separated by commas")
	runs := flag.Int("runs", 5, "how often to measure each step")
	editor := flag.Bool("editor", false, "measure only what an editor waits for")
	flag.Parse()
	if err := bench(*sizes, *open, *runs, *editor); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(sizes, open string, runs int, onlyEditor bool) error {
	if runs < 1 {
		return errors.New("-runs must be at least 1")
	}
	top, err := os.MkdirTemp("", "meshc-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(top)
	suffix := ""
	if runtime.GOOS == "windows" {
		suffix = ".exe"
	}
	b := bencher{top: top, runs: runs, meshc: filepath.Join(top, "meshc"+suffix)}
	synth := filepath.Join(top, "synth"+suffix)
	for out, pkg := range map[string]string{b.meshc: "./cmd/meshc", synth: "./testdata/synth"} {
		if err := run(exec.Command("go", "build", "-o", out, pkg)); err != nil {
			return err
		}
	}

	var answers []answer
	generated, err := tablesOf("-n", sizes, func(services int) ([]row, error) {
		project := filepath.Join(top, fmt.Sprintf("project%d", services))
		if err := run(exec.Command(synth, "-n", strconv.Itoa(services), "-o", project)); err != nil {
			return nil, err
		}
		waits, err := b.measureEditor(services, project)
		if answers = append(answers, waits...); err != nil || onlyEditor {
			return nil, err
		}
		return b.measure(services, project)
	})
	if err != nil {
		return err
	}
	if onlyEditor {
		printAnswers(answers)
		return nil
	}
	everyone, err := tablesOf("-open", open, b.measureOpen)
	if err != nil {
		return err
	}
	traffic, err := b.measureTraffic()
	if err != nil {
		return err
	}
	fmt.Printf("%s/%s, %d processors, %s, medians of %d runs\n\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), runs)
	print(generated)
	fmt.Print("\nIn an editor:\n\n")
	printAnswers(answers)
	fmt.Print("\nEvery service may call every other:\n\n")
	print(everyone)
	for i, rows := range traffic {
		fmt.Printf("\n%s:\n\n", [...]string{"Lines of a log", "Series of metrics"}[i])
		print([][]row{rows})
	}
	return nil
}

// tablesOf measures each of the sizes that a flag lists.
func tablesOf(flag, sizes string, measure func(services int) ([]row, error)) (tables [][]row, err error) {
	for size := range strings.SplitSeq(sizes, ",") {
		services, err := strconv.Atoi(strings.TrimSpace(size))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		rows, err := measure(services)
		if err != nil {
			return nil, err
		}
		tables = append(tables, rows)
	}
	return tables, nil
}

type bencher struct {
	top, meshc string
	runs       int
}

// row is the result of one step.
type row struct {
	services int
	step     string
	cost
	bytes, files int64
}

type cost struct {
	cpu, wall time.Duration
	memory    int64 // peak in bytes; 0 where the system does not report it
}

func (b *bencher) measure(services int, project string) ([]row, error) {
	stream, out, copied := filepath.Join(b.top, "stream.yaml"), filepath.Join(b.top, "out"), filepath.Join(b.top, "copied")
	changed := project + "-changed"
	if err := dropEdge(project, changed); err != nil {
		return nil, err
	}
	two, ambient := project+"-two", project+"-ambient"
	if err := errors.Join(withSettings(project, two, "targets: {istio: {}, networkPolicy: {}}\n"), inAmbientMode(project, ambient)); err != nil {
		return nil, err
	}
	rows, err := b.rows(services, []step{
		{"to a stream", "", stream, []string{b.meshc, "build", project}},
		{"with NetworkPolicies", "", stream, []string{b.meshc, "build", two}},
		{"in ambient mode, with waypoints", "", stream, []string{b.meshc, "build", ambient}},
		{"to a new folder", out, out, []string{b.meshc, "build", project, "-o", out}},
		{"to the same folder", "", out, []string{b.meshc, "build", project, "-o", out}},
		{"cp -r of the folder", copied, copied, []string{"cp", "-r", out, copied}},
		{"diff of one edge", "", stream, []string{b.meshc, "diff", project, changed}},
		{"verify", "", stream, []string{b.meshc, "verify", project}},
		{"why", "", stream, []string{b.meshc, "why", "team-0000/svc-00001", "team-0000/svc-00000", "--project", project}},
	})
	return rows, errors.Join(err, os.RemoveAll(out), os.RemoveAll(copied))
}

// measureOpen measures a mesh in which every service may call every other.
func (b *bencher) measureOpen(services int) ([]row, error) {
	var text strings.Builder
	text.WriteString("mesh shop strict\n")
	for i := range services {
		fmt.Fprintf(&text, "service s%d account s%[1]d port 8080 http\n", i)
	}
	text.WriteString("* -> *\n")
	project, stream := filepath.Join(b.top, "open.mesh"), filepath.Join(b.top, "stream.yaml")
	if err := os.WriteFile(project, []byte(text.String()), 0o644); err != nil {
		return nil, err
	}
	return b.rows(services, []step{
		{"to a stream", "", stream, []string{b.meshc, "build", project}},
		{"verify", "", stream, []string{b.meshc, "verify", project}},
	})
}

// step is a command to measure.
type step struct {
	name   string
	before string // removed before each run
	result string
	args   []string
}

// rows measures steps.
func (b *bencher) rows(services int, steps []step) (rows []row, err error) {
	for _, s := range steps {
		if _, err := exec.LookPath(s.args[0]); err != nil && s.args[0] == "cp" {
			continue // Windows
		}
		var costs []cost
		for range b.runs {
			if s.before != "" {
				if err := os.RemoveAll(s.before); err != nil {
					return nil, err
				}
			}
			c, err := once(filepath.Join(b.top, "stream.yaml"), s.args...)
			if err != nil {
				return nil, err
			}
			costs = append(costs, c)
		}
		bytes, files, err := size(s.result)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{services, s.name, median(costs), bytes, files})
	}
	return rows, nil
}

// withSettings copies a project that has no settings, and gives the copy some.
func withSettings(from, to, settings string) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	text := "apiVersion: meshc.dev/v1alpha1\nkind: Project\n" + settings
	return os.WriteFile(filepath.Join(to, "meshc.yaml"), []byte(text), 0o644)
}

// inAmbientMode copies a project, with a waypoint in each namespace.
func inAmbientMode(from, to string) error {
	files, err := filepath.Glob(filepath.Join(from, "*.mesh"))
	if err != nil {
		return err
	}
	settings := "dataplanes:\n"
	for _, f := range files {
		settings += "  " + strings.TrimSuffix(filepath.Base(f), ".mesh") + ": {ambient: {waypoint: waypoint}}\n"
	}
	return withSettings(from, to, settings)
}

// dropEdge copies a project, without one of its edges.
func dropEdge(from, to string) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(to, "*.mesh"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no intents in %s: %w", to, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		return err
	}
	lines := strings.SplitAfter(string(text), "\n")
	edge := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "svc-") && strings.Contains(l, " GET") })
	if edge < 0 {
		return fmt.Errorf("no edge in %s", files[0])
	}
	return os.WriteFile(files[0], []byte(strings.Join(slices.Delete(lines, edge, edge+1), "")), 0o644)
}

// once runs a command with its standard output in a file, and returns what it cost.
func once(stdout string, args ...string) (cost, error) {
	f, err := os.Create(stdout)
	if err != nil {
		return cost{}, err
	}
	defer f.Close()
	c := exec.Command(args[0], args[1:]...)
	c.Stdout = f
	start := time.Now()
	if err := run(c); err != nil {
		return cost{}, err
	}
	return cost{
		cpu:    c.ProcessState.UserTime() + c.ProcessState.SystemTime(),
		wall:   time.Since(start),
		memory: peakMemory(c.ProcessState),
	}, nil
}

// run runs a command. The error contains what the command wrote to standard error.
func run(c *exec.Cmd) error {
	var stderr bytes.Buffer
	c.Stderr = &stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(c.Args, " "), err, stderr.String())
	}
	return nil
}

func median(costs []cost) cost {
	var m cost
	pick := func(of func(cost) int64) int64 {
		var all []int64
		for _, c := range costs {
			all = append(all, of(c))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	m.cpu = time.Duration(pick(func(c cost) int64 { return int64(c.cpu) }))
	m.wall = time.Duration(pick(func(c cost) int64 { return int64(c.wall) }))
	m.memory = pick(func(c cost) int64 { return c.memory })
	return m
}

// size returns the bytes and the number of the files at or below a path.
func size(path string) (bytes, files int64, err error) {
	err = filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			bytes += info.Size()
			files++
		}
		return err
	})
	return bytes, files, err
}

func print(tables [][]row) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "number\tstep\tCPU s\twall s\tpeak MB\tMB\tfiles\t")
	for _, rows := range tables {
		for _, r := range rows {
			fmt.Fprintf(w, "%d\t%s\t%.3f\t%.3f\t%s\t%.2f\t%d\t\n", r.services, r.step, r.cpu.Seconds(), r.wall.Seconds(),
				megabytes(r.memory), float64(r.bytes)/1e6, r.files)
		}
	}
	for i := 1; i < len(tables); i++ {
		for j, large := range tables[i] {
			small := tables[i-1][j]
			memory := "-"
			if small.memory > 0 {
				memory = fmt.Sprintf("%.1fx", float64(large.memory)/float64(small.memory))
			}
			fmt.Fprintf(w, "%d/%d\t%s\t%.1fx\t%.1fx\t%s\t%.1fx\t%.1fx\t\n", large.services, small.services, large.step,
				ratio(large.cpu, small.cpu), ratio(large.wall, small.wall), memory,
				ratio(large.bytes, small.bytes), ratio(large.files, small.files))
		}
	}
	w.Flush()
}

func ratio[N ~int64](a, b N) float64 { return float64(a) / float64(max(b, 1)) }

func megabytes(n int64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f", float64(n)/1e6)
}
