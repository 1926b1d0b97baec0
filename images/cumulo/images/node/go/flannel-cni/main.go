// flannel-cni connects a pod to the subnet that flanneld got for this node: it writes the
// configuration of another CNI plugin, by default bridge, and calls it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/containernetworking/cni/pkg/invoke"
	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"
	"github.com/containernetworking/cni/pkg/version"
	"github.com/joho/godotenv"
)

// settings is what a network's configuration says to this plugin.
type settings struct {
	types.PluginConf
	SubnetFile string         `json:"subnetFile"`
	DataDir    string         `json:"dataDir"`
	Delegate   map[string]any `json:"delegate"`
	Runtime    map[string]any `json:"runtimeConfig,omitempty"`
}

func main() {
	skel.PluginMainFuncs(skel.CNIFuncs{
		Add: add, Del: del, Check: func(*skel.CmdArgs) error { return nil }, Status: status,
	}, version.All, "flannel: a subnet per node, for Kubernetes")
}

func read(stdin []byte) (*settings, error) {
	s := &settings{SubnetFile: "/run/flannel/subnet.env", DataDir: "/var/lib/cni/flannel"}
	if err := json.Unmarshal(stdin, s); err != nil {
		return nil, fmt.Errorf("the network's configuration: %w", err)
	}
	return s, nil
}

func status(args *skel.CmdArgs) error {
	s, err := read(args.StdinData)
	if err != nil {
		return err
	}
	_, err = s.delegate()
	return err
}

func add(args *skel.CmdArgs) error {
	s, err := read(args.StdinData)
	if err != nil {
		return err
	}
	delegate, err := s.delegate()
	if err != nil {
		return err
	}
	text, err := json.Marshal(delegate)
	if err != nil {
		return err
	}
	// By the time the pod goes, this node may have another subnet.
	if err := os.MkdirAll(s.DataDir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.DataDir, args.ContainerID), text, 0o600); err != nil {
		return err
	}
	result, err := invoke.DelegateAdd(context.Background(), fmt.Sprint(delegate["type"]), text, nil)
	if err != nil {
		return fmt.Errorf("the plugin %s: %w", delegate["type"], err)
	}
	return types.PrintResult(result, s.CNIVersion)
}

func del(args *skel.CmdArgs) error {
	s, err := read(args.StdinData)
	if err != nil {
		return err
	}
	file := filepath.Join(s.DataDir, args.ContainerID)
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil // It was deleted before, or never added.
	}
	if err != nil {
		return err
	}
	delegate := types.PluginConf{}
	if err := json.Unmarshal(text, &delegate); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := invoke.DelegateDel(context.Background(), delegate.Type, text, nil); err != nil {
		return fmt.Errorf("the plugin %s: %w", delegate.Type, err)
	}
	return os.Remove(file)
}

// delegate is the other plugin's configuration: what the network says of it, and for the rest what
// follows from this node's subnet.
func (s *settings) delegate() (map[string]any, error) {
	subnet, err := godotenv.Read(s.SubnetFile)
	if err != nil {
		return nil, fmt.Errorf("flanneld has not set up this node's network yet: %w", err)
	}
	// It is written down as the address of the node in it.
	_, network, err := net.ParseCIDR(subnet["FLANNEL_SUBNET"])
	if err != nil {
		return nil, fmt.Errorf("%s: FLANNEL_SUBNET: %w", s.SubnetFile, err)
	}
	mtu, err := strconv.Atoi(subnet["FLANNEL_MTU"])
	if err != nil {
		return nil, fmt.Errorf("%s: FLANNEL_MTU is %q, not a number", s.SubnetFile, subnet["FLANNEL_MTU"])
	}
	whole := map[string]any{
		"type":       "bridge",
		"name":       s.Name,
		"cniVersion": s.CNIVersion,
		"mtu":        mtu,
		// Whoever of the two masquerades, only one does.
		"ipMasq":    subnet["FLANNEL_IPMASQ"] != "true",
		"isGateway": true,
		"ipam": map[string]any{
			"type":   "host-local",
			"ranges": [][]map[string]string{{{"subnet": network.String()}}},
			"routes": []map[string]string{{"dst": subnet["FLANNEL_NETWORK"]}},
		},
	}
	if s.Runtime != nil {
		whole["runtimeConfig"] = s.Runtime
	}
	for name, value := range s.Delegate {
		whole[name] = value
	}
	return whole, nil
}
