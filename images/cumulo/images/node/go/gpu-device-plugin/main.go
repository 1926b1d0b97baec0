// gpu-device-plugin tells the kubelet of the GPUs that an instance was given, from a list of their
// PCI addresses, and counts them out to pods. It hands no device to a container.
//
// It is for nodes that have GPUs in the cloud's books only. Nodes with real ones run NVIDIA's.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

const patience = 5 * time.Second

type plugin struct {
	v1beta1.UnimplementedDevicePluginServer
	devices []*v1beta1.Device
}

func main() {
	list := flag.String("devices", "/etc/nova-pci-devices", "file with a PCI address per line; none if it is missing")
	resource := flag.String("resource", "nvidia.com/gpu", "what pods ask for")
	folder := flag.String("folder", v1beta1.DevicePluginPath, "where the kubelet has its socket")
	flag.Parse()
	log.SetFlags(0)
	devices, err := devices(*list)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("%s: %d", *resource, len(devices))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	for ctx.Err() == nil {
		if err := serve(ctx, *folder, *resource, devices); err != nil {
			log.Print(err)
			wait(ctx, patience)
		}
	}
}

func devices(list string) ([]*v1beta1.Device, error) {
	text, err := os.ReadFile(list)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var found []*v1beta1.Device
	for _, address := range strings.Fields(string(text)) {
		found = append(found, &v1beta1.Device{ID: "GPU-" + address, Health: v1beta1.Healthy})
	}
	return found, nil
}

// serve answers the kubelet until that starts anew, which forgets its plugins and wants to be told
// again, or until the context ends.
func serve(ctx context.Context, folder, resource string, devices []*v1beta1.Device) error {
	ours := filepath.Join(folder, "cumulo-"+strings.ReplaceAll(resource, "/", "-")+".sock")
	kubelet := filepath.Join(folder, filepath.Base(v1beta1.KubeletSocket))
	before, err := os.Stat(kubelet)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(ours); err != nil {
		return err
	}
	listener, err := net.Listen("unix", ours)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	defer server.Stop()
	v1beta1.RegisterDevicePluginServer(server, &plugin{devices: devices})
	go server.Serve(listener)
	if err := register(ctx, kubelet, filepath.Base(ours), resource); err != nil {
		return err
	}
	for wait(ctx, patience) {
		if now, err := os.Stat(kubelet); err != nil || !os.SameFile(before, now) {
			log.Print("the kubelet has started anew")
			return nil
		}
	}
	return nil
}

func register(ctx context.Context, kubelet, endpoint, resource string) error {
	connection, err := grpc.NewClient("unix://"+kubelet, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err = v1beta1.NewRegistrationClient(connection).Register(ctx, &v1beta1.RegisterRequest{
		Version: v1beta1.Version, Endpoint: endpoint, ResourceName: resource,
	})
	return err
}

// wait says whether the time has passed, and not the context ended.
func wait(ctx context.Context, howLong time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(howLong):
		return true
	}
}

func (p *plugin) GetDevicePluginOptions(context.Context, *v1beta1.Empty) (*v1beta1.DevicePluginOptions, error) {
	return &v1beta1.DevicePluginOptions{}, nil
}

func (p *plugin) ListAndWatch(_ *v1beta1.Empty, stream v1beta1.DevicePlugin_ListAndWatchServer) error {
	// What an instance was given does not change while it runs.
	if err := stream.Send(&v1beta1.ListAndWatchResponse{Devices: p.devices}); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

func (p *plugin) Allocate(_ context.Context, request *v1beta1.AllocateRequest) (*v1beta1.AllocateResponse, error) {
	response := &v1beta1.AllocateResponse{}
	for _, container := range request.ContainerRequests {
		response.ContainerResponses = append(response.ContainerResponses, &v1beta1.ContainerAllocateResponse{
			Envs: map[string]string{"NVIDIA_VISIBLE_DEVICES": strings.Join(container.DevicesIds, ",")},
		})
	}
	return response, nil
}
