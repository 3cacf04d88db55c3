package cluster

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/meshc/meshc/lang/diag"
)

// UnknownContext is the error about a context that the kubeconfig does not have.
type UnknownContext struct {
	Name  string
	Known []string // sorted
}

func (e *UnknownContext) Error() string {
	text := fmt.Sprintf("the kubeconfig has no context %q", e.Name)
	if near, ok := diag.Nearest(e.Name, e.Known); ok {
		return text + "; did you mean " + near + "?"
	}
	return text
}

// Contexts returns the sorted names of the contexts of the kubeconfig.
func Contexts() []string {
	raw, err := clientcmd.NewDefaultClientConfigLoadingRules().Load()
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(raw.Contexts))
}

// connect returns a client of the cluster that a context of the kubeconfig names, and the name of that context. An
// empty name is the current context or, in a pod without a kubeconfig, the cluster that it runs in.
// https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
func connect(context string) (client *rest.RESTClient, name string, err error) {
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), &clientcmd.ConfigOverrides{CurrentContext: context})
	raw, err := loader.RawConfig()
	if err != nil {
		return nil, "", fmt.Errorf("kubeconfig: %w", err)
	}
	if context != "" && raw.Contexts[context] == nil {
		return nil, "", &UnknownContext{context, slices.Sorted(maps.Keys(raw.Contexts))}
	}
	config, err := loader.ClientConfig()
	switch {
	case clientcmd.IsEmptyConfig(err):
		return nil, "", errors.New("no kubeconfig: set $KUBECONFIG, or write ~/.kube/config")
	case err != nil:
		return nil, "", fmt.Errorf("kubeconfig: %w", err)
	}
	if name = context; name == "" {
		name = raw.CurrentContext
	}
	if name == "" {
		name = "in-cluster"
	}
	config.UserAgent = "meshc"
	config.WarningHandler = rest.NoWarnings{} // of deprecated kinds, about which who reads them can do nothing
	config.QPS = -1                           // a run makes few requests, and the server has limits of its own
	config.GroupVersion = &schema.GroupVersion{}
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	client, err = rest.UnversionedRESTClientFor(config)
	if err != nil {
		return nil, "", fmt.Errorf("kubeconfig: %w", err)
	}
	return client, name, nil
}
