package targets

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A delivery between two has its own lists and lock, and each object from the side that is asked for.
func TestBetween(t *testing.T) {
	old := Layout(manifests("2 PeerAuthentication shop/default\n5 AuthorizationPolicy shop/b-deny\n20 AuthorizationPolicy shop/b-ingress\n20 AuthorizationPolicy gone/a-ingress\n"), "prod")
	now := Layout(manifests("3 PeerAuthentication istio-system/default\n32 PeerAuthentication shop/default\n5 AuthorizationPolicy shop/b-deny\n30 AuthorizationPolicy shop/default-deny\n"), "prod")
	require.Equal(t, now, Between(old, now, "prod", func(Named) bool { return true }))
	require.Equal(t, old, Between(old, now, "prod", func(Named) bool { return false }))

	half := Between(old, now, "prod", func(o Named) bool { return o.Kind == "peerauthentication" })
	want := Layout(manifests("3 PeerAuthentication istio-system/default\n32 PeerAuthentication shop/default\n5 AuthorizationPolicy shop/b-deny\n20 AuthorizationPolicy shop/b-ingress\n20 AuthorizationPolicy gone/a-ingress\n"), "prod")
	require.Equal(t, want, half)
}

// A delivery between one of one target and one of several has the objects of both, each once.
func TestBetweenTargets(t *testing.T) {
	old := Layout(manifests("20 AuthorizationPolicy shop/b-ingress\n30 AuthorizationPolicy istio/default-deny\n"), "prod")
	now := Layout(manifests("20 AuthorizationPolicy shop/b-ingress istio\n30 AuthorizationPolicy istio/default-deny istio\n20 NetworkPolicy shop/b-ingress networkPolicy\n"), "prod")
	half := Between(old, now, "prod", func(o Named) bool { return o.Folder == "shop" })
	want := Layout(manifests("20 AuthorizationPolicy shop/b-ingress istio\n30 AuthorizationPolicy istio/default-deny\n20 NetworkPolicy shop/b-ingress networkPolicy\n"), "prod")
	require.Equal(t, want, half)
	require.Empty(t, Departed(old, now))
	require.Empty(t, Departed(now, old))
	gone := Departed(now, Layout(manifests("20 AuthorizationPolicy shop/b-ingress istio\n"), "prod"))
	require.Len(t, gone, 1)
	require.Contains(t, gone[0].Message, "the mesh istio leaves: authorizationpolicy-default-deny is removed")
}

// The action says whether an object denies. A service may be called a-deny.
func TestDenies(t *testing.T) {
	for text, deny := range map[string]bool{
		"kind: AuthorizationPolicy\nspec:\n  action: DENY\n  rules:\n":           true,
		"kind: AuthorizationPolicy\nspec:\n  rules:\n  - {}\n":                   false,
		"kind: AuthorizationPolicy\nspec: {}\n":                                  false,
		"metadata:\n  annotations:\n    note: |\n      action: DENY\nspec: {}\n": false,
	} {
		files := []File{{Path: "shop/13-authorizationpolicy-a-deny-ingress.yaml", Data: []byte(text)}}
		Between(files, nil, "", func(o Named) bool {
			require.Equal(t, Named{"shop", "authorizationpolicy", "a-deny-ingress", deny}, o)
			return true
		})
	}
}

// Windows reserves the names of some folders.
func TestReservedNames(t *testing.T) {
	var paths []string
	for _, f := range Layout(manifests("20 AuthorizationPolicy aux/a-ingress\n20 AuthorizationPolicy auxiliary/a-ingress\n"), "") {
		paths = append(paths, f.Path)
	}
	require.Equal(t, []string{
		".meshc.lock", "aux_/20-authorizationpolicy-a-ingress.yaml", "aux_/kustomization.yaml",
		"auxiliary/20-authorizationpolicy-a-ingress.yaml", "auxiliary/kustomization.yaml", "kustomization.yaml",
	}, paths)
}
