package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/operator-framework/api/pkg/operators/v1alpha1"
	"sigs.k8s.io/yaml"
)

// The labels of a bundle's image, which its metadata repeats.
const (
	mediaTypeLabel      = "operators.operatorframework.io.bundle.mediatype.v1"
	manifestsLabel      = "operators.operatorframework.io.bundle.manifests.v1"
	metadataLabel       = "operators.operatorframework.io.bundle.metadata.v1"
	packageLabel        = "operators.operatorframework.io.bundle.package.v1"
	channelsLabel       = "operators.operatorframework.io.bundle.channels.v1"
	defaultChannelLabel = "operators.operatorframework.io.bundle.channel.default.v1"
)

// The variable whose value names a component's image.
const relatedPrefix = "RELATED_IMAGE_COMPONENT_"

// Where OLM tells a Deployment which namespaces its OperatorGroup selects: none means all.
const targetNamespaces = "metadata.annotations['olm.targetNamespaces']"

// Bundle is one version of the operator in the format registry+v1.
type Bundle struct {
	about      *About
	chart      Chart
	definition Object
	examples   []Object

	version string
	csv     Object
	related []any
}

func (b *Bundle) name() string { return b.about.Package + ".v" + b.version }

// build makes the ClusterServiceVersion of the chart, the definition and the texts.
func (b *Bundle) build() error {
	deployment, err := b.chart.only("Deployment")
	if err != nil {
		return err
	}
	account, err := b.chart.only("ServiceAccount")
	if err != nil {
		return err
	}
	accountName := fmt.Sprint(child(account, "metadata")["name"])
	deployment = withoutHelm(deployment)
	labels := child(child(deployment, "metadata"), "labels")
	b.version = fmt.Sprint(labels["app.kubernetes.io/version"])
	operatorImage := fmt.Sprint(operatorContainer(deployment)["image"])
	if err := b.relate(deployment, operatorImage); err != nil {
		return err
	}
	if err := followOperatorGroup(deployment); err != nil {
		return err
	}
	namespaced, clusterWide, err := b.rules()
	if err != nil {
		return err
	}
	owned, err := b.owned(namespaced)
	if err != nil {
		return err
	}
	annotations, err := b.annotations(operatorImage)
	if err != nil {
		return err
	}
	metaLabels := Object{"operatorframework.io/os.linux": "supported"}
	for _, architecture := range b.about.Architectures {
		metaLabels["operatorframework.io/arch."+architecture] = "supported"
	}
	b.csv = Object{
		"apiVersion": v1alpha1.ClusterServiceVersionAPIVersion,
		"kind":       v1alpha1.ClusterServiceVersionKind,
		"metadata": Object{
			"name": b.name(), "annotations": annotations, "labels": metaLabels,
		},
		"spec": Object{
			"displayName":               b.about.DisplayName,
			"description":               b.about.Description,
			"version":                   b.version,
			"maturity":                  b.about.Maturity,
			"minKubeVersion":            minKubeVersion,
			"keywords":                  b.about.Keywords,
			"provider":                  b.about.Provider,
			"maintainers":               b.about.Maintainers,
			"links":                     b.about.Links,
			"icon":                      []any{Object{"base64data": b.about.iconText(), "mediatype": iconType}},
			"customresourcedefinitions": Object{"owned": []any{owned}},
			"apiservicedefinitions":     Object{},
			"installModes":              installModes(),
			"relatedImages":             b.related,
			"install": Object{
				"strategy": v1alpha1.InstallStrategyNameDeployment,
				"spec": Object{
					"deployments": []any{Object{
						"name":  child(deployment, "metadata")["name"],
						"label": labels,
						"spec":  deployment["spec"],
					}},
					"permissions":        []any{Object{"serviceAccountName": accountName, "rules": namespaced}},
					"clusterPermissions": []any{Object{"serviceAccountName": accountName, "rules": clusterWide}},
				},
			},
		},
	}
	return b.isReadable()
}

// The oldest API server that the chart admits.
const minKubeVersion = "1.29.0"

