package gitops

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/textdiff"
)

// direct commits to the branch that controllers follow.
func (p *publisher) direct(v *view, result Result, work *plan, tree plumbing.Hash) (Result, diag.List, error) {
	head := v.branches[result.Base]
	was, err := treeOf(v, head)
	if err != nil {
		return Result{}, nil, err
	}
	if was == tree && !head.IsZero() {
		result.UpToDate = true
		if head == p.pushed { // an earlier attempt succeeded, although its connection broke
			result.UpToDate, result.Commit = false, head.String()
		}
		return result, work.findings, nil
	}
	return p.land(result, work, tree, head, head)
}

// review puts a commit on the review branch, on top of the branch that controllers follow. It replaces the previous
// proposal.
func (p *publisher) review(v *view, result Result, work *plan, root, tree plumbing.Hash) (Result, diag.List, error) {
	head, tip := v.branches[result.Base], v.branches[p.reviewBranch()]
	var proposal *object.Commit
	if !tip.IsZero() {
		var err error
		if proposal, err = readCommit(v.store, tip); err != nil {
			return Result{}, nil, err
		}
	}
	if root == tree {
		return p.withdraw(v, result, work, root, tip, proposal)
	}
	result.Branch = p.reviewBranch()
	if proposal != nil {
		if proposal.TreeHash == tree && slices.Equal(proposal.ParentHashes, []plumbing.Hash{head}) && p.isOurs(proposal) {
			result.Commit, result.UpToDate = tip.String(), tip != p.pushed
			err := p.describe(&result, work)
			return result, work.findings, err
		}
		if findings, err := p.mayReplace(v, proposal, root, work); err != nil || len(findings) > 0 {
			return result, findings, err
		}
	}
	return p.land(result, work, tree, head, tip)
}

// withdraw deletes a proposal if the base already has everything. A proposal that was edited by hand is kept.
func (p *publisher) withdraw(v *view, result Result, work *plan, root, tip plumbing.Hash, proposal *object.Commit) (Result, diag.List, error) {
	result.UpToDate = true
	if proposal == nil || p.mustKeep(v, proposal, root, work) {
		return result, work.findings, nil
	}
	theirs, err := p.descend(v, proposal.TreeHash)
	if err != nil {
		return Result{}, nil, err
	}
	ours, err := p.descend(v, root)
	if err != nil {
		return Result{}, nil, err
	}
	if theirs[len(theirs)-1].tree == ours[len(ours)-1].tree { // it was merged
		return result, work.findings, nil
	}
	result.Withdrawn = true
	if p.o.DryRun {
		return result, work.findings, nil
	}
	return result, work.findings, p.push([]move{{p.reviewBranch(), tip, plumbing.ZeroHash}}, work.fresh)
}

// describe sets the message of a result, and adds its findings to those of the plan.
func (p *publisher) describe(result *Result, work *plan) error {
	if p.o.Describe == nil {
		return nil
	}
	m, err := p.o.Describe(result.Change)
	result.Message = m
	work.findings = append(work.findings, m.Findings.Apply(p.o.Warnings)...)
	return err
}

// land commits and pushes. The parent of the commit is head, and the branch of the result moves from old to the commit.
func (p *publisher) land(result Result, work *plan, tree, head, old plumbing.Hash) (Result, diag.List, error) {
	if err := p.describe(&result, work); err != nil {
		return Result{}, nil, err
	}
	if work.findings.HasErrors() {
		return result, work.findings, nil
	}
	commit, err := p.commit(work.fresh, tree, head, result.Message)
	if err != nil {
		return Result{}, nil, err
	}
	result.Commit = commit.String()
	if p.o.DryRun {
		return result, work.findings, nil
	}
	p.pushed = commit
	if err := p.push([]move{{result.Branch, old, commit}}, work.fresh); err != nil {
		return Result{}, nil, err
	}
	return result, work.findings, nil
}

// isOurs reports whether a commit is a proposal for this folder that has not been edited.
func (p *publisher) isOurs(c *object.Commit) bool {
	t := trailers(c.Message)
	return p.isFor(t) && t[trailerTree] == c.TreeHash.String()
}

func (p *publisher) isFor(t map[string]string) bool {
	return t[trailerEnvironment] == p.environment() && t[trailerPath] == cmp.Or(p.path, ".")
}

func (p *publisher) mustKeep(v *view, c *object.Commit, root plumbing.Hash, work *plan) bool {
	findings, err := p.mayReplace(v, c, root, work)
	return err != nil || len(findings) > 0
}

