// Command package writes what installs the operator without Helm: the kustomize base, the OLM bundle and the OLM catalog.
//
//	chart, rendered by helm ─┬─► kustomize base
//	crds/, deploy/samples   ─┼─► bundle: ClusterServiceVersion, definition, annotations ─► catalog
//	deploy/olm/about.yaml   ─┘
//
// Nothing about Deployment, rights or ServiceAccount is written anywhere but in the chart. It talks to no cluster and no registry.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
)

const usage = `usage: package write [flags]         write the kustomize base, the bundle and the catalog below --into
       package check [flags]         fail when what lies below --into is not what write would write
       package validate BUNDLE [CATALOG]   run the validators of the operator framework

flags of write and check:
`

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "package: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		args = []string{"help"}
	}
	flags := flag.NewFlagSet("package", flag.ContinueOnError)
	var source Source
	flags.StringVar(&source.Root, "root", ".", "the repository")
	flags.StringVar(&source.Helm, "helm", "helm", "the helm program")
	flags.StringVar(&source.Images, "images", "localhost", "registry and path of the images")
	flags.StringVar(&source.OperatorImage, "operator-image", "", "the operator's image in full, for example by digest")
	flags.StringVar(&source.RegistryImage, "registry-image", "", "the registry's image in full")
	flags.StringVar(&source.BundleImage, "bundle-image", "", "the bundle's image in full, as the catalog names it")
	into := flags.String("into", "deploy", "the folder for kustomize/ and olm/")
	flags.Usage = func() { fmt.Fprint(flags.Output(), usage); flags.PrintDefaults() }

	command := args[0]
	if err := flags.Parse(args[1:]); err != nil {
		return fmt.Errorf("the arguments of %s were not understood: %w", command, err)
	}
	switch command {
	case "write", "check":
		if flags.NArg() > 0 {
			return fmt.Errorf("%s takes flags only, not %q", command, flags.Arg(0))
		}
		files, err := source.Files(ctx)
		if err != nil {
			return err
		}
		if command == "write" {
			return files.Write(*into)
		}
		return files.Check(*into)
	case "validate":
		if flags.NArg() < 1 || flags.NArg() > 2 {
			return fmt.Errorf("validate takes a bundle's folder and maybe a catalog's")
		}
		if err := validateBundle(flags.Arg(0)); err != nil {
			return err
		}
		if flags.NArg() == 2 {
			return validateCatalog(ctx, flags.Arg(1))
		}
		return nil
	default:
		flags.Usage()
		return fmt.Errorf("there is no command %q", command)
	}
}
