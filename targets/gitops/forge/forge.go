// Package forge opens a pull request for a published branch and keeps it up to date. There is one pull request per
// branch; a later publish finds and updates it. Likewise it maintains one comment on somebody else's pull request.
//
// The package knows the APIs of GitHub, GitLab and Gitea (and Forgejo) through their client libraries, and Markdown.
// It does not know git or policies: a [Description] has the changes as text.
//
// The text that meshc writes into a body is enclosed in two HTML comments. What people write around it is kept.
package forge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"

	"github.com/meshc/meshc/targets/gitops"
)

// Limit is the maximum length of a body in bytes. GitHub accepts 65,536 characters, the others accept more.
const Limit = 65536

// Request is the wanted state of a pull request.
type Request struct {
	Head, Base  string // branches of one repository
	Environment string // for the marks around the text of meshc
	Title       string
	Body        string // Markdown, without the text of others
	Labels      []string
	Reviewers   []string // user names, with or without @, and teams as ORG/TEAM; a team is requested only once
	Draft       bool     // applies only when the pull request is opened
}

// Pull is an existing pull request.
type Pull struct {
	URL      string
	Created  bool
	Warnings []string // about labels and reviewers that could not be added
}

// Forge is a server with pull requests.
type Forge struct {
	api     api
	name    string // of the host, for messages
	secrets *gitops.Secrets
}

// api is the operations of one kind of forge, those on pull requests all on open ones.
type api interface {
	find(ctx context.Context, head, base string) (*pull, error) // nil if there is none
	create(ctx context.Context, r Request) (*pull, error)
	update(ctx context.Context, p *pull, title, body string) error
	label(ctx context.Context, p *pull, labels []string) error
	requestReview(ctx context.Context, p *pull, reviewers []string) error // except from those who were asked before
	close(ctx context.Context, p *pull) error

	self(ctx context.Context) (string, error) // the user whose token it is; empty if the token may not ask
	comments(ctx context.Context, number int64) ([]comment, error)
	addComment(ctx context.Context, number int64, body string) (*comment, error)
	editComment(ctx context.Context, number, id int64, body string) error
}

// pull is a pull request in terms common to all forges.
type pull struct {
	number      int64
	url         string
	title, body string
	author      string
	labels      []string
	reviewers   []string // users whose review was requested, as far as known
}

// Options configures Open. Repository and Getenv are required.
type Options struct {
	Repository string              // the URL of the repository
	Kind       gitops.Forge        // default: derived from the host
	Getenv     func(string) string // the environment, which holds the token
	Secrets    *gitops.Secrets     // more secrets to redact; may be nil
	Timeout    time.Duration       // for each request; default: thirty seconds
}

// Open returns the forge of a repository. It makes no connection.
func Open(o Options) (*Forge, error) {
	e, err := transport.NewEndpoint(o.Repository)
	if err != nil || e.Host == "" || e.Protocol == "file" {
		return nil, &gitops.Error{Kind: gitops.Unsupported, Message: "a repository on a disk has no pull requests", Help: "publish without --pr, or to a forge"}
	}
	host := strings.ToLower(e.Host)
	if e.Port != 0 && e.Protocol != "ssh" {
		host = net.JoinHostPort(strings.Trim(host, "[]"), fmt.Sprint(e.Port))
	}
	kind := o.Kind
	if kind == gitops.NoForge {
		kind = gitops.ForgeOf(host, o.Getenv)
	}
	if kind == gitops.NoForge {
		return nil, &gitops.Error{Kind: gitops.Unsupported, Message: "the kind of forge at " + host + " is not known", Help: "set GITHUB_HOST, GITLAB_HOST or GITEA_HOST (for Forgejo too) to " + host + " in the environment"}
	}
	found := gitops.TokenFor(kind, host, o.Getenv)
	token := found.Value
	if token == "" && e.Protocol != "ssh" {
		token = e.Password
	}
	switch {
	case token != "":
	case found.Refusal != "":
		return nil, &gitops.Error{Kind: gitops.Unauthorized, Message: found.Refusal, Help: found.Remedy}
	default:
		return nil, &gitops.Error{Kind: gitops.Unauthorized, Message: "there is no token for the pull requests of " + host, Help: "set " + found.Variable}
	}
	scheme := "https"
	if e.Protocol == "http" {
		scheme = "http"
	}
	f := &Forge{name: host, secrets: o.Secrets}
	if f.secrets == nil {
		f.secrets = &gitops.Secrets{}
	}
	f.secrets.Add("", token)
	f.secrets.Add(e.User, e.Password)
	if scheme == "http" && !gitops.IsLoopback(e.Host) {
		return nil, &gitops.Error{Kind: gitops.Invalid, Message: found.Variable + " would be sent to " + host + " unencrypted", Help: "use https"}
	}
	path := strings.TrimSuffix(strings.Trim(e.Path, "/"), ".git")
	base := &url.URL{Scheme: scheme, Host: host}
	client := httpClient(o.Timeout)
	switch kind {
	case gitops.GitHub:
		f.api, err = newGitHub(client, base, path, token)
	case gitops.GitLab:
		f.api, err = newGitLab(client, base, path, token, o.Getenv("CI_SERVER_URL"))
	default:
		f.api, err = newGitea(client, base, path, token)
	}
	if err != nil {
		return nil, f.explain(err)
	}
	return f, nil
}

