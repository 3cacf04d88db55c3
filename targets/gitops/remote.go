package gitops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/file"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// references is the branches of a repository.
type references struct {
	branches map[string]plumbing.Hash // by short name
	head     string                   // the default branch, which need not exist; empty if unknown
}

// view is what was read from a repository: its branches, and the objects of some commits.
type view struct {
	references
	store storer.EncodedObjectStorer
	close func()
}

// move is the move of a branch from one commit to another. A zero hash means that the branch does not exist.
type move struct {
	branch   string
	old, new plumbing.Hash
}

// remote is the repository to publish to.
type remote struct {
	endpoint  *transport.Endpoint
	transport transport.Transport
	auth      transport.AuthMethod
	local     bool // whether it is on this disk
	isPart    bool // whether it is part of the project, and so neither its hooks nor its configuration apply
	wire      *wire
	host      string // of the original endpoint, which a redirect changes
}

// setUp chooses how to reach the remote, from the project in dir.
func (r *remote) setUp(dir string, timeout time.Duration) {
	switch r.endpoint.Protocol {
	case "file":
		r.transport, r.local = file.NewClient(transport.UploadPackServiceName, transport.ReceivePackServiceName), true
		r.isPart = isPartOf(r.endpoint.Path, dir)
	case "ssh":
		r.transport = ssh.NewClient(nil)
	default:
		r.wire, r.host = newWire(timeout), strings.Trim(r.endpoint.Host, "[]")
		r.transport = githttp.NewClient(&http.Client{Transport: r.wire})
	}
}

// look reads the branches, and the objects of the commits that wanted picks. The caller closes the view.
func (r *remote) look(ctx context.Context, wanted func(references) []plumbing.Hash) (*view, error) {
	if r.local {
		return r.open()
	}
	session, err := within(ctx, func() (transport.UploadPackSession, error) {
		return r.transport.NewUploadPackSession(r.endpoint, r.auth)
	})
	if err != nil {
		return nil, err
	}
	defer session.Close()
	advertised, err := session.AdvertisedReferencesContext(ctx)
	if errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return &view{close: func() {}}, nil
	}
	if err != nil {
		return nil, err
	}
	v := &view{references: referencesOf(advertised), close: func() {}}
	hashes := wanted(v.references)
	if len(hashes) == 0 {
		return v, nil
	}
	if err := v.download(ctx, session, advertised.Capabilities, hashes); err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

func referencesOf(advertised *packp.AdvRefs) references {
	r := references{branches: map[string]plumbing.Hash{}}
	for name, hash := range advertised.References {
		if short, ok := strings.CutPrefix(name, "refs/heads/"); ok {
			r.branches[short] = hash
		}
	}
	for _, link := range advertised.Capabilities.Get(capability.SymRef) {
		if target, ok := strings.CutPrefix(link, "HEAD:refs/heads/"); ok {
			r.head = target
		}
	}
	return r
}

// download fetches commits without their history. The objects go to a temporary folder, because an environment
// repository may be large.
func (v *view) download(ctx context.Context, session transport.UploadPackSession, can *capability.List, commits []plumbing.Hash) error {
	req := packp.NewUploadPackRequestFromCapabilities(can)
	req.Wants = commits
	if can.Supports(capability.Shallow) {
		req.Depth = packp.DepthCommits(1)
		if err := req.Capabilities.Set(capability.Shallow); err != nil {
			return err
		}
	}
	if can.Supports(capability.NoProgress) {
		if err := req.Capabilities.Set(capability.NoProgress); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "meshc-*")
	if err != nil {
		return err
	}
	store := openStore(dir)
	v.store, v.close = store, func() { store.Close(); os.RemoveAll(dir) }
	answer, err := session.UploadPack(ctx, req)
	if err != nil {
		return err
	}
	defer answer.Close()
	var pack io.Reader = answer
	switch {
	case req.Capabilities.Supports(capability.Sideband64k):
		pack = sideband.NewDemuxer(sideband.Sideband64k, answer)
	case req.Capabilities.Supports(capability.Sideband):
		pack = sideband.NewDemuxer(sideband.Sideband, answer)
	}
	return packfile.UpdateObjectStorage(store, pack)
}

func openStore(dir string) *filesystem.Storage {
	return filesystem.NewStorageWithOptions(osfs.New(dir), cache.NewObjectLRU(32*cache.MiByte), filesystem.Options{
		KeepDescriptors: true, LargeObjectThreshold: maxObjectSize,
	})
}

