package forge

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-github/v84/github"
)

// gitHub is github.com, or GitHub Enterprise under ghe.com or on its own host.
type gitHub struct {
	client      *github.Client
	owner, repo string
}

func newGitHub(client *http.Client, base *url.URL, path, token string) (api, error) {
	_, owner, repo, err := ownerAndName(path)
	if err != nil {
		return nil, err
	}
	c := github.NewClient(client).WithAuthToken(token)
	switch host := base.Hostname(); {
	case host == "github.com":
	case strings.HasSuffix(host, ".ghe.com"):
		c.BaseURL = &url.URL{Scheme: "https", Host: "api." + host, Path: "/"}
	default:
		c.BaseURL = base.JoinPath("api", "v3", "/")
	}
	return &gitHub{c, owner, repo}, nil
}

func (g *gitHub) find(ctx context.Context, head, base string) (*pull, error) {
	found, _, err := g.client.PullRequests.List(ctx, g.owner, g.repo, &github.PullRequestListOptions{State: "open", Head: g.owner + ":" + head, Base: base})
	if err != nil {
		return nil, githubError(err)
	}
	for _, p := range found {
		if p.GetHead().GetRef() == head { // an older server ignores filters that it does not know
			return githubPull(p), nil
		}
	}
	return nil, nil
}

func githubPull(p *github.PullRequest) *pull {
	out := &pull{number: int64(p.GetNumber()), url: p.GetHTMLURL(), title: p.GetTitle(), body: strings.ReplaceAll(p.GetBody(), "\r\n", "\n"), author: p.GetUser().GetLogin()}
	for _, l := range p.Labels {
		out.labels = append(out.labels, l.GetName())
	}
	for _, u := range p.RequestedReviewers {
		out.reviewers = append(out.reviewers, u.GetLogin())
	}
	return out
}

func (g *gitHub) create(ctx context.Context, r Request) (*pull, error) {
	n := &github.NewPullRequest{Title: &r.Title, Head: &r.Head, Base: &r.Base, Body: &r.Body, Draft: &r.Draft}
	p, _, err := g.client.PullRequests.Create(ctx, g.owner, g.repo, n)
	if r.Draft && refusesDrafts(err) {
		n.Draft = nil
		p, _, err = g.client.PullRequests.Create(ctx, g.owner, g.repo, n)
	}
	if err != nil {
		return nil, githubError(err)
	}
	return githubPull(p), nil
}

// refusesDrafts reports whether the plan of the repository does not include drafts.
func refusesDrafts(err error) bool {
	var e *github.ErrorResponse
	return errors.As(err, &e) && e.Response.StatusCode == http.StatusUnprocessableEntity && strings.Contains(e.Error(), "Draft pull requests are not supported")
}

func (g *gitHub) update(ctx context.Context, p *pull, title, body string) error {
	_, _, err := g.client.PullRequests.Edit(ctx, g.owner, g.repo, int(p.number), &github.PullRequest{Title: &title, Body: &body})
	return githubError(err)
}

func (g *gitHub) label(ctx context.Context, p *pull, labels []string) error {
	_, _, err := g.client.Issues.AddLabelsToIssue(ctx, g.owner, g.repo, int(p.number), labels)
	return githubError(err)
}

func (g *gitHub) requestReview(ctx context.Context, p *pull, reviewers []string) error {
	// Those who have reviewed are no longer listed as reviewers, and must not be asked again.
	reviews, _, err := g.client.PullRequests.ListReviews(ctx, g.owner, g.repo, int(p.number), &github.ListOptions{PerPage: 100})
	if err != nil {
		return githubError(err)
	}
	done := map[string]bool{}
	for _, r := range reviews {
		done[strings.ToLower(r.GetUser().GetLogin())] = true
	}
	teams, people := teamsAndPeople(reviewers)
	wanted := github.ReviewersRequest{TeamReviewers: teams}
	for _, name := range people {
		if !done[strings.ToLower(name)] {
			wanted.Reviewers = append(wanted.Reviewers, name)
		}
	}
	if len(wanted.Reviewers)+len(wanted.TeamReviewers) == 0 {
		return nil
	}
	_, _, err = g.client.PullRequests.RequestReviewers(ctx, g.owner, g.repo, int(p.number), wanted)
	return githubError(err)
}

func (g *gitHub) close(ctx context.Context, p *pull) error {
	state := "closed"
	_, _, err := g.client.PullRequests.Edit(ctx, g.owner, g.repo, int(p.number), &github.PullRequest{State: &state})
	return githubError(err)
}

func (g *gitHub) self(ctx context.Context) (string, error) {
	u, _, err := g.client.Users.Get(ctx, "")
	if err = githubError(err); forbidden(err) {
		return "", nil
	}
	return u.GetLogin(), err
}

func (g *gitHub) comments(ctx context.Context, number int64) (all []comment, err error) {
	o := &github.IssueListCommentsOptions{ListOptions: github.ListOptions{PerPage: 100}}
	for page := 1; page <= maxPages; page++ {
		some, res, err := g.client.Issues.ListComments(ctx, g.owner, g.repo, int(number), o)
		if err != nil {
			return nil, githubError(err)
		}
		for _, c := range some {
			all = append(all, githubComment(c))
		}
		if res.NextPage == 0 {
			break
		}
		o.Page = res.NextPage
	}
	return all, nil
}

func githubComment(c *github.IssueComment) comment {
	return comment{id: c.GetID(), body: c.GetBody(), author: c.GetUser().GetLogin(), url: c.GetHTMLURL(), app: c.GetUser().GetType() == "Bot"}
}

func (g *gitHub) addComment(ctx context.Context, number int64, body string) (*comment, error) {
	c, _, err := g.client.Issues.CreateComment(ctx, g.owner, g.repo, int(number), &github.IssueComment{Body: &body})
	if err != nil {
		return nil, githubError(err)
	}
	made := githubComment(c)
	return &made, nil
}

func (g *gitHub) editComment(ctx context.Context, _, id int64, body string) error {
	_, _, err := g.client.Issues.EditComment(ctx, g.owner, g.repo, id, &github.IssueComment{Body: &body})
	return githubError(err)
}

func githubError(err error) error {
	var (
		answer *github.ErrorResponse
		limit  *github.RateLimitError
		abuse  *github.AbuseRateLimitError
	)
	switch {
	case errors.As(err, &limit), errors.As(err, &abuse):
		return &statusError{http.StatusTooManyRequests, "too many requests for this token"}
	case errors.As(err, &answer):
		text := answer.Message
		for _, e := range answer.Errors {
			if e.Message != "" {
				text += ": " + e.Message
			}
		}
		return &statusError{answer.Response.StatusCode, text}
	}
	return err
}
