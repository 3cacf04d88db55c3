package folder

import (
	"fmt"
	"slices"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

// Refusal is the error of a Replace that would have lost a file or an edit. Nothing was changed.
type Refusal struct {
	Findings    diag.List    // diag.ForeignFile, diag.ChangedFile and diag.OtherEnvironment, sorted by path
	Differences []Difference // of the files that the findings name
}

func (r *Refusal) Error() string { return r.Findings.Err().Error() }

// Unwrap returns the findings as errors.
func (r *Refusal) Unwrap() error { return r.Findings.Err() }

func (r *Refusal) orNil() error {
	if r == nil || len(r.Findings) == 0 {
		return nil
	}
	r.Findings = r.Findings.Sort()
	return r
}

// refusal returns a *Refusal if the work would lose something, else nil.
func (w *work) refusal(o Options) error {
	r := w.obstacles
	for _, d := range w.foreignFiles {
		r.add(w.destination, diag.ForeignFile, d, "meshc would write this file, but the file that is there was not written by meshc").
			WithHelp("move the file away or delete it, or choose another folder")
	}
	if !o.Overwrite {
		for _, d := range w.changedFiles {
			r.changed(w.destination, d)
		}
		w.otherEnvironment(r)
	}
	return r.orNil()
}

// otherEnvironment refuses to replace one environment by another, which a controller that applies the folder would not
// notice. A folder without an environment may get one.
func (w *work) otherEnvironment(r *Refusal) {
	i := slices.IndexFunc(w.Differences, func(d Difference) bool { return d.Path == targets.LockName && d.Before != nil })
	if i < 0 {
		return
	}
	d := w.Differences[i]
	before, err := targets.ParseLock(d.Before)
	after, afterErr := targets.ParseLock(d.After)
	if err != nil || afterErr != nil || before.Environment == "" || before.Environment == after.Environment {
		return
	}
	wanted := "the environment " + after.Environment
	if after.Environment == "" {
		wanted = "no environment"
	}
	r.Findings.Add(diag.OtherEnvironment, w.firstChange(d), "this folder holds the environment %s, and the build is for %s", before.Environment, wanted).
		WithHelp("build into another folder, build with `--env %s`, or give this folder to the other environment with --overwrite", before.Environment)
}

func (r *Refusal) changed(p *destination, d Difference) {
	verb := "replaced"
	if d.After == nil {
		verb = "removed"
	}
	r.add(p, diag.ChangedFile, d, "this file was changed by hand since meshc wrote it, and would be %s", verb).
		WithHelp("express the change as intents and delete the file, or discard it with --overwrite")
}

func (r *Refusal) add(p *destination, code diag.Code, d Difference, format string, args ...any) *diag.Diagnostic {
	r.Differences = append(r.Differences, d)
	return r.Findings.Add(code, p.firstChange(d), format, args...)
}

// obstacle refuses anything but a file or folder, such as a symbolic link, and a folder where a file should be.
func (r *Refusal) obstacle(p *destination, path, what, wanted string) {
	at := source.NewFile(p.shown(path), "").Span(0, 0)
	r.Findings.Add(diag.ForeignFile, at, "%s is where meshc would write %s", what, wanted).
		WithHelp("move it away, or choose another folder; meshc never writes through symbolic links in its folder")
}

// firstChange returns the first line of the file that differs from what meshc would write.
func (p *destination) firstChange(d Difference) source.Span {
	f := source.NewFile(p.shown(d.Path), string(d.Before))
	start := 0
	for i := range min(len(d.Before), len(d.After)) {
		if d.Before[i] != d.After[i] {
			break
		}
		if d.Before[i] == '\n' {
			start = i + 1
		}
	}
	line := f.Line(f.Position(start).Line)
	return f.Span(start, start+len(line))
}

// shown returns a path in the folder as findings print it.
func (p *destination) shown(path string) string {
	if p.name == "." {
		return path
	}
	return p.name + "/" + path
}

func (p *destination) lockError(err error) error {
	return fmt.Errorf("%s does not say which files are meshc's: %w", p.shown(targets.LockName), err)
}