// installModes: a list of namespaces, one, the own one or none (all) are the same to the operator.
func installModes() []any {
	var modes []any
	for _, mode := range []v1alpha1.InstallModeType{
		v1alpha1.InstallModeTypeOwnNamespace, v1alpha1.InstallModeTypeSingleNamespace,
		v1alpha1.InstallModeTypeMultiNamespace, v1alpha1.InstallModeTypeAllNamespaces,
	} {
		modes = append(modes, Object{"type": string(mode), "supported": true})
	}
	return modes
}

// relate lists the images that must be at hand where there is no internet.
func (b *Bundle) relate(deployment Object, operatorImage string) error {
	b.related = []any{Object{"name": "operator", "image": operatorImage}}
	variables := environment(deployment)
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		component, isImage := strings.CutPrefix(name, relatedPrefix)
		if !isImage {
			continue
		}
		image, _ := variables[name]["value"].(string)
		if image == "" {
			return fmt.Errorf("the chart leaves %s empty", name)
		}
		b.related = append(b.related, Object{"name": strings.ToLower(component), "image": image})
	}
	if len(b.related) < 2 {
		return fmt.Errorf("the chart sets no %s variable, so the registry's image is unknown", relatedPrefix)
	}
	return nil
}

// followOperatorGroup lets the OperatorGroup say what is watched, instead of a value of the chart.
func followOperatorGroup(deployment Object) error {
	variable := environment(deployment)["WATCH_NAMESPACE"]
	if variable == nil {
		return errors.New("the chart's Deployment has no WATCH_NAMESPACE")
	}
	delete(variable, "value")
	variable["valueFrom"] = Object{"fieldRef": Object{"fieldPath": targetNamespaces}}
	return nil
}

// rules are those of all Roles, for each namespace that is watched, and those of the ClusterRole.
func (b *Bundle) rules() (namespaced, clusterWide []any, err error) {
	everywhere, err := b.chart.only("ClusterRole")
	if err != nil {
		return nil, nil, err
	}
	clusterWide, _ = everywhere["rules"].([]any)
	for _, role := range b.chart.all("Role") {
		rules, _ := role["rules"].([]any)
		namespaced = append(namespaced, rules...)
	}
	if len(namespaced) == 0 || len(clusterWide) == 0 {
		return nil, nil, errors.New("the chart grants nothing")
	}
	return namespaced, clusterWide, nil
}

// kinds by the name that rules give them, for those kinds of which a registry consists.
var kinds = map[string]struct{ kind, version string }{
	"configmaps":               {"ConfigMap", "v1"},
	"deployments":              {"Deployment", "v1"},
	"horizontalpodautoscalers": {"HorizontalPodAutoscaler", "v2"},
	"ingresses":                {"Ingress", "v1"},
	"jobs":                     {"Job", "v1"},
	"networkpolicies":          {"NetworkPolicy", "v1"},
	"persistentvolumeclaims":   {"PersistentVolumeClaim", "v1"},
	"pods":                     {"Pod", "v1"},
	"prometheusrules":          {"PrometheusRule", "v1"},
	"routes":                   {"Route", "v1"},
	"secrets":                  {"Secret", "v1"},
	"serviceaccounts":          {"ServiceAccount", "v1"},
	"servicemonitors":          {"ServiceMonitor", "v1"},
	"services":                 {"Service", "v1"},
	"statefulsets":             {"StatefulSet", "v1"},
}

// Granted, but nothing that a registry consists of.
var notParts = []string{"events", "leases", "nodes", "namespaces", "quayregistries"}

// owned describes QuayRegistry to a console.
func (b *Bundle) owned(rules []any) (Object, error) {
	spec := child(b.definition, "spec")
	version, err := servedVersion(b.definition)
	if err != nil {
		return nil, err
	}
	whole := child(child(version, "schema"), "openAPIV3Schema")
	owned := Object{
		"name":        child(b.definition, "metadata")["name"],
		"kind":        child(spec, "names")["kind"],
		"version":     version["name"],
		"displayName": b.about.Registry.DisplayName,
		"description": whole["description"],
	}
	if owned["resources"], err = parts(rules); err != nil {
		return nil, err
	}
	for part, list := range map[string][]Descriptor{"spec": b.about.Registry.Spec, "status": b.about.Registry.Status} {
		var described []any
		for _, descriptor := range list {
			one, err := descriptor.describe(b.definition, part)
			if err != nil {
				return nil, err
			}
			described = append(described, one)
		}
		owned[part+"Descriptors"] = described
	}
	return owned, nil
}

