package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/rollout"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/targets/gitops"
)

// firstStep returns what to publish first where applying everything at once would open or shut something for a moment,
// and whether that is not everything.
func firstStep(ctx context.Context, after compiler.Side, settings *config.Project, o gitops.Options) (compiler.Side, bool, error) {
	before, err := gitops.Fetch(ctx, after.Files, o)
	if err != nil {
		return after, false, err
	}
	windows, err := compiler.Windows(ctx, before, after)
	if err != nil || len(windows) == 0 {
		return after, false, err
	}
	files, err := compiler.Halfway(ctx, before, after, o.Environment)
	if err != nil {
		return after, false, err
	}
	if files == nil {
		return after, false, &gitops.Error{
			Kind:    gitops.Unsupported,
			Message: "no two commits avoid that something is open or shut for a moment: " + meanwhile(windows)[0],
			Help:    "split the change yourself, or publish it without --steps",
		}
	}
	return compiler.Side{Files: files, Settings: settings}, true, nil
}

// maxWindows is how many windows are listed.
const maxWindows = 10

// meanwhile describes what happens only while a change is applied.
func meanwhile(windows []rollout.Window) []string {
	var lines []string
	for _, w := range windows[:min(len(windows), maxWindows)] {
		does := "refuses"
		if w.Opens {
			does = "is open for"
		}
		line := fmt.Sprintf("%s %s %s from %s to %s", w.Callee, does, strings.Join(w.Callers[:min(len(w.Callers), 3)], ", "), w.Since, w.Until)
		if w.Apart {
			line += ", if each namespace is applied by itself"
		}
		lines = append(lines, line)
	}
	if n := len(windows) - len(lines); n > 0 {
		lines = append(lines, fmt.Sprintf("%d more workloads are open or refuse calls", n))
	}
	return lines
}
