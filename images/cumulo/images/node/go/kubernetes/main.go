// kubernetes is all of Kubernetes' own commands in one binary: the name it is called by says which.
//
// They share nearly all of their code, so that one is linked once, stored once and, as one file, is
// in memory once for everything that runs on a node.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	_ "time/tzdata" // CronJobs name time zones; the containers have no files of them.

	_ "k8s.io/client-go/plugin/pkg/client/auth"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

var commands = map[string]func() int{
	"certificate-approver":               certificateApprover,
	"kube-apiserver":                     apiServer,
	"kube-controller-manager":            controllerManager,
	"kube-proxy":                         proxy,
	"kube-router":                        kubeRouter,
	"kube-scheduler":                     scheduler,
	"kubeadm":                            kubeadm,
	"kubectl":                            kubectl,
	"kubelet":                            kubelet,
	"local-volumes":                      localVolumesCommand,
	"metrics-server":                     metricsServer,
	"openstack-cloud-controller-manager": cloudControllerManager,
}

func main() {
	// Also `kubernetes kubelet …`, where no link is at hand.
	if run := commands[filepath.Base(os.Args[0])]; run == nil && len(os.Args) > 1 {
		os.Args = os.Args[1:]
	}
	run, known := commands[filepath.Base(os.Args[0])]
	if !known {
		var names []string
		for name := range commands {
			names = append(names, name)
		}
		slices.Sort(names)
		fmt.Fprintf(os.Stderr, "%s is none of the commands in this binary: %s\n",
			os.Args[0], strings.Join(names, ", "))
		os.Exit(2)
	}
	os.Exit(run())
}
