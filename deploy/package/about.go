package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/operator-framework/api/pkg/operators/v1alpha1"
	"sigs.k8s.io/yaml"
)

// About is deploy/olm/about.yaml: what a catalog shows to people, which no other source of the operator says.
type About struct {
	Package      string                `json:"package"`
	Channel      string                `json:"channel"`
	DisplayName  string                `json:"displayName"`
	Summary      string                `json:"summary"`
	Description  string                `json:"description"`
	Categories   []string              `json:"categories"`
	Capabilities string                `json:"capabilities"`
	Maturity     string                `json:"maturity"`
	Keywords     []string              `json:"keywords"`
	Provider     v1alpha1.AppLink      `json:"provider"`
	Maintainers  []v1alpha1.Maintainer `json:"maintainers"`
	Links        []v1alpha1.AppLink    `json:"links"`
	// Features of the platform by name; `disconnected` is not among them, because it follows from the images.
	Features map[string]bool `json:"features"`
	// Architectures that the images are built for.
	Architectures []string `json:"architectures"`
	Registry      struct {
		DisplayName string       `json:"displayName"`
		Spec        []Descriptor `json:"spec"`
		Status      []Descriptor `json:"status"`
	} `json:"registry"`

	icon []byte
}

// Descriptor tells a console how to show a field. Its text and its choices come from the definition.
type Descriptor struct {
	Path        string   `json:"path"`
	DisplayName string   `json:"displayName"`
	Show        []string `json:"show"`
}

const iconType = "image/svg+xml"

func (s Source) about() (*About, error) {
	folder := filepath.Join(s.Root, "deploy/olm")
	path := filepath.Join(folder, "about.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	about := new(About)
	if err := yaml.UnmarshalStrict(text, about); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	about.icon, err = os.ReadFile(filepath.Join(folder, "icon.svg"))
	return about, err
}

func (a *About) iconText() string {
	return base64.StdEncoding.EncodeToString(a.icon)
}

// describe makes one descriptor of the definition's text at its path.
func (d Descriptor) describe(definition Object, part string) (Object, error) {
	schema, err := field(definition, part+"."+d.Path)
	if err != nil {
		return nil, err
	}
	text, _ := schema["description"].(string)
	if text == "" {
		return nil, fmt.Errorf("the definition says nothing about %s.%s; describe the field in operator/src/crd", part, d.Path)
	}
	var shown []any
	for _, how := range d.Show {
		if how != "select" {
			shown = append(shown, "urn:alm:descriptor:"+how)
			continue
		}
		choices, _ := schema["enum"].([]any)
		if len(choices) == 0 {
			return nil, fmt.Errorf("%s.%s is to be a selection, but the definition has no enum there", part, d.Path)
		}
		for _, choice := range choices {
			if choice != nil {
				shown = append(shown, fmt.Sprintf("urn:alm:descriptor:com.tectonic.ui:select:%v", choice))
			}
		}
	}
	described := Object{"path": d.Path, "displayName": d.DisplayName, "description": text}
	if len(shown) > 0 {
		described["x-descriptors"] = shown
	}
	return described, nil
}

// field is the schema of a field, as in `spec.components[0].kind`.
func field(definition Object, path string) (Object, error) {
	version, err := servedVersion(definition)
	if err != nil {
		return nil, err
	}
	schema := child(child(version, "schema"), "openAPIV3Schema")
	for step := range strings.SplitSeq(path, ".") {
		name, isItem := strings.CutSuffix(step, "[0]")
		schema = child(child(schema, "properties"), name)
		if isItem {
			schema = child(schema, "items")
		}
		if schema == nil {
			return nil, fmt.Errorf("the definition has no field %s; correct deploy/olm/about.yaml", path)
		}
	}
	return schema, nil
}

func servedVersion(definition Object) (Object, error) {
	versions, _ := child(definition, "spec")["versions"].([]any)
	if len(versions) != 1 {
		return nil, fmt.Errorf("the definition has %d versions; say in deploy/package which one a catalog shows", len(versions))
	}
	version, _ := versions[0].(Object)
	return version, nil
}
