// flanneld is flannel's daemon with Kubernetes as its store, and without the backends that need a
// public cloud or a C compiler.
//
// Flags, files and the annotations on nodes are those of flannel's own daemon, whose packages do the
// work; a flag that concerns only what is left out is refused.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/flannel-io/flannel/pkg/backend"
	_ "github.com/flannel-io/flannel/pkg/backend/alloc"
	_ "github.com/flannel-io/flannel/pkg/backend/hostgw"
	_ "github.com/flannel-io/flannel/pkg/backend/ipip"
	_ "github.com/flannel-io/flannel/pkg/backend/vxlan"
	_ "github.com/flannel-io/flannel/pkg/backend/wireguard"
	"github.com/flannel-io/flannel/pkg/ip"
	"github.com/flannel-io/flannel/pkg/ipmatch"
	"github.com/flannel-io/flannel/pkg/subnet"
	"github.com/flannel-io/flannel/pkg/subnet/kube"
	"github.com/flannel-io/flannel/pkg/trafficmngr"
	"github.com/flannel-io/flannel/pkg/trafficmngr/iptables"
	"github.com/flannel-io/flannel/pkg/trafficmngr/nftables"
	"github.com/flannel-io/flannel/pkg/version"
	"github.com/joho/godotenv"
	"k8s.io/klog/v2"
)

type options struct {
	interfaces    []string
	kubeconfig    string
	apiServer     string
	prefix        string
	networkFile   string
	subnetFile    string
	publicIP      string
	publicIPv6    string
	healthzIP     string
	healthzPort   int
	resync        int
	masquerade    bool
	forward       bool
	fullRandom    bool
	tellAvailable bool
	store         bool
	version       bool
}

func parse() options {
	o := options{}
	f := flag.CommandLine
	klog.InitFlags(f)
	f.BoolVar(&o.store, "kube-subnet-mgr", false, "take subnets from the nodes (the only way)")
	f.StringVar(&o.kubeconfig, "kubeconfig-file", "", "kubeconfig; without it, the pod's service account")
	f.StringVar(&o.apiServer, "kube-api-url", "", "API server's URL")
	f.StringVar(&o.prefix, "kube-annotation-prefix", "flannel.alpha.coreos.com", "prefix of the annotations")
	f.StringVar(&o.networkFile, "net-config-path", "/etc/kube-flannel/net-conf.json", "the network")
	f.StringVar(&o.subnetFile, "subnet-file", "/run/flannel/subnet.env", "what the CNI plugin reads")
	f.Func("iface", "interface or address to use for traffic between nodes; may be repeated", func(name string) error {
		o.interfaces = append(o.interfaces, name)
		return nil
	})
	f.StringVar(&o.publicIP, "public-ip", "", "address that other nodes reach this one by")
	f.StringVar(&o.publicIPv6, "public-ipv6", "", "IPv6 address that other nodes reach this one by")
	f.StringVar(&o.healthzIP, "healthz-ip", "0.0.0.0", "address of /healthz and /readyz")
	f.IntVar(&o.healthzPort, "healthz-port", 0, "port of /healthz and /readyz; 0 for none")
	f.IntVar(&o.resync, "iptables-resync", 5, "seconds between two looks at the rules")
	f.BoolVar(&o.masquerade, "ip-masq", false, "masquerade traffic that leaves the network")
	f.BoolVar(&o.fullRandom, "ip-masq-random-fully-disable", false, "masquerade without --random-fully")
	f.BoolVar(&o.forward, "iptables-forward-rules", true, "accept forwarded traffic of the network")
	f.BoolVar(&o.tellAvailable, "set-node-network-unavailable", true, "set NodeNetworkUnavailable after ready")
	f.BoolVar(&o.version, "version", false, "print the version and exit")
	flag.Parse()
	return o
}

