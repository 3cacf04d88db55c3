// Command bench measures how long meshc takes to build generated projects, and how much memory, and prints a table.
//
//	go run ./testdata/bench        # or: make bench
//
// It builds meshc and the generator, and builds each project several times to a stream and to a folder. For comparison it
// copies the same files with cp -r. Last, it measures meshc diff between the project and the same one without one of its edges.
// The table shows medians.
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
	runs := flag.Int("runs", 5, "how often to measure each step")
	flag.Parse()
	if err := bench(*sizes, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(sizes string, runs int) error {
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

	var tables [][]row
	for size := range strings.SplitSeq(sizes, ",") {
		services, err := strconv.Atoi(strings.TrimSpace(size))
		if err != nil {
			return fmt.Errorf("-n: %w", err)
		}
		project := filepath.Join(top, "project"+size)
		if err := run(exec.Command(synth, "-n", strconv.Itoa(services), "-o", project)); err != nil {
			return err
		}
		rows, err := b.measure(services, project)
		if err != nil {
			return err
		}
		tables = append(tables, rows)
	}
	fmt.Printf("%s/%s, %d processors, %s, medians of %d runs\n\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), runs)
	print(tables)
	return nil
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
	steps := []struct {
		name   string
		before string // removed before each run
		result string
		args   []string
	}{
		{"to a stream", "", stream, []string{b.meshc, "build", project}},
		{"to a new folder", out, out, []string{b.meshc, "build", project, "-o", out}},
		{"to the same folder", "", out, []string{b.meshc, "build", project, "-o", out}},
		{"cp -r of the folder", copied, copied, []string{"cp", "-r", out, copied}},
		{"diff of one edge", "", stream, []string{b.meshc, "diff", project, changed}},
	}
	var rows []row
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
			c, err := once(stream, s.args...)
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
	return rows, errors.Join(os.RemoveAll(out), os.RemoveAll(copied))
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
	fmt.Fprintln(w, "services\tstep\tCPU s\twall s\tpeak MB\tMB\tfiles\t")
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