// httpClient refuses redirects to another host, because the client libraries would send the token there.
func httpClient(timeout time.Duration) *http.Client {
	if timeout <= 0 {
		timeout = 30 * time.Second
	}
	return &http.Client{
		Timeout:   timeout,
		Transport: bounded{http.DefaultTransport},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme || len(via) > 5 {
				return fmt.Errorf("the forge redirects to %s", req.URL.Host)
			}
			return nil
		},
	}
}

// bounded limits the size of answers, which the client libraries read into memory as a whole.
type bounded struct{ http.RoundTripper }

// maxAnswer is many times a page of pull requests whose bodies are as long as forges accept.
const maxAnswer = 64 << 20

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(req)
	if err == nil {
		res.Body = http.MaxBytesReader(nil, res.Body, maxAnswer)
	}
	return res, err
}

// maxPages bounds how much of a list is read, in case it has no end.
const maxPages = 200

// Ensure opens the pull request, or updates title and body of the open one. It adds labels and reviewers, and never
// removes any. It redacts secrets in what it sends.
func (f *Forge) Ensure(ctx context.Context, r Request) (Pull, error) {
	r.Title, r.Body = f.secrets.Redact(r.Title), f.secrets.Redact(r.Body)
	found, err := f.api.find(ctx, r.Head, r.Base)
	if err != nil {
		return Pull{}, f.explain(err)
	}
	created := found == nil
	if created {
		r.Body = mergeBody("", r.Body, r.Environment)
		if found, err = f.api.create(ctx, r); err != nil {
			// Another publisher may have opened it in the meantime; forges reject a second one.
			again, findErr := f.api.find(ctx, r.Head, r.Base)
			if findErr != nil || again == nil {
				return Pull{}, f.explain(err)
			}
			found, created = again, false
		}
	}
	if !created {
		title, body := keepDraftMark(found.title, r.Title), mergeBody(found.body, r.Body, r.Environment)
		if title != found.title || body != found.body {
			if err := f.api.update(ctx, found, title, body); err != nil {
				return Pull{}, f.explain(err)
			}
		}
	}
	p := Pull{URL: f.secrets.Redact(found.url), Created: created}
	missing := func(want, have []string) []string {
		return slices.DeleteFunc(slices.Clone(want), func(s string) bool {
			return slices.ContainsFunc(have, func(h string) bool { return strings.EqualFold(h, s) })
		})
	}
	if labels := missing(r.Labels, found.labels); len(labels) > 0 {
		if err := f.api.label(ctx, found, labels); err != nil {
			p.Warnings = append(p.Warnings, fmt.Sprintf("the labels %s could not be added: %v", strings.Join(labels, ", "), f.explain(err)))
		}
	}
	people := make([]string, 0, len(r.Reviewers))
	for _, name := range r.Reviewers {
		// A team that has reviewed is no longer listed, so it would be asked again each time.
		if name = strings.TrimPrefix(name, "@"); created || !strings.Contains(name, "/") {
			people = append(people, name)
		}
	}
	if people = missing(people, append(found.reviewers, found.author)); len(people) > 0 {
		p.Warnings = append(p.Warnings, f.requestReview(ctx, found, people)...)
	}
	return p, nil
}

// requestReview requests reviews and returns a warning for each that failed. A forge that rejects one reviewer rejects
// the whole request, so then each is requested alone.
func (f *Forge) requestReview(ctx context.Context, p *pull, people []string) (warnings []string) {
	err := f.api.requestReview(ctx, p, people)
	if err == nil {
		p.reviewers = append(p.reviewers, people...)
		return nil
	}
	if rejected(err) && len(people) > 1 {
		for _, name := range people {
			warnings = append(warnings, f.requestReview(ctx, p, []string{name})...)
		}
		return warnings
	}
	return []string{fmt.Sprintf("%s could not be asked for a review: %v", strings.Join(people, ", "), f.explain(err))}
}

// rejected reports whether an error is about the content of a request, and not about permissions or rate.
func rejected(err error) bool {
	var e *statusError
	return errors.As(err, &e) && slices.Contains([]int{http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity}, e.status)
}

