package gitops

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/transport"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets"
)

const (
	defaultTimeout = 2 * time.Minute
	mostAttempts   = 40
	firstPause     = 20 * time.Millisecond
	longestPause   = time.Second // before it grows
	mostGrowth     = 16
)

// publisher is one publish, from the first look to the last attempt.
type publisher struct {
	ctx     context.Context
	o       Options
	path    string // cleaned; empty is the root
	name    string // the repository, without secrets
	files   []targets.File
	want    *folder
	wanted  targets.Lock
	remote  *remote
	config  gitConfig
	secrets Secrets
	user    credentials
	asked   bool // the credential helper
	started time.Time
	timeout time.Duration
	pushed  plumbing.Hash // what the last push would have made of the branch
	lost    []string      // why the last race was lost, where the remote said it
}

func newPublisher(ctx context.Context, files []targets.File, o Options) (*publisher, func(), error) {
	p := &publisher{o: o, files: files, started: time.Now(), timeout: o.Timeout}
	if p.timeout <= 0 {
		p.timeout = defaultTimeout
	}
	for _, variable := range []string{"GITHUB_TOKEN", "GITLAB_TOKEN", "GITEA_TOKEN"} {
		p.secrets.Add("", p.getenv(variable))
	}
	for _, variable := range []string{"HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "ALL_PROXY", "all_proxy"} {
		if u, err := url.Parse(p.getenv(variable)); err == nil && u.User != nil {
			secret, _ := u.User.Password()
			p.secrets.Add(u.User.Username(), secret)
		}
	}
	if err := p.prepare(); err != nil {
		return nil, nil, p.explain(err)
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	p.ctx = ctx
	p.config = readGitConfig(ctx, o.Dir, p.childEnv())
	return p, cancel, nil
}

func (p *publisher) getenv(key string) string {
	if p.o.Getenv != nil {
		return p.o.Getenv(key)
	}
	return os.Getenv(key)
}

func (p *publisher) environment() string { return firstOf(p.o.Environment, "default") }

// prepare judges the options before anything is asked of anyone.
func (p *publisher) prepare() error {
	if p.o.Repository == "" {
		return fail(Invalid, "name one as repository of the environment in meshc.yaml", "no repository is given")
	}
	where := p.o.Repository
	endpoint, err := transport.NewEndpoint(where)
	if err != nil {
		p.secrets.Add("", passwordOf(where))
		return fail(Invalid, "give a path, or an https:// or ssh:// URL", "%q is no repository", p.secrets.Redact(where))
	}
	if endpoint.Protocol == "file" && !strings.Contains(where, "://") {
		if endpoint, err = transport.NewEndpoint(pathOf(where, p.o.Dir)); err != nil {
			return err
		}
	}
	p.secrets.Add(endpoint.User, endpoint.Password)
	p.remote = &remote{endpoint: endpoint}
	switch endpoint.Protocol {
	case "file", "http", "https", "ssh":
	default:
		return fail(Unsupported, "give a path, or an https:// or ssh:// URL", "%s:// is not supported", endpoint.Protocol)
	}
	p.remote.setUp(p.timeout)
	if err := p.findCredentials(); err != nil {
		return err
	}
	p.name = p.secrets.Redact(publicName(endpoint))

	if p.path = strings.Trim(strings.TrimPrefix(p.o.Path, "./"), "/"); p.path == "." {
		p.path = ""
	}
	if p.path != "" && (!fs.ValidPath(p.path) || slices.ContainsFunc(strings.Split(p.path, "/"), isGit)) {
		return fail(Invalid, "give a folder of the repository, such as clusters/prod", "%q cannot be a folder in a repository", p.o.Path)
	}
	for _, branch := range []string{p.o.Branch, ReviewBranch(p.o.Environment)} {
		if branch != "" && plumbing.NewBranchReferenceName(branch).Validate() != nil {
			return fail(Invalid, "", "%q cannot be the name of a branch", branch)
		}
	}
	if p.want, err = newFolder(p.files); err != nil {
		return err
	}
	if lock, ok := p.want.files[targets.LockName]; ok {
		if p.wanted, err = targets.ParseLock(lock.data); err != nil {
			return fail(Invalid, "", "%v", err)
		}
	}
	return nil
}

// publicName is an address as it may be printed: no password, and no user where HTTP has one, since some
// put a token there.
func publicName(e *transport.Endpoint) string {
	shown := *e
	shown.Password = ""
	switch e.Protocol {
	case "file":
		return e.Path
	case "http", "https":
		shown.User = ""
	}
	return shown.String()
}

func passwordOf(text string) string {
	_, rest, _ := strings.Cut(text, "://")
	userinfo, _, ok := strings.Cut(rest, "@")
	_, password, hasOne := strings.Cut(userinfo, ":")
	if !ok || !hasOne {
		return ""
	}
	return password
}

func itoa(n int) string { return strconv.Itoa(n) }

// run tries until the branch is where it shall be, or it is plain that it will not be.
func (p *publisher) run() (Result, diag.List, error) {
	growth := 1.0
	for attempt := 1; ; attempt++ {
		start := time.Now()
		result, findings, err := p.attempt()
		result.Attempts = attempt
		if err == nil || !errors.Is(err, errRaced) {
			return result, findings, err
		}
		if attempt == mostAttempts {
			e := fail(Contended, "try again when fewer publish at once", "%s: the branch could not be moved in %d attempts", p.name, attempt)
			e.Remote = p.lost
			return Result{}, nil, e
		}
		// What one attempt takes is what the others need to get through.
		growth = min(growth*1.4, mostGrowth)
		pause := time.Duration(growth * float64(min(time.Since(start), longestPause)))
		select {
		case <-time.After(rand.N(max(pause, firstPause))):
		case <-p.ctx.Done():
			return Result{}, nil, context.Cause(p.ctx)
		}
	}
}

// attempt looks, plans and pushes once.
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
	result := Result{Repository: p.name, Base: base, Branch: base, DryRun: p.o.DryRun}
	head := v.branches[base]
	root, err := treeOf(v, head)
	if err != nil {
		return Result{}, nil, err
	}
	work, tree, err := p.plan(v, root)
	if err != nil {
		return Result{}, nil, err
	}
	if work.findings.HasErrors() {
		return result, work.findings, nil
	}
	result.Change = work.change(p.files)
	if p.o.Direct {
		return p.direct(v, result, work, tree)
	}
	return p.review(v, result, work, root, tree)
}

