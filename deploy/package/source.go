package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// The names that the chart gives when it is installed as its README says.
const (
	release   = "quay-operator"
	namespace = "quay-operator"
)

// Object is one manifest.
type Object = map[string]any

// Source is everything that is packaged.
type Source struct {
	Root, Helm, Images                        string
	OperatorImage, RegistryImage, BundleImage string
}

// Files makes all files.
func (s Source) Files(ctx context.Context) (Files, error) {
	whole, err := s.render(ctx)
	if err != nil {
		return nil, err
	}
	// With a namespace to watch, what is needed everywhere and what is needed there come apart.
	apart, err := s.render(ctx, "--set", "watchNamespace="+namespace)
	if err != nil {
		return nil, err
	}
	about, err := s.about()
	if err != nil {
		return nil, err
	}
	definition, err := readObject(filepath.Join(s.Root, "crds/quayregistries.yaml"))
	if err != nil {
		return nil, err
	}
	withoutAdvice(definition)
	files := Files{}
	if err := kustomizeBase(files, whole); err != nil {
		return nil, err
	}
	bundle := Bundle{about: about, chart: apart, definition: definition}
	if bundle.examples, err = s.examples(); err != nil {
		return nil, err
	}
	if err := bundle.build(); err != nil {
		return nil, err
	}
	image := s.BundleImage
	if image == "" {
		image = fmt.Sprintf("%s/%s-bundle:%s", s.Images, about.Package, bundle.version)
	}
	if err := bundle.write(files); err != nil {
		return nil, err
	}
	return files, bundle.writeCatalog(files, image)
}

// Chart is what helm renders.
type Chart []Object

func (s Source) render(ctx context.Context, extra ...string) (Chart, error) {
	args := append([]string{"template", release, filepath.Join(s.Root, "charts/quay-operator"),
		"--namespace", namespace, "--set", "image.registry=" + s.Images}, extra...)
	if s.RegistryImage != "" {
		args = append(args, "--set", "registryImage="+s.RegistryImage)
	}
	command := exec.CommandContext(ctx, s.Helm, args...)
	var text, problem bytes.Buffer
	command.Stdout, command.Stderr = &text, &problem
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("%s template did not render the chart: %w\n%s", s.Helm, err, problem.String())
	}
	chart, err := readObjects(&text)
	if err != nil {
		return nil, fmt.Errorf("what helm rendered is not YAML: %w", err)
	}
	if s.OperatorImage != "" {
		deployment, err := Chart(chart).only("Deployment")
		if err != nil {
			return nil, err
		}
		operatorContainer(deployment)["image"] = s.OperatorImage
	}
	return chart, nil
}

// only is the one object of a kind.
func (c Chart) only(kind string) (Object, error) {
	found := c.all(kind)
	if len(found) != 1 {
		return nil, fmt.Errorf("the chart has %d objects of kind %s, one was expected", len(found), kind)
	}
	return found[0], nil
}

func (c Chart) all(kind string) (found []Object) {
	for _, object := range c {
		if object["kind"] == kind {
			found = append(found, object)
		}
	}
	return found
}

// examples are the registries of the samples.
func (s Source) examples() ([]Object, error) {
	paths, err := filepath.Glob(filepath.Join(s.Root, "deploy/samples/*.yaml"))
	if err != nil {
		return nil, err
	}
	var examples []Object
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		objects, err := readObjects(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, object := range objects {
			if object["kind"] == "QuayRegistry" {
				examples = append(examples, object)
			}
		}
	}
	if len(examples) == 0 {
		return nil, errors.New("deploy/samples has no QuayRegistry to give as an example")
	}
	return examples, nil
}

func readObject(path string) (Object, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var object Object
	if err := yaml.Unmarshal(text, &object); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return object, nil
}

func readObjects(text io.Reader) ([]Object, error) {
	var objects []Object
	documents := utilyaml.NewYAMLReader(bufio.NewReader(text))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		var object Object
		if err := yaml.Unmarshal(document, &object); err != nil {
			return nil, err
		}
		if len(object) > 0 {
			objects = append(objects, object)
		}
	}
}

// child is the object below a key, nil when there is none.
func child(object Object, key string) Object {
	below, _ := object[key].(Object)
	return below
}

// operatorContainer is the container of the operator's Deployment.
func operatorContainer(deployment Object) Object {
	pod := child(child(child(deployment, "spec"), "template"), "spec")
	containers, _ := pod["containers"].([]any)
	if len(containers) != 1 {
		return Object{}
	}
	container, _ := containers[0].(Object)
	return container
}

// environment is the environment of the operator by name.
func environment(deployment Object) map[string]Object {
	variables := map[string]Object{}
	list, _ := operatorContainer(deployment)["env"].([]any)
	for _, entry := range list {
		if variable, ok := entry.(Object); ok {
			variables[fmt.Sprint(variable["name"])] = variable
		}
	}
	return variables
}
