package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/meshc/meshc/targets/gitops"
)

// CommentLimit is the maximum length of the text of a comment in bytes, with room for its mark.
const CommentLimit = Limit - 1024

// comment is a comment on a pull request in terms common to all forges.
type comment struct {
	id           int64
	body, author string
	url          string
	app          bool // its author is not a person
}

// Comment writes a comment on a pull request. There is one for each topic: it carries a mark, by which a later call
// finds it and replaces its text. Comments of others are left alone, whatever mark they carry. It returns the URL of
// the comment, and redacts secrets in what it sends.
func (f *Forge) Comment(ctx context.Context, number int64, topic, text string) (url string, err error) {
	mark := commentMark(topic)
	body := mark + "\n" + strings.TrimSpace(shorten(f.secrets.Redact(text), CommentLimit)) + "\n"
	all, err := f.api.comments(ctx, number)
	if err != nil {
		return "", f.explain(err)
	}
	self, err := f.api.self(ctx)
	if err != nil {
		return "", f.explain(err)
	}
	for _, c := range all {
		own := strings.EqualFold(c.author, self)
		if self == "" { // the token of a job, which may not ask whose it is
			own = c.app
		}
		if !own || !strings.HasPrefix(c.body, mark) {
			continue
		}
		if strings.TrimSpace(strings.ReplaceAll(c.body, "\r\n", "\n")) != strings.TrimSpace(body) {
			if err := f.api.editComment(ctx, number, c.id, body); err != nil {
				return "", f.explain(err)
			}
		}
		return f.secrets.Redact(c.url), nil
	}
	c, err := f.api.addComment(ctx, number, body)
	if err != nil {
		return "", f.explain(err)
	}
	return f.secrets.Redact(c.url), nil
}

func commentMark(topic string) string { return startMark("comment/" + topic) }

// forbidden reports whether the token may not do something.
func forbidden(err error) bool {
	var e *statusError
	return errors.As(err, &e) && (e.status == http.StatusForbidden || e.status == http.StatusNotFound)
}

// PullRequest is where a pull request is.
type PullRequest struct {
	Repository string // its URL
	Kind       gitops.Forge
	Number     int64
}

var (
	pullPath = regexp.MustCompile(`^(.*)/(pull|pulls|-/merge_requests)/([0-9]+)/?$`)
	pullRef  = regexp.MustCompile(`^refs/pull/([0-9]+)/(?:merge|head)$`)
)

// ParsePullRequest reads the URL of a pull request as a browser shows it.
func ParsePullRequest(address string) (PullRequest, error) {
	u, err := url.Parse(address)
	if err == nil && u.Host != "" {
		if m := pullPath.FindStringSubmatch(u.Path); m != nil {
			p := PullRequest{Kind: map[string]gitops.Forge{"pulls": gitops.Gitea, "-/merge_requests": gitops.GitLab}[m[2]]}
			p.Number, err = strconv.ParseInt(m[3], 10, 64)
			u.Path, u.RawPath, u.RawQuery, u.Fragment = m[1], "", "", ""
			p.Repository = u.String()
			return p, err
		}
	}
	return PullRequest{}, fmt.Errorf("%s is not the URL of a pull request", (&gitops.Secrets{}).Redact(address))
}

// PullRequestOfJob is the pull request that the environment of a CI job names.
// https://docs.github.com/actions/reference/workflows-and-actions/variables,
// https://docs.gitlab.com/ci/variables/predefined_variables/
func PullRequestOfJob(getenv func(string) string) (PullRequest, error) {
	if number, err := strconv.ParseInt(getenv("CI_MERGE_REQUEST_IID"), 10, 64); err == nil {
		return PullRequest{getenv("CI_MERGE_REQUEST_PROJECT_URL"), gitops.GitLab, number}, nil
	}
	m := pullRef.FindStringSubmatch(getenv("GITHUB_REF"))
	if m == nil {
		return PullRequest{}, errors.New("the environment names no pull request: GITHUB_REF is not refs/pull/N/merge, and CI_MERGE_REQUEST_IID is not set")
	}
	number, err := strconv.ParseInt(m[1], 10, 64)
	kind := gitops.GitHub
	if getenv("GITEA_ACTIONS") == "true" || getenv("FORGEJO_ACTIONS") == "true" {
		kind = gitops.Gitea
	}
	return PullRequest{strings.TrimSuffix(getenv("GITHUB_SERVER_URL"), "/") + "/" + getenv("GITHUB_REPOSITORY"), kind, number}, err
}
