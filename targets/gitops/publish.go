package gitops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/transport"

	"github.com/meshc/meshc/lang/diag"
)

const (
	defaultTimeout = 2 * time.Minute
	maxAttempts    = 40
	minPause       = 20 * time.Millisecond
	maxPause       = 5 * time.Second // before growth
	maxGrowth      = 8
)

// run attempts the publish until it succeeds, fails, or runs out of attempts or time.
func (p *publisher) run() (Result, diag.List, error) {
	growth := 1.0
	for attempt := 1; ; attempt++ {
		start := time.Now()
		result, findings, err := p.attempt()
		result.Attempts = attempt
		if err != nil && p.ctx.Err() != nil && len(p.lost) > 0 {
			return Result{}, nil, p.stuck(attempt)
		}
		if err == nil || !errors.Is(err, errRaced) {
			return result, findings, err
		}
		if attempt == maxAttempts {
			return Result{}, nil, p.stuck(attempt)
		}
		// The pause is about as long as an attempt, so that others can complete theirs.
		growth = min(growth*1.4, maxGrowth)
		pause := time.Duration(growth * float64(min(time.Since(start), maxPause)))
		select {
		case <-time.After(rand.N(max(pause, minPause))):
		case <-p.ctx.Done():
			if len(p.lost) > 0 {
				return Result{}, nil, p.stuck(attempt)
			}
			return Result{}, nil, context.Cause(p.ctx)
		}
	}
}

// stuck returns the error for too many lost races.
func (p *publisher) stuck(attempts int) error {
	help := "try again when fewer publishers run at once"
	if len(p.lost) > 0 {
		help += "; a lock that remains was left by a git process that was killed, and can be deleted"
	}
	e := fail(Contended, help, "%s: the branch could not be moved in %d attempts", p.name, attempts)
	e.Remote = p.lost
	return e
}

// attempt reads the repository, plans and pushes once.
func (p *publisher) attempt() (Result, diag.List, error) {
	v, err := p.look()
	if err != nil {
		return Result{}, nil, err
	}
	defer v.close()
	base, err := p.base(v)
	if err != nil {
		return Result{}, nil, err
	}
	result := Result{Repository: p.name, Base: base, Branch: base, Review: p.reviewBranch()}
	head := v.branches[base]
	root, err := treeOf(v, head)
	if err != nil {
		return Result{}, nil, err
	}
	work, tree, err := p.withOthers(v, root)
	if err != nil {
		return Result{}, nil, err
	}
	if work.findings = work.findings.Apply(p.o.Warnings); work.findings.HasErrors() {
		return result, work.findings, nil
	}
	result.Change = work.change(p.files)
	if p.o.Direct {
		return p.direct(v, result, work, tree)
	}
	return p.review(v, result, work, root, tree)
}

// look reads the repository. If that requires credentials it tries again with those of git's credential helper.
func (p *publisher) look() (*view, error) {
	pick := func(r references) []plumbing.Hash {
		var wanted []plumbing.Hash
		names := []string{cmp.Or(p.o.Branch, r.head)}
		if !p.o.Direct {
			names = append(names, p.reviewBranch())
		}
		for _, name := range names {
			if h := r.branches[name]; !h.IsZero() && !slices.Contains(wanted, h) {
				wanted = append(wanted, h)
			}
		}
		return wanted
	}
	v, err := catchPanic(func() (*view, error) { return p.remote.look(p.ctx, pick) })
	if errors.Is(err, transport.ErrAuthenticationRequired) && p.askHelper(p.ctx) {
		v, err = catchPanic(func() (*view, error) { return p.remote.look(p.ctx, pick) })
	}
	if err != nil && p.ctx.Err() != nil {
		err = context.Cause(p.ctx)
	}
	return v, err
}

// catchPanic turns a panic into an error, because some of go-git's parsers panic on malformed answers.
func catchPanic[T any](f func() (T, error)) (value T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("malformed: %v", r)
		}
	}()
	return f()
}

