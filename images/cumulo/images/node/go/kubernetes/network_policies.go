package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/cloudnativelabs/kube-router/v2/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/v2/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/v2/pkg/options"
	"github.com/spf13/cobra"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/cli"
	"k8s.io/klog/v2"
)

// kubeRouter is kube-router's firewall, by its own flags: what enforces network policies on a node.
//
// Its command cannot be linked: the router and the service proxy, which nobody runs beside flannel
// and kube-proxy, need older versions of what Kubernetes is built of.
func kubeRouter() int {
	config := options.NewKubeRouterConfig()
	command := &cobra.Command{
		Use:          "kube-router",
		Short:        "Enforces network policies for the pods of this node",
		SilenceUsage: true,
		RunE: func(*cobra.Command, []string) error {
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return runFirewall(ctx, config)
		},
	}
	config.AddFlags(command.Flags())
	return cli.Run(command)
}

func runFirewall(ctx context.Context, config *options.KubeRouterConfig) error {
	if config.RunRouter || config.RunServiceProxy || config.RunLoadBalancer || !config.RunFirewall {
		return errors.New("only kube-router's firewall is in this image: " +
			"give --run-firewall=true --run-router=false --run-service-proxy=false --run-loadbalancer=false")
	}
	if config.MetricsPort != 0 {
		return errors.New("--metrics-port: this image serves no metrics")
	}
	if err := new(klog.Level).Set(config.VLevel); err != nil {
		return fmt.Errorf("-v %s: %w", config.VLevel, err)
	}
	cluster, err := clientcmd.BuildConfigFromFlags(config.Master, config.Kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(cluster)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods().Informer()
	namespaces := factory.Core().V1().Namespaces().Informer()
	policies := factory.Networking().V1().NetworkPolicies().Informer()
	factory.Start(ctx.Done())
	synced, cancel := context.WithTimeout(ctx, config.CacheSyncTimeout)
	defer cancel()
	if !cache.WaitForCacheSync(synced.Done(), pods.HasSynced, namespaces.HasSynced, policies.HasSynced) {
		return fmt.Errorf("pods, namespaces and network policies could not be listed within %s",
			config.CacheSyncTimeout)
	}
	tables, sets, err := netpol.NewIPTablesHandlers(config)
	if err != nil {
		return err
	}
	firewall, err := netpol.NewNetworkPolicyController(
		client, config, pods, policies, namespaces, &sync.Mutex{}, tables, sets)
	if err != nil {
		return err
	}
	for informer, handler := range map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		pods:       firewall.PodEventHandler,
		namespaces: firewall.NamespaceEventHandler,
		policies:   firewall.NetworkPolicyEventHandler,
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	health, err := healthcheck.NewHealthController(config)
	if err != nil {
		return err
	}
	health.SetAlive()
	beats := make(chan *healthcheck.ControllerHeartbeat, 10)
	var running sync.WaitGroup
	running.Add(3)
	go health.RunServer(ctx.Done(), &running)
	go health.RunCheck(beats, ctx.Done(), &running)
	go firewall.Run(beats, ctx.Done(), &running)
	<-ctx.Done()
	// What is enforced stays so without it; the next one goes on from there.
	time.AfterFunc(10*time.Second, func() { panic("the firewall does not end") })
	running.Wait()
	return nil
}
