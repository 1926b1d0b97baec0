package main

import (
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/util/wait"
	cloudprovider "k8s.io/cloud-provider"
	"k8s.io/cloud-provider-openstack/pkg/openstack"
	cloudapp "k8s.io/cloud-provider/app"
	"k8s.io/cloud-provider/app/config"
	"k8s.io/cloud-provider/names"
	cloudoptions "k8s.io/cloud-provider/options"
	"k8s.io/component-base/cli"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/klog/v2"
	_ "k8s.io/kubernetes/pkg/features" // The cloud controller manager takes --feature-gates as well.
)

func cloudControllerManager() int {
	options, err := cloudoptions.NewCloudControllerManagerOptions()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	flags := cliflag.NamedFlagSets{}
	openstack.AddExtraFlags(flags.FlagSet("OpenStack Client"))
	return cli.Run(cloudapp.NewCloudControllerManagerCommand(options, cloud,
		cloudapp.DefaultInitFuncConstructors, names.CCMControllerAliases(), flags, wait.NeverStop))
}

func cloud(completed *config.CompletedConfig) cloudprovider.Interface {
	asked := completed.ComponentConfig.KubeCloudShared
	found, err := cloudprovider.InitCloudProvider(asked.CloudProvider.Name, asked.CloudProvider.CloudConfigFile)
	switch {
	case err != nil:
		klog.Fatalf("the cloud %q is not usable: %v", asked.CloudProvider.Name, err)
	case found == nil:
		klog.Fatal("--cloud-provider names no cloud: it must be openstack")
	case !found.HasClusterID() && !asked.AllowUntaggedCloud:
		klog.Fatal("the cluster has no id: name one, or give --allow-untagged-cloud")
	}
	return found
}