func main() {
	o := parse()
	if o.version {
		fmt.Println(version.Version)
		return
	}
	if !o.store {
		klog.Exit("give --kube-subnet-mgr: this flanneld keeps its subnets in Kubernetes only")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil && !errors.Is(err, context.Canceled) {
		klog.Exit(err)
	}
}

func run(ctx context.Context, o options) error {
	// The daemons that a backend starts end with this context, whatever ends this function.
	ctx, cancel := context.WithCancel(ctx)
	background := &sync.WaitGroup{}
	defer background.Wait()
	defer cancel()

	nodes, err := kube.NewSubnetManager(ctx, o.apiServer, o.kubeconfig, o.prefix, o.networkFile, o.tellAvailable)
	if err != nil {
		return fmt.Errorf("the subnets cannot be read from Kubernetes: %w", err)
	}
	var ready atomic.Bool
	if o.healthzPort > 0 {
		go serveHealth(net.JoinHostPort(o.healthzIP, strconv.Itoa(o.healthzPort)), &ready)
	}
	config, err := nodes.GetNetworkConfig(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", o.networkFile, err)
	}
	way, err := outward(ctx, o, nodes, config)
	if err != nil {
		return err
	}
	chosen, err := backend.NewManager(ctx, nodes, way).GetBackend(config.BackendType)
	if err != nil {
		return fmt.Errorf("%s: the backend %q is not in this flanneld: %w", o.networkFile, config.BackendType, err)
	}
	network, err := chosen.RegisterNetwork(ctx, background, config)
	if err != nil {
		return fmt.Errorf("the backend %q: %w", config.BackendType, err)
	}
	if err := filter(ctx, o, config, network); err != nil {
		return fmt.Errorf("the packet filter: %w", err)
	}
	lease := network.Lease()
	if err := nodes.HandleSubnetFile(o.subnetFile, config, o.masquerade, lease.Subnet, lease.IPv6Subnet, network.MTU()); err != nil {
		return fmt.Errorf("%s: %w", o.subnetFile, err)
	}
	ready.Store(true)
	klog.Infof("this node's subnet is %s, by %s on %s", lease.Subnet, config.BackendType, way.Iface.Name)
	background.Add(1)
	go func() {
		defer background.Done()
		network.Run(ctx)
		cancel()
	}()
	if err := nodes.CompleteLease(ctx, lease, background); err != nil {
		return fmt.Errorf("the node cannot be told that its network is up: %w", err)
	}
	<-ctx.Done()
	return nil
}

// outward finds the interface that leads to the other nodes: one that was named, else that of the
// default route.
func outward(ctx context.Context, o options, nodes subnet.Manager, config *subnet.Config) (*backend.ExternalInterface, error) {
	stack, err := ipmatch.GetIPFamily(config.EnableIPv4, config.EnableIPv6)
	if err != nil {
		return nil, err
	}
	public := ipmatch.PublicIPOpts{PublicIP: o.publicIP, PublicIPv6: o.publicIPv6}
	if v4, v6 := nodes.GetStoredPublicIP(ctx); v4 != "" || v6 != "" {
		public = ipmatch.PublicIPOpts{PublicIP: v4, PublicIPv6: v6}
	}
	if len(o.interfaces) == 0 {
		return ipmatch.LookupExtIface(public.PublicIP, "", "", stack, public)
	}
	for _, name := range o.interfaces {
		var found *backend.ExternalInterface
		if found, err = ipmatch.LookupExtIface(name, "", "", stack, public); err == nil && found != nil {
			return found, nil
		}
	}
	return nil, fmt.Errorf("none of the interfaces %s is usable: %w", strings.Join(o.interfaces, ", "), err)
}

// filter sets the rules by nftables or iptables, as the network asks, after removing the other's.
func filter(ctx context.Context, o options, config *subnet.Config, network backend.Network) error {
	managers := map[bool]trafficmngr.TrafficManager{
		true: &nftables.NFTablesManager{}, false: &iptables.IPTablesManager{},
	}
	if err := managers[!config.EnableNFTables].CleanUp(ctx); err != nil {
		return err
	}
	rules := managers[config.EnableNFTables]
	if err := rules.Init(ctx); err != nil {
		return err
	}
	if o.masquerade {
		before, err := godotenv.Read(o.subnetFile)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s: %w", o.subnetFile, err)
		}
		err = rules.SetupAndEnsureMasqRules(ctx,
			config.Network, v4(before["FLANNEL_SUBNET"]), v4(before["FLANNEL_NETWORK"]),
			config.IPv6Network, v6(before["FLANNEL_IPV6_SUBNET"]), v6(before["FLANNEL_IPV6_NETWORK"]),
			network.Lease(), o.resync, o.fullRandom)
		if err != nil {
			return err
		}
	}
	if o.forward {
		rules.SetupAndEnsureForwardRules(ctx, config.Network, config.IPv6Network, o.resync)
	}
	return nil
}

// v4 is a network that an earlier run has written down, or none.
func v4(text string) ip.IP4Net {
	if _, network, err := net.ParseCIDR(text); err == nil {
		return ip.FromIPNet(network)
	}
	return ip.IP4Net{}
}

func v6(text string) ip.IP6Net {
	if _, network, err := net.ParseCIDR(text); err == nil {
		return ip.FromIP6Net(network)
	}
	return ip.IP6Net{IP: &ip.IP6{}}
}

func serveHealth(address string, ready *atomic.Bool) {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/readyz", func(response http.ResponseWriter, _ *http.Request) {
		if !ready.Load() {
			http.Error(response, "the network is not set up yet", http.StatusServiceUnavailable)
		}
	})
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	klog.Exit(server.ListenAndServe())
}
