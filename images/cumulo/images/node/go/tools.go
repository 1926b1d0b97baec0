//go:build tools

// Package node names what is built as it is, so that `go mod tidy` keeps it.
package node

import (
	_ "github.com/flannel-io/flannel/cmd/install_conf"
	_ "go.etcd.io/etcd/etcdctl/v3"
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/test/images/agnhost"
)