// Close closes the open pull request of a branch and returns its URL, which is empty if there is none.
func (f *Forge) Close(ctx context.Context, head, base string) (string, error) {
	found, err := f.api.find(ctx, head, base)
	if err != nil || found == nil {
		return "", f.explain(err)
	}
	return f.secrets.Redact(found.url), f.explain(f.api.close(ctx, found))
}

// GitLab and Gitea mark a draft in its title.
var draftMarks = []string{"Draft: ", "WIP: "}

func keepDraftMark(old, title string) string {
	for _, mark := range draftMarks {
		if strings.HasPrefix(old, mark) {
			return mark + title
		}
	}
	return title
}

const endMark = "<!-- /meshc -->"

func startMark(environment string) string {
	keep := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("./_", r) {
			return r
		}
		return '_'
	}
	return "<!-- meshc:" + strings.Map(keep, environment) + " -->"
}

// mergeBody replaces the text between the marks, and keeps what is around them. Without marks, it appends the text.
func mergeBody(old, text, environment string) string {
	start := startMark(environment)
	block := start + "\n" + strings.TrimSpace(text) + "\n" + endMark
	before, rest, ok := strings.Cut(old, start)
	_, after, closed := strings.Cut(rest, endMark)
	switch {
	case ok && closed:
	case ok:
		after = ""
	default:
		if before = strings.TrimSpace(old); before != "" {
			before += "\n\n"
		}
		after = ""
	}
	if room := Limit - len(before) - len(after); room < len(block) {
		const cut = "\n\n… truncated to the forge's limit\n"
		text = shorten(text, max(room-len(start)-len(endMark)-len(cut)-2, 0))
		block = start + "\n" + text + cut + endMark
	}
	return before + block + after
}

// statusError is an HTTP error, whichever client library reported it.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return e.text }

func (f *Forge) explain(err error) error {
	if err == nil {
		return nil
	}
	e := &gitops.Error{Kind: gitops.Garbled}
	var (
		mine   *gitops.Error
		status *statusError
	)
	switch {
	case errors.As(err, &mine):
		e.Kind, e.Message, e.Help = mine.Kind, mine.Message, mine.Help
	case errors.As(err, new(*http.MaxBytesError)):
		e.Message, e.Help = f.name+" answered with more than an answer can have", "check that the address is that of a forge"
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		e.Kind, e.Message, e.Help = gitops.TimedOut, f.name+" did not answer in time", "try again, or give it longer with --timeout"
	case errors.As(err, &status):
		switch s := status.status; {
		case s == http.StatusUnauthorized || s == http.StatusForbidden:
			e.Kind, e.Help = gitops.Unauthorized, "the token must be allowed to write pull requests"
		case s == http.StatusNotFound:
			e.Kind, e.Help = gitops.NotFound, "check the repository's address, and that the token may see it"
		case s >= http.StatusInternalServerError || s == http.StatusTooManyRequests:
			e.Kind, e.Help = gitops.Unreachable, "try again later"
		default:
			e.Kind = gitops.Refused
		}
		e.Message = fmt.Sprintf("%s answered %d: %s", f.name, status.status, brief(status.text))
	default:
		var op *net.OpError
		var dns *net.DNSError
		if errors.As(err, &op) || errors.As(err, &dns) {
			e.Kind, e.Help = gitops.Unreachable, "check the address and try again"
		}
		e.Message = fmt.Sprintf("%s: %s", f.name, brief(err.Error()))
	}
	e.Message, e.Help = f.secrets.Redact(e.Message), f.secrets.Redact(e.Help)
	return e
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

func brief(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	return shorten(text, 300)
}

// shorten truncates text to at most so many bytes, between characters.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}

// ownerAndName splits a path into its last two parts and a prefix, the path at which the forge is installed.
func ownerAndName(path string) (prefix, owner, name string, err error) {
	parts := strings.Split(path, "/")
	if len(parts) < 2 || parts[len(parts)-1] == "" || parts[len(parts)-2] == "" {
		return "", "", "", &gitops.Error{Kind: gitops.Invalid, Message: fmt.Sprintf("%q is not OWNER/REPOSITORY", path), Help: "check the address of the repository"}
	}
	n := len(parts)
	return strings.Join(parts[:n-2], "/"), parts[n-2], parts[n-1], nil
}

// teamsAndPeople separates teams (ORG/TEAM) from user names.
func teamsAndPeople(names []string) (teams, people []string) {
	for _, n := range names {
		if _, team, ok := strings.Cut(n, "/"); ok {
			teams = append(teams, team)
		} else {
			people = append(people, n)
		}
	}
	return teams, people
}
