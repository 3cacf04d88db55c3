package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

const (
	versionLabel = "org.opencontainers.image.version"
	user         = "65532" // the usual number of a user who owns nothing
)

// release is what goreleaser says of the binaries that it built.
type release struct {
	version, commit string
	date            time.Time         // of the commit
	binaries        map[string]string // a file for each architecture of Linux
}

// readRelease reads what goreleaser left in its folder. The date is that of SOURCE_DATE_EPOCH.
func readRelease(dist string) (*release, error) {
	var about struct{ Version, Commit string }
	if err := readJSON(filepath.Join(dist, "metadata.json"), &about); err != nil {
		return nil, err
	}
	var artifacts []struct{ Type, Path, Goos, Goarch string }
	if err := readJSON(filepath.Join(dist, "artifacts.json"), &artifacts); err != nil {
		return nil, err
	}
	seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("SOURCE_DATE_EPOCH: want the time of the commit: %w", err)
	}
	r := &release{version: "v" + about.Version, commit: about.Commit, date: time.Unix(seconds, 0).UTC(), binaries: map[string]string{}}
	for _, a := range artifacts {
		if a.Type == "Binary" && a.Goos == "linux" {
			r.binaries[a.Goarch] = filepath.Join(dist, filepath.Base(filepath.Dir(a.Path)), filepath.Base(a.Path))
		}
	}
	for _, arch := range []string{"amd64", "arm64"} {
		if r.binaries[arch] == "" {
			return nil, fmt.Errorf("%s has no binary for linux/%s", dist, arch)
		}
	}
	return r, nil
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func (r *release) labels() map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":       "meshc",
		"org.opencontainers.image.description": "Compile who may call whom into the manifests of a service mesh",
		"org.opencontainers.image.source":      "https://github.com/meshc/meshc",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.revision":    r.commit,
		"org.opencontainers.image.created":     r.date.Format(time.RFC3339),
		versionLabel:                           r.version,
	}
}

// index has an image for each architecture.
func (r *release) index() (v1.ImageIndex, error) {
	system, err := r.system()
	if err != nil {
		return nil, err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range []string{"amd64", "arm64"} {
		binary, err := os.ReadFile(r.binaries[arch])
		if err != nil {
			return nil, err
		}
		program, err := r.layer(file{"usr/bin/meshc", 0o755, binary})
		if err != nil {
			return nil, err
		}
		image, err := r.image(arch, system, program)
		if err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	return mutate.Annotations(index, r.labels()).(v1.ImageIndex), nil
}

func (r *release) image(arch string, layers ...v1.Layer) (v1.Image, error) {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, l := range layers {
		var err error
		if image, err = mutate.Append(image, mutate.Addendum{Layer: l, History: v1.History{Created: v1.Time{Time: r.date}, CreatedBy: "meshc"}}); err != nil {
			return nil, err
		}
	}
	return mutate.ConfigFile(image, r.config(image, arch))
}

func (r *release) config(image v1.Image, arch string) *v1.ConfigFile {
	made, err := image.ConfigFile()
	if err != nil {
		panic(err) // of an image that was made here
	}
	made = made.DeepCopy()
	made.OS, made.Architecture, made.Created = "linux", arch, v1.Time{Time: r.date}
	made.Config = v1.Config{
		Entrypoint: []string{"/usr/bin/meshc"},
		Env:        []string{"PATH=/usr/bin", "HOME=/tmp"},
		User:       user + ":" + user,
		WorkingDir: "/work",
		Labels:     r.labels(),
	}
	return made
}

// system is all of the image that is not meshc.
func (r *release) system() (v1.Layer, error) {
	var authorities bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue // trusted in part, which a file of certificates cannot say
		}
		if err := pem.Encode(&authorities, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			return nil, err
		}
	}
	return r.layer(
		file{"etc/passwd", 0o644, []byte("root:x:0:0::/:\nmeshc:x:" + user + ":" + user + "::/tmp:\n")},
		file{"etc/group", 0o644, []byte("root:x:0:\nmeshc:x:" + user + ":\n")},
		file{"etc/ssl/certs/ca-certificates.crt", 0o644, authorities.Bytes()},
		file{"tmp/", 0o1777, nil},
		file{"work/", 0o1777, nil},
	)
}

// file is a file of a layer; a folder, if its name ends in a slash.
type file struct {
	name    string
	mode    int64
	content []byte
}

// layer is files and the folders around them, all of root and with the date of the release.
func (r *release) layer(files ...file) (v1.Layer, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	var made []string
	add := func(f file) error {
		h := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content)), ModTime: r.date, Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		if strings.HasSuffix(f.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		_, err := w.Write(f.content)
		return err
	}
	for _, f := range files {
		var around []string
		for dir := path.Dir(strings.TrimSuffix(f.name, "/")); dir != "."; dir = path.Dir(dir) {
			around = append(around, dir+"/")
		}
		slices.Reverse(around)
		for _, dir := range around {
			if !slices.Contains(made, dir) {
				made = append(made, dir)
				if err := add(file{dir, 0o755, nil}); err != nil {
					return nil, err
				}
			}
		}
		if err := add(f); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }, tarball.WithMediaType(types.OCILayer))
}
