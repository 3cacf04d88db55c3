package main

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// built is a folder as goreleaser leaves it.
func built(t *testing.T, version string, arches ...string) string {
	t.Helper()
	t.Setenv("SOURCE_DATE_EPOCH", "1800000000")
	dist := t.TempDir()
	var artifacts []map[string]string
	for _, arch := range arches {
		dir := filepath.Join(dist, "meshc_linux_"+arch)
		require.NoError(t, os.MkdirAll(dir, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "meshc"), []byte("program for "+arch), 0o755))
		artifacts = append(artifacts, map[string]string{"type": "Binary", "goos": "linux", "goarch": arch, "path": "build/release/meshc_linux_" + arch + "/meshc"})
	}
	for name, content := range map[string]any{"artifacts.json": artifacts, "metadata.json": map[string]string{"version": version, "commit": "abc"}} {
		text, err := json.Marshal(content)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dist, name), text, 0o644))
	}
	return dist
}

// What is pulled for a platform is what was built for it, and the same binaries have the same digest.
func TestPush(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	repository := strings.TrimPrefix(server.URL, "http://") + "/meshc/meshc"
	made := filepath.Join(t.TempDir(), "image")
	digest, err := run(built(t, "1.2.3", "amd64", "arm64"), made)
	require.NoError(t, err)
	again, err := run(built(t, "1.2.3", "arm64", "amd64"), filepath.Join(t.TempDir(), "image"))
	require.NoError(t, err)
	assert.Equal(t, digest, again)

	pushed, err := run(made, repository)
	require.NoError(t, err)
	assert.Equal(t, digest, pushed)
	ref, err := name.ParseReference(repository + ":v1.2.3")
	require.NoError(t, err)
	index, err := remote.Index(ref)
	require.NoError(t, err)
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	require.Len(t, manifest.Manifests, 2)
	for _, m := range manifest.Manifests {
		image, err := index.Image(m.Digest)
		require.NoError(t, err)
		config, err := image.ConfigFile()
		require.NoError(t, err)
		assert.Equal(t, m.Platform.Architecture, config.Architecture)
		assert.Equal(t, "65532:65532", config.Config.User)
		assert.Equal(t, "abc", config.Config.Labels["org.opencontainers.image.revision"])
		modes := map[string]int64{}
		files := mutate.Extract(image)
		for r := tar.NewReader(files); ; {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			modes[h.Name] = h.Mode
		}
		require.NoError(t, files.Close())
		assert.Equal(t, int64(0o755), modes["usr/bin/meshc"], modes)
		assert.Equal(t, int64(0o1777), modes["work"], modes)
		assert.Equal(t, int64(0o644), modes["etc/ssl/certs/ca-certificates.crt"], modes)
	}
}

func TestIncomplete(t *testing.T) {
	_, err := run(built(t, "1.2.3", "amd64"), t.TempDir())
	assert.ErrorContains(t, err, "has no binary for linux/arm64")
	_, err = run(t.TempDir(), t.TempDir())
	assert.ErrorContains(t, err, "metadata.json")
}
