package gitops

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// The trailers of a commit. Source and environment are for people and for `git log`; path and tree tell a
// later publish that the commit is a proposal for the same folder and that nobody has changed it since.
const (
	trailerSource      = "Meshc-Source"
	trailerEnvironment = "Meshc-Environment"
	trailerPath        = "Meshc-Path"
	trailerTree        = "Meshc-Tree"
)

// commit adds a commit to the new objects, signed where git is configured for it.
func (p *publisher) commit(fresh *objects, tree plumbing.Hash, parent plumbing.Hash, m Message) (plumbing.Hash, error) {
	author, committer, err := p.signatures()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	c := object.Commit{Author: author, Committer: committer, TreeHash: tree, Message: p.message(m, tree)}
	if !parent.IsZero() {
		c.ParentHashes = []plumbing.Hash{parent}
	}
	if sign := p.signer(); sign != nil {
		unsigned := &plumbing.MemoryObject{}
		if err := c.EncodeWithoutSignature(unsigned); err != nil {
			return plumbing.ZeroHash, err
		}
		text, err := readAll(unsigned)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if c.PGPSignature, err = sign(p.ctx, text); err != nil {
			return plumbing.ZeroHash, err
		}
	}
	o := &plumbing.MemoryObject{}
	if err := c.Encode(o); err != nil {
		return plumbing.ZeroHash, err
	}
	return fresh.add(o)
}

func readAll(o plumbing.EncodedObject) ([]byte, error) {
	r, err := o.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data := make([]byte, o.Size())
	_, err = io.ReadFull(r, data)
	return data, err
}

// message is title, body and trailers. Secrets are cut out of what the caller gave.
func (p *publisher) message(m Message, tree plumbing.Hash) string {
	var b strings.Builder
	b.WriteString(firstOf(oneLine(p.secrets.Redact(m.Title)), "meshc: "+p.environment()))
	b.WriteString("\n\n")
	if body := strings.TrimSpace(p.secrets.Redact(m.Body)); body != "" {
		b.WriteString(body)
		b.WriteString("\n\n")
	}
	if p.o.Source != "" {
		fmt.Fprintf(&b, "%s: %s\n", trailerSource, oneLine(p.secrets.Redact(p.o.Source)))
	}
	fmt.Fprintf(&b, "%s: %s\n", trailerEnvironment, p.environment())
	fmt.Fprintf(&b, "%s: %s\n", trailerPath, firstOf(p.path, "."))
	fmt.Fprintf(&b, "%s: %s\n", trailerTree, tree)
	return b.String()
}

func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}

// trailers reads the last paragraph of a message, where every line is `Key: value`.
func trailers(message string) map[string]string {
	text := strings.TrimSpace(message)
	if i := strings.LastIndex(text, "\n\n"); i >= 0 {
		text = text[i+2:]
	}
	found := map[string]string{}
	for _, line := range strings.Split(text, "\n") {
		if key, value, ok := strings.Cut(line, ": "); ok {
			found[key] = strings.TrimSpace(value)
		}
	}
	return found
}
