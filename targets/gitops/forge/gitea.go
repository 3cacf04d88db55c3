package forge

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"code.gitea.io/sdk/gitea"
)

// giteaForge is Gitea or Forgejo, which have the same API.
type giteaForge struct {
	server      string
	http        *http.Client
	token       string
	owner, repo string
}

func newGitea(client *http.Client, base *url.URL, path, token string) (api, error) {
	prefix, owner, repo, err := ownerAndName(path)
	if err != nil {
		return nil, err
	}
	root := *base
	root.Path = prefix
	return &giteaForge{strings.TrimSuffix(root.String(), "/"), client, token, owner, repo}, nil
}

// client returns a client for one call, because the library keeps the context in the client. It does not query the
// version, because Forgejo has its own numbers.
func (g *giteaForge) client(ctx context.Context) (*gitea.Client, error) {
	return gitea.NewClient(g.server, gitea.SetToken(g.token), gitea.SetHTTPClient(g.http), gitea.SetContext(ctx), gitea.SetGiteaVersion(""))
}

func (g *giteaForge) find(ctx context.Context, head, base string) (*pull, error) {
	c, err := g.client(ctx)
	if err != nil {
		return nil, err
	}
	for page := 1; ; page++ {
		found, res, err := c.ListRepoPullRequests(g.owner, g.repo, gitea.ListPullRequestsOptions{
			State: gitea.StateOpen, ListOptions: gitea.ListOptions{Page: page, PageSize: 50},
		})
		if err != nil {
			return nil, giteaError(res, err)
		}
		for _, p := range found {
			// If the branch was deleted, Ref is a commit and Name is still the branch.
			if p.Head != nil && p.Base != nil && p.Head.RepoID == p.Base.RepoID && p.Base.Ref == base && (p.Head.Name == head || p.Head.Ref == head) {
				return giteaPull(p), nil
			}
		}
		if len(found) == 0 || res.NextPage == 0 || page == maxPages {
			return nil, nil
		}
	}
}

func giteaPull(p *gitea.PullRequest) *pull {
	out := &pull{number: p.Index, url: p.HTMLURL, title: p.Title, body: strings.ReplaceAll(p.Body, "\r\n", "\n")}
	if p.Poster != nil {
		out.author = p.Poster.UserName
	}
	for _, l := range p.Labels {
		out.labels = append(out.labels, l.Name)
	}
	for _, u := range p.RequestedReviewers {
		if u != nil {
			out.reviewers = append(out.reviewers, u.UserName)
		}
	}
	return out
}

func (g *giteaForge) create(ctx context.Context, r Request) (*pull, error) {
	c, err := g.client(ctx)
	if err != nil {
		return nil, err
	}
	title := r.Title
	if r.Draft {
		title = "WIP: " + title
	}
	p, res, err := c.CreatePullRequest(g.owner, g.repo, gitea.CreatePullRequestOption{Head: r.Head, Base: r.Base, Title: title, Body: r.Body})
	if err != nil {
		return nil, giteaError(res, err)
	}
	return giteaPull(p), nil
}

func (g *giteaForge) update(ctx context.Context, p *pull, title, body string) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	_, res, err := c.EditPullRequest(g.owner, g.repo, p.number, gitea.EditPullRequestOption{Title: title, Body: &body})
	return giteaError(res, err)
}

// label adds labels by number, as the API requires, and creates those that the repository lacks.
func (g *giteaForge) label(ctx context.Context, p *pull, labels []string) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	known := map[string]int64{}
	for page := 1; ; page++ {
		some, res, err := c.ListRepoLabels(g.owner, g.repo, gitea.ListLabelsOptions{ListOptions: gitea.ListOptions{Page: page, PageSize: 50}})
		if err != nil {
			return giteaError(res, err)
		}
		for _, l := range some {
			known[strings.ToLower(l.Name)] = l.ID
		}
		if len(some) == 0 || res.NextPage == 0 || page == maxPages {
			break
		}
	}
	var ids []int64
	for _, name := range labels {
		id, ok := known[strings.ToLower(name)]
		if !ok {
			made, res, err := c.CreateLabel(g.owner, g.repo, gitea.CreateLabelOption{Name: name, Color: "#5319e7"})
			if err != nil {
				return giteaError(res, err)
			}
			id = made.ID
		}
		ids = append(ids, id)
	}
	_, res, err := c.AddIssueLabels(g.owner, g.repo, p.number, gitea.IssueLabelsOption{Labels: ids})
	return giteaError(res, err)
}

func (g *giteaForge) requestReview(ctx context.Context, p *pull, reviewers []string) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	reviews, res, err := c.ListPullReviews(g.owner, g.repo, p.number, gitea.ListPullReviewsOptions{})
	if err != nil {
		return giteaError(res, err)
	}
	teams, people := teamsAndPeople(reviewers)
	people = slices.DeleteFunc(people, func(name string) bool {
		return slices.ContainsFunc(reviews, func(r *gitea.PullReview) bool {
			return r.Reviewer != nil && strings.EqualFold(r.Reviewer.UserName, name)
		})
	})
	if len(teams)+len(people) == 0 {
		return nil
	}
	res, err = c.CreateReviewRequests(g.owner, g.repo, p.number, gitea.PullReviewRequestOptions{Reviewers: people, TeamReviewers: teams})
	return giteaError(res, err)
}

func (g *giteaForge) close(ctx context.Context, p *pull) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	state := gitea.StateClosed
	_, res, err := c.EditPullRequest(g.owner, g.repo, p.number, gitea.EditPullRequestOption{State: &state})
	return giteaError(res, err)
}

func (g *giteaForge) self(ctx context.Context) (string, error) {
	c, err := g.client(ctx)
	if err != nil {
		return "", err
	}
	u, res, err := c.GetMyUserInfo()
	if err = giteaError(res, err); err != nil {
		if forbidden(err) {
			err = nil
		}
		return "", err
	}
	return u.UserName, nil
}

func (g *giteaForge) comments(ctx context.Context, number int64) (all []comment, err error) {
	c, err := g.client(ctx)
	if err != nil {
		return nil, err
	}
	some, res, err := c.ListIssueComments(g.owner, g.repo, number, gitea.ListIssueCommentOptions{}) // all of them
	if err != nil {
		return nil, giteaError(res, err)
	}
	for _, s := range some {
		all = append(all, giteaComment(s))
	}
	return all, nil
}

// giteaComment knows the user of the tokens of jobs, which has no number of a person.
func giteaComment(c *gitea.Comment) comment {
	out := comment{id: c.ID, body: c.Body, url: c.HTMLURL}
	if c.Poster != nil {
		out.author, out.app = c.Poster.UserName, c.Poster.ID < 0
	}
	return out
}

func (g *giteaForge) addComment(ctx context.Context, number int64, body string) (*comment, error) {
	c, err := g.client(ctx)
	if err != nil {
		return nil, err
	}
	n, res, err := c.CreateIssueComment(g.owner, g.repo, number, gitea.CreateIssueCommentOption{Body: body})
	if err != nil {
		return nil, giteaError(res, err)
	}
	made := giteaComment(n)
	return &made, nil
}

func (g *giteaForge) editComment(ctx context.Context, _, id int64, body string) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	_, res, err := c.EditIssueComment(g.owner, g.repo, id, gitea.EditIssueCommentOption{Body: body})
	return giteaError(res, err)
}

func giteaError(res *gitea.Response, err error) error {
	if err == nil || res == nil || res.Response == nil || res.StatusCode < http.StatusBadRequest {
		return err
	}
	return &statusError{res.StatusCode, err.Error()}
}