// parts are the kinds that the operator may read or make for a registry.
func parts(rules []any) ([]any, error) {
	var found []any
	seen := map[string]bool{}
	for _, rule := range rules {
		rule, _ := rule.(Object)
		resources, _ := rule["resources"].([]any)
		for _, resource := range resources {
			plural, _, isPart := strings.Cut(fmt.Sprint(resource), "/")
			if isPart || slices.Contains(notParts, plural) || seen[plural] {
				continue
			}
			known, ok := kinds[plural]
			if !ok {
				return nil, fmt.Errorf("the chart grants rights to %s; name its kind in deploy/package/bundle.go", plural)
			}
			seen[plural] = true
			found = append(found, Object{"kind": known.kind, "name": "", "version": known.version})
		}
	}
	slices.SortFunc(found, func(a, b any) int {
		return strings.Compare(a.(Object)["kind"].(string), b.(Object)["kind"].(string))
	})
	return found, nil
}

func (b *Bundle) annotations(operatorImage string) (Object, error) {
	examples, err := json.MarshalIndent(b.examples, "", "  ")
	if err != nil {
		return nil, err
	}
	annotations := Object{
		"alm-examples":   string(examples),
		"capabilities":   b.about.Capabilities,
		"categories":     strings.Join(b.about.Categories, ","),
		"containerImage": operatorImage,
		"description":    b.about.Summary,
		"support":        b.about.Provider.Name,
		"operatorframework.io/suggested-namespace": namespace,
	}
	// Mirrors know images by digest only.
	pinned := true
	for _, image := range b.related {
		pinned = pinned && strings.Contains(fmt.Sprint(image.(Object)["image"]), "@sha256:")
	}
	features := map[string]bool{"disconnected": pinned}
	maps.Copy(features, b.about.Features)
	for name, has := range features {
		annotations["features.operators.openshift.io/"+name] = fmt.Sprint(has)
	}
	return annotations, nil
}

// isReadable reads the ClusterServiceVersion back with the framework's own types, which know every field.
func (b *Bundle) isReadable() error {
	text, err := yaml.Marshal(b.csv)
	if err != nil {
		return err
	}
	if err := yaml.UnmarshalStrict(text, new(v1alpha1.ClusterServiceVersion)); err != nil {
		return fmt.Errorf("the ClusterServiceVersion has a field that the framework does not know: %w", err)
	}
	return nil
}

// write adds the manifests, the metadata and what makes an image of them.
func (b *Bundle) write(files Files) error {
	manifests := "olm/bundle/manifests/"
	if err := files.YAML(manifests+b.about.Package+".clusterserviceversion.yaml", b.csv); err != nil {
		return err
	}
	if err := files.YAML(manifests+"quayregistries.yaml", b.definition); err != nil {
		return err
	}
	labels := map[string]string{
		mediaTypeLabel:      "registry+v1",
		manifestsLabel:      "manifests/",
		metadataLabel:       "metadata/",
		packageLabel:        b.about.Package,
		channelsLabel:       b.about.Channel,
		defaultChannelLabel: b.about.Channel,
	}
	if err := files.YAML("olm/bundle/metadata/annotations.yaml", Object{"annotations": labels}); err != nil {
		return err
	}
	text := generated + "# The bundle: manifests and metadata, and nothing that runs.\nFROM scratch\n"
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		text += fmt.Sprintf("LABEL %s=%s\n", name, labels[name])
	}
	text += "COPY bundle/manifests /manifests/\nCOPY bundle/metadata /metadata/\n"
	files["olm/bundle.Containerfile"] = []byte(text)
	return nil
}
