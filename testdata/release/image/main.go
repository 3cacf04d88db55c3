// Command image makes a container image of the binaries that goreleaser built, as an OCI layout, without a daemon:
//
//	image DIST LAYOUT         reads the binaries of a release from DIST and writes the layout
//	image LAYOUT REPOSITORY   pushes the layout, tagged with its version
//
// The image has meshc for amd64 and arm64, the certificate authorities that Mozilla trusts, and nothing else: no
// shell, no libraries and no git. meshc runs as an unnamed user in /work. The same binaries always give the same
// digest, which is printed.
//
// The command is a separate module because no other part of meshc needs go-containerregistry.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/authn/github"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: image DIST LAYOUT\n       image LAYOUT REPOSITORY")
		os.Exit(2)
	}
	digest, err := run(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
	fmt.Println(digest)
}

func run(from, to string) (v1.Hash, error) {
	if made, err := layout.FromPath(from); err == nil {
		return push(context.Background(), made, to)
	}
	r, err := readRelease(from)
	if err != nil {
		return v1.Hash{}, err
	}
	index, err := r.index()
	if err != nil {
		return v1.Hash{}, err
	}
	if err := os.RemoveAll(filepath.Clean(to)); err != nil {
		return v1.Hash{}, err
	}
	if _, err := layout.Write(to, index); err != nil {
		return v1.Hash{}, err
	}
	return index.Digest()
}

// push tags an image with its version, and with nothing that would move while the release is a draft. GITHUB_TOKEN is
// for ghcr.io.
func push(ctx context.Context, made layout.Path, repository string) (v1.Hash, error) {
	index, err := made.ImageIndex()
	if err != nil {
		return v1.Hash{}, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return v1.Hash{}, err
	}
	version := manifest.Annotations[versionLabel]
	repo, err := name.NewRepository(repository)
	if err != nil {
		return v1.Hash{}, err
	}
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.NewMultiKeychain(github.Keychain, authn.DefaultKeychain))}
	if err := remote.WriteIndex(repo.Tag(version), index, options...); err != nil {
		return v1.Hash{}, err
	}
	return index.Digest()
}