// push moves all branches or none. It returns errRaced if a branch is no longer at the start of its move, and a
// *rejection if the remote refuses one.
func (r *remote) push(ctx context.Context, moves []move, fresh *objects, said io.Writer) error {
	if r.local && r.moved(moves) {
		return errRaced
	}
	if r.isPart {
		return r.writeInPlace(moves, fresh)
	}
	session, err := within(ctx, func() (transport.ReceivePackSession, error) {
		return r.transport.NewReceivePackSession(r.endpoint, r.auth)
	})
	if err != nil {
		return err
	}
	defer session.Close()
	advertised, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		return err
	}
	if format := advertised.Capabilities.Get(capability.ObjectFormat); len(format) > 0 && !slices.Contains(format, "sha1") {
		return errObjectFormat
	}
	req := packp.NewReferenceUpdateRequestFromCapabilities(advertised.Capabilities)
	req.Progress = said
	wants := []capability.Capability{capability.Sideband64k}
	if len(moves) > 1 {
		wants = append(wants, capability.Atomic)
	}
	sends := false
	for _, m := range moves {
		name := plumbing.NewBranchReferenceName(m.branch)
		if advertised.References[name.String()] != m.old {
			return errRaced
		}
		if m.new.IsZero() {
			wants = append(wants, capability.DeleteRefs)
		} else {
			sends = true
		}
		req.Commands = append(req.Commands, &packp.Command{Name: name, Old: m.old, New: m.new})
	}
	for _, c := range wants {
		if advertised.Capabilities.Supports(c) && !req.Capabilities.Supports(c) {
			if err := req.Capabilities.Set(c); err != nil {
				return err
			}
		}
	}
	if sends {
		pack, err := fresh.pack()
		if err != nil {
			return err
		}
		req.Packfile = io.NopCloser(pack)
	}
	report, err := session.ReceivePack(ctx, req)
	switch {
	case report == nil && err != nil:
		return err
	case report == nil:
		if req.Capabilities.Supports(capability.ReportStatus) {
			return io.ErrUnexpectedEOF
		}
		return nil
	case report.UnpackStatus != "ok":
		return &rejection{"the repository cannot take the commit: " + report.UnpackStatus}
	}
	for _, status := range report.CommandStatuses {
		if status.Error() != nil {
			return &rejection{status.Status}
		}
	}
	return err
}

var (
	errRaced        = errors.New("the branch has moved")
	errObjectFormat = fail(Unsupported, "use a repository with git's usual object format", "the repository names its objects by SHA-256, which is not supported")
)

// rejection is the reason of the remote for refusing to move a branch.
type rejection struct{ reason string }

func (r *rejection) Error() string { return r.reason }

// within runs f until ctx ends, and then abandons it, because f cannot be cancelled: opening a session blocks if a host
// accepts the connection and never answers.
func within[T io.Closer](ctx context.Context, f func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		var out outcome
		defer func() {
			if r := recover(); r != nil {
				out.err = fmt.Errorf("%v", r)
			}
			done <- out
		}()
		out.value, out.err = f()
	}()
	select {
	case out := <-done:
		return out.value, out.err
	case <-ctx.Done():
		go func() {
			if out := <-done; out.err == nil {
				out.value.Close()
			}
		}()
		var none T
		return none, context.Cause(ctx)
	}
}

// broken returns the error of the connection, which explains more than the parse error of a truncated answer.
func (r *remote) broken() error {
	if r == nil || r.wire == nil {
		return nil
	}
	if err := r.wire.err.Load(); err != nil {
		return *err
	}
	return nil
}

// redirectsTo returns the other host to which the remote redirects, if it does.
func (r *remote) redirectsTo() string {
	if r == nil || r.wire == nil {
		return ""
	}
	if last := r.wire.url.Load(); last != nil && last.Hostname() != r.host {
		return last.Host
	}
	return ""
}

// wire is an HTTP transport with a timeout and a limit for answers. It truncates the body of an error, which go-git
// reads as a whole, and remembers the error of a broken connection.
type wire struct {
	http.RoundTripper
	err atomic.Pointer[error]
	url atomic.Pointer[url.URL] // of the last request, which may follow a redirect
}

func newWire(timeout time.Duration) *wire {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = timeout
	return &wire{RoundTripper: t}
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	w.err.Store(nil)
	w.url.Store(req.URL)
	res, err := w.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	b := &body{ReadCloser: res.Body, wire: w, left: maxAnswer, end: errTooLarge}
	switch {
	case res.StatusCode >= http.StatusMultipleChoices:
		b.left, b.end = 64<<10, io.EOF
	case strings.HasSuffix(req.URL.Path, "/"+transport.UploadPackServiceName):
		b.left = maxPack
	}
	res.Body = b
	return res, nil
}

// A server could answer without end. The objects of a commit go to the disk, the rest of an answer into memory.
const (
	maxAnswer = 64 << 20
	maxPack   = 4 << 30
)

var errTooLarge = fail(Garbled, "check that the address is that of a git repository", "the answer of the repository is too large")

type body struct {
	io.ReadCloser
	wire *wire
	left int64
	end  error // once nothing is left
}

func (b *body) Read(data []byte) (int, error) {
	if b.left <= 0 {
		if b.end != io.EOF {
			b.wire.err.Store(&b.end)
		}
		return 0, b.end
	}
	n, err := b.ReadCloser.Read(data[:min(int64(len(data)), b.left)])
	b.left -= int64(n)
	if err != nil && err != io.EOF {
		b.wire.err.Store(&err)
	}
	return n, err
}

// remark is the start of what a remote says about a push.
type remark struct{ strings.Builder }

func (r *remark) Write(text []byte) (int, error) {
	const most = 64 << 10
	r.Builder.Write(text[:min(len(text), max(most-r.Len(), 0))])
	return len(text), nil
}

// pathOf returns the path of a repository, which may be relative to dir.
func pathOf(repository, dir string) string {
	if filepath.IsAbs(repository) || dir == "" {
		return repository
	}
	return filepath.Join(dir, repository)
}
