package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"

	"github.com/operator-framework/api/pkg/manifests"
	"github.com/operator-framework/api/pkg/validation"
	interfaces "github.com/operator-framework/api/pkg/validation/interfaces"
	"github.com/operator-framework/operator-registry/alpha/declcfg"
)

// It looks at kinds that only some bundles bring, such as a PodDisruptionBudget.
const objectsName = "objects"

// All of the framework's validators but three: those for a package manifest and an OperatorGroup concern other formats
// and objects, and the one for architectures pulls the images.
var validators = []struct {
	name      string
	validator interfaces.Validator
}{
	{"bundle", validation.BundleValidator},
	{"csv", validation.ClusterServiceVersionValidator},
	{"crd", validation.CustomResourceDefinitionValidator},
	{"operatorhub", validation.OperatorHubV2Validator},
	{"capabilities", validation.StandardCapabilitiesValidator},
	{"categories", validation.StandardCategoriesValidator},
	{"community", validation.CommunityOperatorValidator},
	{objectsName, validation.ObjectValidator},
	{"deprecated APIs", validation.AlphaDeprecatedAPIsValidator},
	{"good practices", validation.GoodPracticesValidator},
}

// What a validator says that does not hold, and why not.
var exempt = []*regexp.Regexp{
	// It sees the group events.k8s.io in a rule and takes it for v1beta1, which is gone. The operator writes v1.
	regexp.MustCompile(`removed in v1\.25\..* for events: \(\["ClusterServiceVersion\.Spec\.InstallStrategy\.StrategySpec\.Permissions\[\d+\]\.Rules\[\d+\]"\]\)$`),
}

func isExempt(finding string) bool {
	return slices.ContainsFunc(exempt, func(known *regexp.Regexp) bool { return known.MatchString(finding) })
}

// validateBundle fails on errors and on warnings alike.
func validateBundle(folder string) error {
	bundle, err := manifests.GetBundleFromDir(folder)
	if err != nil {
		return fmt.Errorf("%s is not a bundle: %w", folder, err)
	}
	objects := []any{bundle, bundle.CSV}
	for _, definition := range bundle.V1CRDs {
		objects = append(objects, definition)
	}
	for _, object := range bundle.Objects {
		objects = append(objects, object)
	}
	findings := 0
	for _, each := range validators {
		results := each.validator.Validate(objects...)
		if len(results) == 0 && each.name != objectsName {
			return fmt.Errorf("%s: the validator %q found nothing to look at", folder, each.name)
		}
		for _, result := range results {
			for _, finding := range append(result.Errors, result.Warnings...) {
				if isExempt(finding.Error()) {
					continue
				}
				findings++
				fmt.Fprintf(os.Stderr, "%s: %s\n", each.name, finding.Error())
			}
		}
	}
	if findings > 0 {
		return fmt.Errorf("%s has %d findings", folder, findings)
	}
	fmt.Printf("%s: %d validators, nothing found\n", folder, len(validators))
	return nil
}

// validateCatalog reads a file-based catalog and follows its channels, as `opm validate` does.
func validateCatalog(ctx context.Context, folder string) error {
	catalog, err := declcfg.LoadFS(ctx, os.DirFS(folder))
	if err != nil {
		return fmt.Errorf("%s cannot be read as a catalog: %w", folder, err)
	}
	model, err := declcfg.ConvertToModel(*catalog)
	if err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	if len(model) == 0 {
		return fmt.Errorf("%s has no package", folder)
	}
	fmt.Printf("%s: %d package, valid\n", folder, len(model))
	return nil
}