// look asks once more with what git's credential helper knows where the remote wants credentials.
func (p *publisher) look() (*view, error) {
	pick := func(r references) []plumbing.Hash {
		var wanted []plumbing.Hash
		names := []string{firstOf(p.o.Branch, r.head)}
		if !p.o.Direct {
			names = append(names, ReviewBranch(p.o.Environment))
		}
		for _, name := range names {
			if h := r.branches[name]; !h.IsZero() && !slices.Contains(wanted, h) {
				wanted = append(wanted, h)
			}
		}
		return wanted
	}
	v, err := guarded(func() (*view, error) { return p.remote.look(p.ctx, pick) })
	if errors.Is(err, transport.ErrAuthenticationRequired) && p.askHelper(p.ctx) {
		v, err = guarded(func() (*view, error) { return p.remote.look(p.ctx, pick) })
	}
	if err != nil && p.ctx.Err() != nil {
		err = context.Cause(p.ctx)
	}
	return v, err
}

// guarded keeps a malformed answer from ending the program: the parsers of the wire are not all proof against one.
func guarded[T any](f func() (T, error)) (value T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("malformed: %v", r)
		}
	}()
	return f()
}

// base is the branch that controllers follow. In a repository without a commit it may still be made.
func (p *publisher) base(v *view) (string, error) {
	name := firstOf(p.o.Branch, v.head)
	if len(v.branches) == 0 {
		if !p.o.Direct {
			return "", fail(Empty, "make its first commit with --direct, then propose changes to it", "%s has no commit yet, so there is nothing to propose a change to", p.name)
		}
		return firstOf(name, "main"), nil
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
		return "", fail(NoBranch, "name the branch that the controllers follow: "+strings.Join(names, ", "), "%s does not tell its default branch", p.name)
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
	c, err := object.GetCommit(v.store, commit)
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("commit %s: %w", commit, err)
	}
	return c.TreeHash, nil
}

// plan works out the new tree of the whole repository.
func (p *publisher) plan(v *view, root plumbing.Hash) (*plan, plumbing.Hash, error) {
	work := &plan{store: v.store, fresh: newObjects(), path: p.path, overwrite: p.o.Overwrite}
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
	if tree.IsZero() { // a commit names a tree even where nothing is in it
		o, err := encodeTree(nil)
		if err != nil {
			return nil, root, err
		}
		tree, err = work.fresh.add(o)
		return work, tree, err
	}
	return work, tree, nil
}

// level is one folder on the way to PATH.
type level struct {
	name    string
	tree    plumbing.Hash // zero where it is not there yet
	entries []object.TreeEntry
}

// descend reads the folders from the root to PATH. Links are never followed: what they lead to is not in the tree.
func (p *publisher) descend(v *view, root plumbing.Hash) ([]level, error) {
	entries, err := entriesOf(v.store, root)
	if err != nil {
		return nil, err
	}
	chain := []level{{"", root, entries}}
	if p.path == "" {
		return chain, nil
	}
	names := strings.Split(p.path, "/")
	for i, name := range names {
		next := level{name: name}
		for _, e := range entries {
			if e.Name != name {
				continue
			}
			if e.Mode != filemode.Dir {
				return nil, fail(Unusable, "publish into another folder, or move it away", "%s of %s is %s, where a folder is needed", strings.Join(names[:i+1], "/"), p.name, kindOf(e.Mode))
			}
			next.tree = e.Hash
		}
		if next.entries, err = entriesOf(v.store, next.tree); err != nil {
			return nil, err
		}
		entries = next.entries
		chain = append(chain, next)
	}
	return chain, nil
}

