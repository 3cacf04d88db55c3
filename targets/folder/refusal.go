package folder

import (
	"fmt"
	"slices"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

// Refusal is the error of a Replace that would have lost what somebody else wrote. Nothing was changed.
type Refusal struct {
	Findings    diag.List    // diag.ForeignFile, diag.ChangedFile and diag.OtherEnvironment, sorted by path
	Differences []Difference // of the files found: what is there, and what would have been
}

func (r *Refusal) Error() string { return r.Findings.Err().Error() }

// Unwrap gives the findings as errors.
func (r *Refusal) Unwrap() error { return r.Findings.Err() }

func (r *Refusal) orNil() error {
	if r == nil || len(r.Findings) == 0 {
		return nil
	}
	r.Findings = r.Findings.Sort()
	return r
}

// refusal is what stands in the way of the work, nil where nothing does.
func (w *work) refusal(o Options) error {
	r := w.obstacles
	for _, d := range w.foreignFiles {
		r.add(w.place, diag.ForeignFile, d, "meshc would write this file, but something else is there that it did not write").
			WithHelp("move the file away or delete it, or choose another folder")
	}
	if !o.Overwrite {
		for _, d := range w.changedFiles {
			r.changed(w.place, d)
		}
		w.otherEnvironment(r)
	}
	return r.orNil()
}

// otherEnvironment refuses to make the folder of one environment that of another: what applies the folder would
// not notice. A lock that names no environment may come to name one.
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
	r.Findings.Add(diag.OtherEnvironment, w.firstChange(d), "this folder is that of the environment %s, and the build is for %s", before.Environment, wanted).
		WithHelp("build into another folder, build with `--env %s`, or change what this folder is for with --overwrite", before.Environment)
}

func (r *Refusal) changed(p *place, d Difference) {
	verb := "replaced"
	if d.After == nil {
		verb = "removed"
	}
	r.add(p, diag.ChangedFile, d, "this file was changed by hand since meshc wrote it, and would be %s", verb).
		WithHelp("put the change into the intents and delete the file, or give it up with --overwrite")
}

func (r *Refusal) add(p *place, code diag.Code, d Difference, format string, args ...any) *diag.Diagnostic {
	r.Differences = append(r.Differences, d)
	return r.Findings.Add(code, p.firstChange(d), format, args...)
}

// obstacle refuses something that is no file, such as a symbolic link, or a folder where a file is to be.
func (r *Refusal) obstacle(p *place, path, what, wanted string) {
	at := source.NewFile(p.shown(path), "").Span(0, 0)
	r.Findings.Add(diag.ForeignFile, at, "%s is where meshc would write %s", what, wanted).
		WithHelp("move it away, or choose another folder; meshc never writes through symbolic links in its folder")
}

// firstChange is the first line of a file that differs from what meshc would write.
func (p *place) firstChange(d Difference) source.Span {
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

// shown is a path of the folder as findings print it.
func (p *place) shown(path string) string {
	if p.name == "." {
		return path
	}
	return p.name + "/" + path
}

// lockError says which lock cannot be read.
func (p *place) lockError(err error) error {
	return fmt.Errorf("%s does not say which files are meshc's: %w", p.shown(targets.LockName), err)
}
