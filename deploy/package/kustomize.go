package main

import "fmt"

// What helm alone reads. The rest of the labels stays: the Deployment selects its pods by them.
var helmLabels = []string{"app.kubernetes.io/managed-by", "helm.sh/chart"}

// kustomizeBase adds the chart's default output as plain manifests, with the Namespace that helm makes by itself.
func kustomizeBase(files Files, chart Chart) error {
	names := []struct {
		file  string
		kinds []string
	}{
		{"definition.yaml", []string{"CustomResourceDefinition"}},
		{"serviceaccount.yaml", []string{"ServiceAccount"}},
		{"rbac.yaml", []string{"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}},
		{"deployment.yaml", []string{"Deployment"}},
	}
	resources := []any{"namespace.yaml"}
	space := Object{"apiVersion": "v1", "kind": "Namespace", "metadata": Object{"name": namespace}}
	if err := files.YAML("kustomize/namespace.yaml", space); err != nil {
		return err
	}
	written := 0
	for _, name := range names {
		var objects []any
		for _, kind := range name.kinds {
			for _, object := range chart.all(kind) {
				objects = append(objects, withoutHelm(object))
			}
		}
		written += len(objects)
		resources = append(resources, name.file)
		if err := files.YAML("kustomize/"+name.file, objects...); err != nil {
			return err
		}
	}
	if written != len(chart) {
		return fmt.Errorf("the chart has %d objects and the kustomize base %d; name the new kind in deploy/package/kustomize.go", len(chart), written)
	}
	return files.YAML("kustomize/kustomization.yaml", Object{
		"apiVersion": "kustomize.config.k8s.io/v1beta1",
		"kind":       "Kustomization",
		"resources":  resources,
	})
}

// withoutHelm is a copy without helm's labels.
func withoutHelm(object Object) Object {
	copied := copyOf(object)
	for _, labelled := range []Object{copied, child(child(copied, "spec"), "template")} {
		labels := child(child(labelled, "metadata"), "labels")
		for _, label := range helmLabels {
			delete(labels, label)
		}
	}
	withoutAdvice(copied)
	return copied
}

// withoutAdvice drops what tells helm not to delete an object.
func withoutAdvice(object Object) {
	metadata := child(object, "metadata")
	if annotations := child(metadata, "annotations"); annotations != nil {
		delete(annotations, "helm.sh/resource-policy")
		if len(annotations) == 0 {
			delete(metadata, "annotations")
		}
	}
}

func copyOf(object Object) Object {
	copied, _ := copyAny(object).(Object)
	return copied
}

func copyAny(value any) any {
	switch value := value.(type) {
	case Object:
		copied := make(Object, len(value))
		for key, below := range value {
			copied[key] = copyAny(below)
		}
		return copied
	case []any:
		copied := make([]any, len(value))
		for i, below := range value {
			copied[i] = copyAny(below)
		}
		return copied
	default:
		return value
	}
}