// readLock finds out which files in the folder are meshc's. One that cannot be read stops everything: without
// it nothing tells meshc's files from others.
func (p *publisher) readLock(v *view, at level, work *plan) error {
	for _, e := range at.entries {
		if e.Name != targets.LockName {
			continue
		}
		name := strings.TrimPrefix(p.path+"/"+targets.LockName, "/")
		if e.Mode == filemode.Dir || e.Mode == filemode.Submodule || e.Mode == filemode.Symlink {
			return fail(BadLock, "move it away", "%s is %s", name, kindOf(e.Mode))
		}
		work.locked = true
		mine, brings := p.want.files[targets.LockName]
		if brings && mine.hash == e.Hash {
			work.lock = p.wanted
			return nil
		}
		data, err := readBlob(v.store, e.Hash)
		if err != nil {
			return err
		}
		lock, err := targets.ParseLock(data)
		switch {
		case err != nil && strings.Contains(err.Error(), "is newer than"):
			return fail(NewerLock, "use the meshc that wrote it, or a later one", "%s cannot be read: %v", name, err)
		case err != nil && p.o.Overwrite:
			work.locked, work.adopt = false, true
			return nil
		case err != nil:
			return fail(BadLock, "or write it anew with --overwrite, which takes over every file that meshc would write", "%s cannot be read: %v", name, err)
		case brings && lock.Environment != p.wanted.Environment && !p.o.Overwrite:
			return fail(BadLock, "give each environment a folder of its own, or take this one over with --overwrite",
				"%s holds the environment %s", firstOf(p.path, "the repository"), firstOf(lock.Environment, "default"))
		}
		work.lock = lock
	}
	return nil
}

// published reads the files that the lock names.
func (p *publisher) published() ([]targets.File, error) {
	p.o.Direct = true // the review branch is of no interest
	v, err := p.look()
	if err != nil {
		return nil, err
	}
	defer v.close()
	base, err := p.base(v)
	if err != nil {
		return nil, err
	}
	root, err := treeOf(v, v.branches[base])
	if err != nil {
		return nil, err
	}
	chain, err := p.descend(v, root)
	if err != nil {
		return nil, err
	}
	at := chain[len(chain)-1]
	work := &plan{store: v.store}
	if err := p.readLock(v, at, work); err != nil || !work.locked {
		return nil, err
	}
	return work.collect("", at.tree, nil)
}

// collect reads the files of a folder that are meshc's.
func (p *plan) collect(prefix string, tree plumbing.Hash, into []targets.File) ([]targets.File, error) {
	entries, err := entriesOf(p.store, tree)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		path := prefix + e.Name
		switch _, owned := p.owns(path); {
		case e.Mode == filemode.Dir && p.ownsBelow(path):
			if into, err = p.collect(path+"/", e.Hash, into); err != nil {
				return nil, err
			}
		case owned && e.Mode.IsFile() && e.Mode != filemode.Symlink:
			data, err := readBlob(p.store, e.Hash)
			if err != nil {
				return nil, err
			}
			into = append(into, targets.File{Path: path, Data: data})
		}
	}
	slices.SortFunc(into, func(a, b targets.File) int { return strings.Compare(a.Path, b.Path) })
	return into, nil
}

// push moves branches and finds out what became of it where the remote does not say.
func (p *publisher) push(moves []move, fresh *objects) error {
	var said strings.Builder
	_, err := guarded(func() (struct{}, error) { return struct{}{}, p.remote.push(p.ctx, moves, fresh, &said) })
	if errors.Is(err, transport.ErrAuthenticationRequired) && p.askHelper(p.ctx) {
		_, err = guarded(func() (struct{}, error) { return struct{}{}, p.remote.push(p.ctx, moves, fresh, &said) })
	}
	if err == nil || errors.Is(err, errRaced) {
		return err
	}
	if p.ctx.Err() != nil {
		return context.Cause(p.ctx)
	}
	now, lookErr := guarded(func() (*view, error) {
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
	// Two pushes that meet at the lock of one branch are a race that nobody has won yet.
	if strings.Contains(no.reason, "lock") || strings.Contains(no.reason, "failed to update ref") {
		p.lost = lines(no.reason + "\n" + said.String())
		return errRaced
	}
	e := fail(Refused, refusalHelp(no.reason), "%s refuses the commit on %s: %s", p.name, moves[0].branch, no.reason)
	e.Remote = lines(said.String())
	return e
}

func refusalHelp(reason string) string {
	switch {
	case strings.Contains(reason, "protected"):
		return "propose the change without --direct, or let the account write to the branch"
	case strings.Contains(reason, "hook"):
		return "the repository's own rules said so; see what they want"
	case strings.Contains(reason, "currently checked out"):
		return "publish to a bare repository: somebody works in this one"
	}
	return ""
}
