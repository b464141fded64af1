// Package crds pins the modules whose custom resource definitions install-crds reads; importing a
// package of each keeps them in go.mod.
package crds

import (
	_ "github.com/openshift/api/route/v1"
	_ "sigs.k8s.io/gateway-api/apis/v1"
)
