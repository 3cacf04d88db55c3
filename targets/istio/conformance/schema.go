package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"istio.io/istio/manifests"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	metavalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	apiservercel "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// crds is the path of the CRDs in Istio's charts; istio.io/api has the same file as
// kubernetes/customresourcedefinitions.gen.yaml.
const crds = "charts/base/files/crd-all.gen.yaml"

// Schemas validates objects as an API server with Istio's CRDs does.
type Schemas map[schema.GroupVersionKind]*resource

type resource struct {
	namespaced bool
	deprecated bool
	structural *structural.Structural
	schema     validation.SchemaValidator
	rules      *cel.Validator
}

// LoadSchemas reads Istio's CRDs.
func LoadSchemas() (Schemas, error) {
	data, err := manifests.FS.ReadFile(crds)
	if err != nil {
		return nil, err
	}
	schemas := Schemas{}
	documents := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 1<<16)
	for {
		var v1 apiextensionsv1.CustomResourceDefinition
		if err := documents.Decode(&v1); errors.Is(err, io.EOF) {
			return schemas, nil
		} else if err != nil {
			return nil, err
		}
		var crd apiextensions.CustomResourceDefinition
		if err := apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(&v1, &crd, nil); err != nil {
			return nil, err
		}
		for _, version := range crd.Spec.Versions {
			if !version.Served {
				continue
			}
			r := &resource{namespaced: crd.Spec.Scope == apiextensions.NamespaceScoped, deprecated: version.Deprecated}
			shape := version.Schema
			if shape == nil {
				shape = crd.Spec.Validation // conversion lifts a schema that all versions share
			}
			if r.structural, err = structural.NewStructural(shape.OpenAPIV3Schema); err != nil {
				return nil, fmt.Errorf("%s: %w", crd.Name, err)
			}
			if r.schema, _, err = validation.NewSchemaValidator(shape.OpenAPIV3Schema); err != nil {
				return nil, fmt.Errorf("%s: %w", crd.Name, err)
			}
			r.rules = cel.NewValidator(r.structural, true, apiservercel.PerCallLimit)
			schemas[schema.GroupVersionKind{Group: crd.Spec.Group, Version: version.Name, Kind: crd.Spec.Names.Kind}] = r
		}
	}
}

// Admit returns what an API server stores for a manifest, as JSON, or an error if the server would reject it or warn
// about it. It rejects unknown and duplicate fields, as kubectl requests by default. An object without a creation
// timestamp, by which Istio sorts, gets one.
func (s Schemas) Admit(manifest []byte) (stored []byte, err error) {
	js, err := yaml.YAMLToJSONStrict(manifest)
	if err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(js); err != nil {
		return nil, err
	}
	kind := object.GroupVersionKind()
	if kind == corev1.SchemeGroupVersion.WithKind("Namespace") {
		if err := yaml.UnmarshalStrict(manifest, &corev1.Namespace{}); err != nil {
			return nil, err
		}
		return js, checkMeta(object, false, metavalidation.ValidateNamespaceName)
	}
	r := s[kind]
	if r == nil {
		return nil, fmt.Errorf("%s is not served", kind)
	}
	if r.deprecated {
		return nil, fmt.Errorf("%s is deprecated", kind)
	}
	if err := checkMeta(object, r.namespaced, metavalidation.NameIsDNSSubdomain); err != nil {
		return nil, err
	}
	content := object.UnstructuredContent()
	unknown := pruning.PruneWithOptions(content, r.structural, true, structural.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	if len(unknown) > 0 {
		return nil, fmt.Errorf("unknown fields: %s", strings.Join(unknown, ", "))
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(content, r.structural)
	defaulting.Default(content, r.structural)
	problems := validation.ValidateCustomResource(nil, content, r.schema)
	problems = append(problems, listtype.ValidateListSetsAndMaps(nil, r.structural, content)...)
	if len(problems) == 0 && r.rules != nil {
		broken, _ := r.rules.Validate(context.Background(), nil, r.structural, content, nil, apiservercel.RuntimeCELCostBudget)
		problems = append(problems, broken...)
	}
	if err := problems.ToAggregate(); err != nil {
		return nil, err
	}
	if object.GetCreationTimestamp().Time.IsZero() {
		object.SetCreationTimestamp(metav1.Unix(admitted, 0))
	}
	return object.MarshalJSON()
}

// admitted is the creation timestamp of objects without one: the year 2100, later than any that a test sets.
const admitted = 4102444800

// checkMeta validates metadata by the rules for all objects: names, labels, annotations and their size.
func checkMeta(object *unstructured.Unstructured, namespaced bool, name metavalidation.ValidateNameFunc) error {
	meta := metav1.ObjectMeta{}
	raw, _, err := unstructured.NestedMap(object.UnstructuredContent(), "metadata")
	if err != nil {
		return err
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(raw, &meta, true); err != nil {
		return err
	}
	return metavalidation.ValidateObjectMeta(&meta, namespaced, name, nil).ToAggregate()
}
