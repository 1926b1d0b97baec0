package main

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/options"
	"k8s.io/apiserver/pkg/util/compatibility"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/component-base/version/verflag"
	generated "k8s.io/kubernetes/pkg/generated/openapi"
	"sigs.k8s.io/metrics-server/pkg/api"
	"sigs.k8s.io/metrics-server/pkg/scraper/client"
	"sigs.k8s.io/metrics-server/pkg/server"
	"sigs.k8s.io/metrics-server/pkg/utils"
)

// metricsOptions are metrics-server's own flags, without those that are deprecated or for its tests.
//
// Its command cannot be linked: what generated its API's description was of a newer Kubernetes than
// the one it is linked with here, which has that description itself.
type metricsOptions struct {
	run        *options.ServerRunOptions
	serving    *options.SecureServingOptionsWithLoopback
	caller     *options.DelegatingAuthenticationOptions
	permission *options.DelegatingAuthorizationOptions
	logging    *logs.Options
	resolution time.Duration
	kubeconfig string
	kubelet    kubeletOptions
}

type kubeletOptions struct {
	addresses  []string
	port       int
	statusPort bool
	insecure   bool
	authority  string
	key        string
	cert       string
	timeout    time.Duration
	nodes      string
}

func metricsServer() int {
	o := metricsOptions{
		run:        options.NewServerRunOptions(),
		serving:    options.NewSecureServingOptions().WithLoopback(),
		caller:     options.NewDelegatingAuthenticationOptions(),
		permission: options.NewDelegatingAuthorizationOptions(),
		logging:    logs.NewOptions(),
		resolution: time.Minute,
		kubelet:    kubeletOptions{port: 10250, timeout: 10 * time.Second},
	}
	for _, kind := range utils.DefaultAddressTypePriority {
		o.kubelet.addresses = append(o.kubelet.addresses, string(kind))
	}
	command := &cobra.Command{
		Use:          "metrics-server",
		Short:        "Serves what nodes and pods use of processors and memory",
		SilenceUsage: true,
		RunE: func(*cobra.Command, []string) error {
			verflag.PrintAndExitIfRequested()
			return o.serve(genericapiserver.SetupSignalHandler())
		},
	}
	o.addFlags(command)
	return cli.Run(command)
}

func (o *metricsOptions) addFlags(command *cobra.Command) {
	f := command.Flags()
	verflag.AddFlags(f)
	o.run.AddUniversalFlags(f)
	o.serving.AddFlags(f)
	o.caller.AddFlags(f)
	o.permission.AddFlags(f)
	logsapi.AddFlags(o.logging, f)
	f.DurationVar(&o.resolution, "metric-resolution", o.resolution, "time between two looks, at least 10s")
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig; without it, the pod's service account")
	k := &o.kubelet
	f.StringSliceVar(&k.addresses, "kubelet-preferred-address-types", k.addresses, "which of a node's addresses to try, the first one first")
	f.IntVar(&k.port, "kubelet-port", k.port, "port of kubelets")
	f.BoolVar(&k.statusPort, "kubelet-use-node-status-port", false, "take the port from the node's status")
	f.BoolVar(&k.insecure, "kubelet-insecure-tls", false, "trust any certificate of a kubelet")
	f.StringVar(&k.authority, "kubelet-certificate-authority", "", "file of the CA of kubelets' certificates")
	f.StringVar(&k.key, "kubelet-client-key", "", "file of the key to show to kubelets")
	f.StringVar(&k.cert, "kubelet-client-certificate", "", "file of the certificate to show to kubelets")
	f.DurationVar(&k.timeout, "kubelet-request-timeout", k.timeout, "time for one answer of a kubelet")
	f.StringVarP(&k.nodes, "node-selector", "l", "", "labels of the nodes to look at")
}

func (o *metricsOptions) validate() error {
	k := o.kubelet
	var clash error
	switch {
	case o.resolution < 10*time.Second:
		clash = fmt.Errorf("--metric-resolution is %s: it must be 10s at least", o.resolution)
	case k.timeout <= 0 || k.timeout > o.resolution*9/10:
		clash = fmt.Errorf("--kubelet-request-timeout is %s: it must be below nine tenths of --metric-resolution", k.timeout)
	case k.authority != "" && k.insecure:
		clash = errors.New("--kubelet-insecure-tls makes --kubelet-certificate-authority useless: give one of them")
	case (k.key == "") != (k.cert == ""):
		clash = errors.New("--kubelet-client-key and --kubelet-client-certificate need each other")
	}
	return errors.Join(clash, errors.Join(o.run.Validate()...), logsapi.ValidateAndApply(o.logging, nil))
}

func (o *metricsOptions) serve(stop <-chan struct{}) error {
	if err := o.validate(); err != nil {
		return err
	}
	serving, err := o.apiServer()
	if err != nil {
		return err
	}
	cluster, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return err
	}
	cluster.ContentType = "application/vnd.kubernetes.protobuf"
	if err := rest.SetKubernetesDefaults(cluster); err != nil {
		return err
	}
	ready, err := server.Config{
		Apiserver:        serving,
		Rest:             cluster,
		Kubelet:          o.kubelet.client(cluster),
		MetricResolution: o.resolution,
		ScrapeTimeout:    o.kubelet.timeout,
		NodeSelector:     o.kubelet.nodes,
	}.Complete()
	if err != nil {
		return err
	}
	return ready.RunUntil(stop)
}

func (o *metricsOptions) apiServer() (*genericapiserver.Config, error) {
	err := o.serving.MaybeDefaultWithSelfSignedCerts("localhost", nil, []net.IP{net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("a certificate cannot be made: %w", err)
	}
	config := genericapiserver.NewConfig(api.Codecs)
	config.EffectiveVersion = compatibility.DefaultBuildEffectiveVersion()
	namer := openapi.NewDefinitionNamer(api.Scheme)
	config.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(generated.GetOpenAPIDefinitions, namer)
	config.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(generated.GetOpenAPIDefinitions, namer)
	config.OpenAPIConfig.Info.Title = "metrics-server"
	config.OpenAPIV3Config.Info.Title = "metrics-server"
	for _, apply := range []func() error{
		func() error { return o.run.ApplyTo(config) },
		func() error { return o.serving.ApplyTo(&config.SecureServing, &config.LoopbackClientConfig) },
		func() error { return o.caller.ApplyTo(&config.Authentication, config.SecureServing, nil) },
		func() error { return o.permission.ApplyTo(&config.Authorization) },
	} {
		if err := apply(); err != nil {
			return nil, err
		}
	}
	return config, nil
}

func (k kubeletOptions) client(cluster *rest.Config) *client.KubeletClientConfig {
	config := &client.KubeletClientConfig{
		Scheme:            "https",
		DefaultPort:       k.port,
		UseNodeStatusPort: k.statusPort,
		Client:            *rest.CopyConfig(cluster),
	}
	for _, kind := range k.addresses {
		config.AddressTypePriority = append(config.AddressTypePriority, corev1.NodeAddressType(kind))
	}
	tls := &config.Client.TLSClientConfig
	if k.insecure {
		tls.Insecure, tls.CAFile, tls.CAData = true, "", nil
	}
	if k.authority != "" {
		tls.CAFile, tls.CAData = k.authority, nil
	}
	if k.cert != "" {
		tls.CertFile, tls.CertData, tls.KeyFile, tls.KeyData = k.cert, nil, k.key, nil
	}
	return config
}
