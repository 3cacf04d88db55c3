package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	gitlab "gitlab.com/gitlab-org/api/client-go"
)

// gitLab is gitlab.com or a self-managed GitLab.
type gitLab struct {
	client  *gitlab.Client
	root    string // the URL of the server
	project string // with its groups
}

// newGitLab takes the path at which GitLab is installed from server, the CI's variable, because in the URL of a
// repository it cannot be distinguished from a group.
func newGitLab(client *http.Client, base *url.URL, path, token, server string) (api, error) {
	if _, _, _, err := ownerAndName(path); err != nil {
		return nil, err
	}
	root := *base
	if u, err := url.Parse(server); err == nil && u.Host == base.Host {
		if prefix := strings.Trim(u.Path, "/"); prefix != "" && strings.HasPrefix(path, prefix+"/") {
			path = strings.TrimPrefix(path, prefix+"/")
			root.Path = "/" + prefix
		}
	}
	c, err := gitlab.NewClient(token, gitlab.WithHTTPClient(client), gitlab.WithBaseURL(root.String()), gitlab.WithoutRetries())
	return &gitLab{c, root.String(), path}, err
}

func (g *gitLab) find(ctx context.Context, head, base string) (*pull, error) {
	found, _, err := g.client.MergeRequests.ListProjectMergeRequests(g.project, &gitlab.ListProjectMergeRequestsOptions{
		State: gitlab.Ptr("opened"), SourceBranch: &head, TargetBranch: &base,
	}, gitlab.WithContext(ctx))
	if err != nil {
		return nil, gitlabError(err)
	}
	for _, m := range found {
		if m.SourceBranch == head && m.TargetBranch == base && m.SourceProjectID == m.TargetProjectID {
			return gitlabPull(m), nil
		}
	}
	return nil, nil
}

func gitlabPull(m *gitlab.BasicMergeRequest) *pull {
	p := &pull{number: m.IID, url: m.WebURL, title: m.Title, body: strings.ReplaceAll(m.Description, "\r\n", "\n"), labels: m.Labels}
	if m.Author != nil {
		p.author = m.Author.Username
	}
	for _, u := range m.Reviewers {
		p.reviewers = append(p.reviewers, u.Username)
	}
	return p
}

func (g *gitLab) create(ctx context.Context, r Request) (*pull, error) {
	title := r.Title
	if r.Draft {
		title = "Draft: " + title
	}
	m, _, err := g.client.MergeRequests.CreateMergeRequest(g.project, &gitlab.CreateMergeRequestOptions{
		Title: &title, Description: &r.Body, SourceBranch: &r.Head, TargetBranch: &r.Base,
	}, gitlab.WithContext(ctx))
	if err != nil {
		return nil, gitlabError(err)
	}
	return gitlabPull(&m.BasicMergeRequest), nil
}

func (g *gitLab) edit(ctx context.Context, p *pull, o *gitlab.UpdateMergeRequestOptions) error {
	_, _, err := g.client.MergeRequests.UpdateMergeRequest(g.project, p.number, o, gitlab.WithContext(ctx))
	return gitlabError(err)
}

func (g *gitLab) update(ctx context.Context, p *pull, title, body string) error {
	return g.edit(ctx, p, &gitlab.UpdateMergeRequestOptions{Title: &title, Description: &body})
}

func (g *gitLab) label(ctx context.Context, p *pull, labels []string) error {
	l := gitlab.LabelOptions(labels)
	return g.edit(ctx, p, &gitlab.UpdateMergeRequestOptions{AddLabels: &l})
}

// requestReview sets reviewers by number, as the API requires, and includes the existing ones. A group cannot be a
// reviewer.
func (g *gitLab) requestReview(ctx context.Context, p *pull, reviewers []string) error {
	var ids []int64
	var unknown []string
	number := func(name string) error {
		users, _, err := g.client.Users.ListUsers(&gitlab.ListUsersOptions{Username: gitlab.Ptr(name)}, gitlab.WithContext(ctx))
		if err != nil {
			return gitlabError(err)
		}
		i := slices.IndexFunc(users, func(u *gitlab.User) bool { return strings.EqualFold(u.Username, name) })
		if i < 0 {
			unknown = append(unknown, name)
			return nil
		}
		ids = append(ids, users[i].ID)
		return nil
	}
	for _, name := range append(slices.Clone(p.reviewers), reviewers...) {
		if err := number(name); err != nil {
			return err
		}
	}
	if len(ids) > len(p.reviewers) {
		if err := g.edit(ctx, p, &gitlab.UpdateMergeRequestOptions{ReviewerIDs: &ids}); err != nil {
			return err
		}
	}
	if len(unknown) > 0 {
		return fmt.Errorf("no such user: %s", strings.Join(unknown, ", "))
	}
	return nil
}

func (g *gitLab) close(ctx context.Context, p *pull) error {
	return g.edit(ctx, p, &gitlab.UpdateMergeRequestOptions{StateEvent: gitlab.Ptr("close")})
}

func (g *gitLab) self(ctx context.Context) (string, error) {
	u, _, err := g.client.Users.CurrentUser(gitlab.WithContext(ctx))
	if err != nil {
		return "", gitlabError(err)
	}
	return u.Username, nil
}

func (g *gitLab) comments(ctx context.Context, number int64) (all []comment, err error) {
	o := &gitlab.ListMergeRequestNotesOptions{ListOptions: gitlab.ListOptions{PerPage: 100}}
	for page := 1; page <= maxPages; page++ {
		some, res, err := g.client.Notes.ListMergeRequestNotes(g.project, number, o, gitlab.WithContext(ctx))
		if err != nil {
			return nil, gitlabError(err)
		}
		for _, n := range some {
			all = append(all, g.note(number, n))
		}
		if res.NextPage == 0 {
			break
		}
		o.Page = res.NextPage
	}
	return all, nil
}

func (g *gitLab) note(number int64, n *gitlab.Note) comment {
	return comment{id: n.ID, body: n.Body, author: n.Author.Username, url: fmt.Sprintf("%s/%s/-/merge_requests/%d#note_%d", g.root, g.project, number, n.ID)}
}

func (g *gitLab) addComment(ctx context.Context, number int64, body string) (*comment, error) {
	n, _, err := g.client.Notes.CreateMergeRequestNote(g.project, number, &gitlab.CreateMergeRequestNoteOptions{Body: &body}, gitlab.WithContext(ctx))
	if err != nil {
		return nil, gitlabError(err)
	}
	made := g.note(number, n)
	return &made, nil
}

func (g *gitLab) editComment(ctx context.Context, number, id int64, body string) error {
	_, _, err := g.client.Notes.UpdateMergeRequestNote(g.project, number, id, &gitlab.UpdateMergeRequestNoteOptions{Body: &body}, gitlab.WithContext(ctx))
	return gitlabError(err)
}

func gitlabError(err error) error {
	var answer *gitlab.ErrorResponse
	switch {
	case errors.Is(err, gitlab.ErrNotFound):
		return &statusError{http.StatusNotFound, "not found"}
	case errors.As(err, &answer) && answer.Response != nil:
		return &statusError{answer.Response.StatusCode, answer.Message}
	}
	return err
}
