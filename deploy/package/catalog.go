package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/operator-framework/api/pkg/operators/v1alpha1"
	"github.com/operator-framework/operator-registry/alpha/declcfg"
	"github.com/operator-framework/operator-registry/alpha/property"
)

const catalogFolder = "olm/catalog/"

// Where an image of a catalog keeps its configuration, and the label that says so.
const (
	configsFolder = "/configs"
	configsLabel  = "operators.operatorframework.io.index.configs.v1"
)

// writeCatalog adds a file-based catalog with this bundle in its only channel.
func (b *Bundle) writeCatalog(files Files, image string) error {
	text, err := json.Marshal(b.csv)
	if err != nil {
		return err
	}
	var csv v1alpha1.ClusterServiceVersion
	if err := json.Unmarshal(text, &csv); err != nil {
		return err
	}
	entry := declcfg.Bundle{
		Schema:  declcfg.SchemaBundle,
		Name:    b.name(),
		Package: b.about.Package,
		Image:   image,
		Properties: []property.Property{
			property.MustBuildPackage(b.about.Package, b.version),
			property.MustBuildCSVMetadata(csv),
		},
	}
	for _, owned := range csv.Spec.CustomResourceDefinitions.Owned {
		group, _ := child(b.definition, "spec")["group"].(string)
		entry.Properties = append(entry.Properties, property.MustBuildGVK(group, owned.Version, owned.Kind))
	}
	for _, related := range csv.Spec.RelatedImages {
		entry.RelatedImages = append(entry.RelatedImages, declcfg.RelatedImage{Name: related.Name, Image: related.Image})
	}
	entry.RelatedImages = append(entry.RelatedImages, declcfg.RelatedImage{Image: image})

	catalog := declcfg.DeclarativeConfig{
		Packages: []declcfg.Package{{
			Schema:         declcfg.SchemaPackage,
			Name:           b.about.Package,
			DefaultChannel: b.about.Channel,
			Description:    b.about.Summary,
			Icon:           &declcfg.Icon{Data: b.about.icon, MediaType: iconType},
		}},
		Channels: []declcfg.Channel{{
			Schema:  declcfg.SchemaChannel,
			Name:    b.about.Channel,
			Package: b.about.Package,
			Entries: []declcfg.ChannelEntry{{Name: b.name()}},
		}},
		Bundles: []declcfg.Bundle{entry},
	}
	var out bytes.Buffer
	if err := declcfg.WriteYAML(catalog, &out); err != nil {
		return fmt.Errorf("the catalog cannot be written: %w", err)
	}
	// A remark before the first separator would be a document of its own, without a schema.
	text = bytes.TrimPrefix(out.Bytes(), []byte("---\n"))
	files[catalogFolder+b.about.Package+"/catalog.yaml"] = append([]byte(generated), text...)
	files["olm/catalog.Containerfile"] = []byte(generated +
		"# The catalog: configuration only. Who installs from it brings the program that serves it.\nFROM scratch\n" +
		fmt.Sprintf("LABEL %s=%s\n", configsLabel, configsFolder) +
		fmt.Sprintf("COPY catalog %s/\n", configsFolder))
	return nil
}