// base returns the branch that controllers follow. In a repository without commits it need not exist.
func (p *publisher) base(v *view) (string, error) {
	name := cmp.Or(p.o.Branch, v.head)
	if len(v.branches) == 0 {
		if !p.o.Direct {
			return "", fail(Empty, "make its first commit with --direct, then propose changes to it", "%s has no commit yet, so there is nothing to propose a change to", p.name)
		}
		return cmp.Or(name, "main"), nil
	}
	if _, ok := v.branches[name]; ok {
		return name, nil
	}
	names := slices.Sorted(func(yield func(string) bool) {
		for n := range v.branches {
			if !strings.HasPrefix(n, "meshc/") && !yield(n) {
				return
			}
		}
	})
	if len(names) > 5 {
		names = append(names[:5], "…")
	}
	if name == "" {
		return "", fail(NoBranch, "name the branch that the controllers follow: "+strings.Join(names, ", "), "%s does not report its default branch", p.name)
	}
	help := "the repository has " + strings.Join(names, ", ")
	if _, ok := v.branches[v.head]; ok {
		help += "; its default branch is " + v.head
	}
	return "", fail(NoBranch, help, "%s has no branch %s", p.name, name)
}

func treeOf(v *view, commit plumbing.Hash) (plumbing.Hash, error) {
	if commit.IsZero() {
		return plumbing.ZeroHash, nil
	}
	c, err := readCommit(v.store, commit)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	return c.TreeHash, nil
}

// plan computes the new tree of the repository, but for the edits of files of others.
func (p *publisher) plan(v *view, root plumbing.Hash, edits *edits) (*plan, plumbing.Hash, error) {
	work := &plan{edits: edits, store: v.store, fresh: newObjects(), path: p.path, overwrite: p.o.Overwrite}
	chain, err := p.descend(v, root)
	if err != nil {
		return nil, root, err
	}
	if err := p.readLock(v, chain[len(chain)-1], work); err != nil {
		return nil, root, err
	}
	tree, err := work.apply(chain[len(chain)-1].tree, p.want)
	if err != nil || work.findings.HasErrors() {
		return work, root, err
	}
	for i := len(chain) - 2; i >= 0; i-- {
		if tree == chain[i+1].tree {
			return work, root, nil
		}
		entries := slices.DeleteFunc(chain[i].entries, func(e object.TreeEntry) bool { return e.Name == chain[i+1].name })
		if !tree.IsZero() {
			entries = append(entries, object.TreeEntry{Name: chain[i+1].name, Mode: filemode.Dir, Hash: tree})
		}
		if tree, err = work.fresh.addTree(entries); err != nil {
			return nil, root, err
		}
	}
	if tree.IsZero() { // a commit needs a tree even if it is empty
		tree, err = work.fresh.addEmpty()
		return work, tree, err
	}
	return work, tree, nil
}

// push moves branches. If the connection breaks, it reads the branches again to find out whether the push succeeded.
func (p *publisher) push(moves []move, fresh *objects) error {
	var said remark
	_, err := catchPanic(func() (struct{}, error) { return struct{}{}, p.remote.push(p.ctx, moves, fresh, &said) })
	if errors.Is(err, transport.ErrAuthenticationRequired) && p.askHelper(p.ctx) {
		_, err = catchPanic(func() (struct{}, error) { return struct{}{}, p.remote.push(p.ctx, moves, fresh, &said) })
	}
	if err == nil || errors.Is(err, errRaced) {
		return err
	}
	if p.ctx.Err() != nil {
		return context.Cause(p.ctx)
	}
	now, lookErr := catchPanic(func() (*view, error) {
		return p.remote.look(p.ctx, func(references) []plumbing.Hash { return nil })
	})
	if lookErr == nil {
		now.close()
		landed, moved := true, false
		for _, m := range moves {
			landed = landed && now.branches[m.branch] == m.new
			moved = moved || now.branches[m.branch] != m.old
		}
		switch {
		case landed:
			return nil
		case moved:
			return errRaced
		}
	}
	var no *rejection
	if !errors.As(err, &no) {
		return err
	}
	// Two pushes that contend for the lock of a branch are a race without a winner yet.
	if strings.Contains(no.reason, "lock") || strings.Contains(no.reason, "failed to update ref") {
		p.lost = lines(no.reason + "\n" + said.String())
		return errRaced
	}
	e := fail(Refused, refusalHelp(no.reason+" "+said.String()), "%s refuses the commit on %s: %s", p.name, moves[0].branch, no.reason)
	e.Remote = lines(said.String())
	return e
}

func refusalHelp(reason string) string {
	switch {
	case strings.Contains(reason, "non-fast-forward"):
		return "a proposal replaces the previous one: exempt branches meshc/* from receive.denyNonFastForwards, or from the rule that forbids it"
	case strings.Contains(reason, "protected"):
		return "propose the change without --direct, or let the account write to the branch"
	case strings.Contains(reason, "hook"):
		return "a hook of the repository refused it, and its output says why"
	case strings.Contains(reason, "currently checked out"):
		return "publish to a bare repository: this one has a work tree in use"
	}
	return ""
}
