package gitops

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// The trailers of a commit. Source and environment are for readers of `git log`. From path and tree, a later publish
// sees that the commit is a proposal for the same folder and has not been edited.
const (
	trailerSource      = "Meshc-Source"
	trailerEnvironment = "Meshc-Environment"
	trailerPath        = "Meshc-Path"
	trailerTree        = "Meshc-Tree"
)

// commit adds a commit to the new objects, signed if git is configured to sign.
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

// message returns title, body and trailers, with secrets redacted.
func (p *publisher) message(m Message, tree plumbing.Hash) string {
	var b strings.Builder
	b.WriteString(cmp.Or(oneLine(p.secrets.Redact(m.Title)), "meshc: "+p.environment()))
	b.WriteString("\n\n")
	if body := strings.TrimSpace(p.secrets.Redact(m.Body)); body != "" {
		b.WriteString(body)
		b.WriteString("\n\n")
	}
	if p.o.Source != "" {
		fmt.Fprintf(&b, "%s: %s\n", trailerSource, oneLine(p.secrets.Redact(p.o.Source)))
	}
	fmt.Fprintf(&b, "%s: %s\n", trailerEnvironment, p.environment())
	fmt.Fprintf(&b, "%s: %s\n", trailerPath, cmp.Or(p.path, "."))
	fmt.Fprintf(&b, "%s: %s\n", trailerTree, tree)
	return b.String()
}

func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}

// trailers parses the lines `Key: value` in the last paragraph of a message.
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