// mayReplace finds what would be lost by replacing a proposal: one for another folder, or an edit by hand. A proposal
// that was only rebased or merged with its base may be replaced, because its files of meshc match the lock and all
// others match the base.
func (p *publisher) mayReplace(v *view, c *object.Commit, root plumbing.Hash, work *plan) (diag.List, error) {
	if p.isOurs(c) || p.o.Overwrite {
		return nil, nil
	}
	branch := p.reviewBranch()
	if t := trailers(c.Message); t[trailerTree] == c.TreeHash.String() && !p.isFor(t) {
		return nil, fail(Taken, "give each environment of a repository a name or a path of its own", "the branch %s of %s already proposes a change to %s of the environment %s", branch, p.name, t[trailerPath], t[trailerEnvironment])
	}
	var findings diag.List
	edited := func(path string, was, is object.TreeEntry) error {
		text, err := p.handEdit(v.store, path, was, is)
		d := findings.Add(diag.ChangedFile, source.Span{}, "the branch %s was changed by hand: %s", branch, path)
		if text != "" {
			d.WithNote("%s", text)
		}
		d.WithHelp("express the change as intents, and replace the branch with --overwrite")
		return err
	}
	mine, before := &plan{store: v.store}, &plan{store: v.store}
	for _, side := range []struct {
		tree plumbing.Hash
		plan *plan
	}{{c.TreeHash, mine}, {root, before}} {
		chain, err := p.descend(v, side.tree)
		if err != nil {
			return nil, err
		}
		if err := p.readLock(v, chain[len(chain)-1], side.plan); err != nil {
			return nil, err
		}
	}
	err := differences(v.store, "", root, c.TreeHash, func(path string, was, is object.TreeEntry) error {
		if len(findings) > 0 || work.asEdited(path, is) {
			return nil
		}
		rel, inside := below(p.path, path)
		digest, owned := mine.owns(rel)
		switch {
		case !inside:
			return edited(path, was, is)
		case is.Hash.IsZero():
			if _, wasOwned := before.owns(rel); owned || !wasOwned {
				return edited(path, was, is)
			}
		case !owned || is.Mode != filemode.Regular:
			return edited(path, was, is)
		case digest != "": // the lock has none
			data, err := readBlob(v.store, is.Hash)
			if err != nil {
				return err
			}
			if targets.Digest(data) != digest {
				return edited(path, was, is)
			}
		}
		return nil
	})
	return findings, err
}

// handEdit returns the diff of an edited file in a proposal: for a file of meshc, to what meshc would write; for any
// other file, to the base.
func (p *publisher) handEdit(s storer.EncodedObjectStorer, path string, was, is object.TreeEntry) (string, error) {
	texts := [2][]byte{}
	for i, e := range []object.TreeEntry{is, was} {
		if e.Mode.IsFile() {
			data, err := readBlob(s, e.Hash)
			if err != nil {
				return "", err
			}
			texts[i] = data
		}
	}
	from := "in the base"
	if rel, inside := below(p.path, path); inside {
		if i := slices.IndexFunc(p.files, func(f targets.File) bool { return f.Path == rel }); i >= 0 {
			from, texts[1] = "as meshc writes it", p.files[i].Data
		}
	}
	return shorten(textdiff.Unified("on the branch", from, texts[0], texts[1])), nil
}

// below returns path relative to folder, and whether it is in folder.
func below(folder, path string) (string, bool) {
	if folder == "" {
		return path, true
	}
	return strings.CutPrefix(path, folder+"/")
}

// differences visits the files that differ between two trees, with a zero entry for a file that does not exist. It does
// not read folders that are equal.
func differences(s storer.EncodedObjectStorer, prefix string, old, now plumbing.Hash, visit func(path string, was, is object.TreeEntry) error) error {
	if old == now {
		return nil
	}
	there, err := entriesOf(s, old)
	if err != nil {
		return err
	}
	here, err := entriesOf(s, now)
	if err != nil {
		return err
	}
	both := map[string][2]object.TreeEntry{}
	for i, entries := range [][]object.TreeEntry{there, here} {
		for _, e := range entries {
			pair := both[e.Name]
			pair[i] = e
			both[e.Name] = pair
		}
	}
	for _, name := range slices.Sorted(maps.Keys(both)) {
		was, is := both[name][0], both[name][1]
		if was == is {
			continue
		}
		var sides [2]plumbing.Hash // the folders of that name
		for i, e := range []*object.TreeEntry{&was, &is} {
			if e.Mode == filemode.Dir {
				sides[i], *e = e.Hash, object.TreeEntry{}
			}
		}
		if err := differences(s, prefix+name+"/", sides[0], sides[1], visit); err != nil {
			return err
		}
		if was != is {
			if err := visit(prefix+name, was, is); err != nil {
				return err
			}
		}
	}
	return nil
}
