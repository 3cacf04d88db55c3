package gitops

import (
	"cmp"
	"context"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/transport"

	"github.com/meshc/meshc/targets"
)

// publisher is the state of a publish with all its attempts.
type publisher struct {
	ctx     context.Context
	o       Options
	path    string // the folder in the repository; empty for the root
	name    string // of the repository, without secrets
	files   []targets.File
	want    *folder
	wanted  targets.Lock
	remote  *remote
	config  gitConfig
	secrets *Secrets
	user    credentials
	hint    string // the user in the URL
	asked   bool   // whether the credential helper was run
	started time.Time
	timeout time.Duration
	pushed  plumbing.Hash // the commit of the last push
	lost    []string      // the last lock error of the remote
}

func newPublisher(ctx context.Context, files []targets.File, o Options) (*publisher, func(), error) {
	p := &publisher{o: o, files: files, started: time.Now(), timeout: o.Timeout, secrets: o.Secrets}
	if p.secrets == nil {
		p.secrets = &Secrets{}
	}
	if p.timeout <= 0 {
		p.timeout = defaultTimeout
	}
	for _, kind := range kinds {
		p.secrets.Add("", p.getenv(kind.token))
	}
	for _, variable := range []string{"HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "ALL_PROXY", "all_proxy"} {
		if u, err := url.Parse(p.getenv(variable)); err == nil && u.User != nil {
			secret, _ := u.User.Password()
			p.secrets.Add(u.User.Username(), secret)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	p.ctx = ctx
	p.config = readGitConfig(ctx, o.Dir, p.childEnv())
	if err := p.prepare(); err != nil {
		cancel()
		return nil, nil, p.explain(err)
	}
	return p, cancel, nil
}

func (p *publisher) getenv(key string) string {
	if p.o.Getenv != nil {
		return p.o.Getenv(key)
	}
	return os.Getenv(key)
}

func (p *publisher) reviewBranch() string { return ReviewBranch(p.o.Environment, p.path) }

func (p *publisher) environment() string { return cmp.Or(p.o.Environment, "default") }

// prepare checks the options before any connection is made.
func (p *publisher) prepare() error {
	if p.o.Repository == "" {
		return fail(Invalid, "name one as repository of the environment in meshc.yaml", "no repository is given")
	}
	where := p.rewritten(p.o.Repository)
	endpoint, err := transport.NewEndpoint(where)
	if err != nil {
		p.secrets.Add("", passwordOf(where))
		return fail(Invalid, "give a path, or an https:// or ssh:// URL", "%q is not a repository", p.secrets.Redact(where))
	}
	if endpoint.Protocol == "file" && !strings.Contains(where, "://") {
		if endpoint, err = transport.NewEndpoint(pathOf(where, p.o.Dir)); err != nil {
			return err
		}
	}
	p.secrets.Add(endpoint.User, endpoint.Password)
	if len(endpoint.User) >= minTokenLength {
		p.secrets.Add("", endpoint.User)
	}
	p.remote = &remote{endpoint: endpoint}
	switch endpoint.Protocol {
	case "file", "http", "https", "ssh":
	default:
		return fail(Unsupported, "give a path, or an https:// or ssh:// URL", "%s:// is not supported", endpoint.Protocol)
	}
	p.remote.setUp(p.o.Dir, p.timeout)
	if err := p.findCredentials(); err != nil {
		return err
	}
	p.name = p.secrets.Redact(publicName(endpoint))

	p.path = cleanFolder(p.o.Path)
	if p.path != "" && (!fs.ValidPath(p.path) || slices.ContainsFunc(strings.Split(p.path, "/"), isGitDir)) {
		return fail(Invalid, "give a folder of the repository, such as clusters/prod", "%q cannot be a folder in a repository", p.o.Path)
	}
	for _, branch := range []string{p.o.Branch, p.reviewBranch()} {
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

// publicName returns an address without its password, and for HTTP without the user, which may be a token.
func publicName(e *transport.Endpoint) string {
	shown := *e
	shown.Password = ""
	if e.Protocol != "file" {
		shown.Path, _, _ = strings.Cut(e.Path, "?") // go-git keeps the query there
	}
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
