package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/cli"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v11/controller"
)

const (
	selectedNode     = "volume.kubernetes.io/selected-node"
	controlPlaneRole = "node-role.kubernetes.io/control-plane"
)

// localVolumes are folders of a node, made and removed by the one that runs on this node.
//
// Those of the control plane also look after what belonged to nodes that are gone.
type localVolumes struct {
	client    kubernetes.Interface
	folder    string
	node      string
	caretaker bool
}

func localVolumesCommand() int {
	var kubeconfig, provisioner string
	volumes := localVolumes{}
	command := &cobra.Command{
		Use:          "local-volumes",
		Short:        "Makes a node's folders into volumes for the pods that run there",
		SilenceUsage: true,
		RunE: func(*cobra.Command, []string) error {
			cluster, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return err
			}
			if volumes.client, err = kubernetes.NewForConfig(cluster); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			node, err := volumes.client.CoreV1().Nodes().Get(ctx, volumes.node, metav1.GetOptions{})
			if err != nil {
				return fmt.Errorf("--node %q: %w", volumes.node, err)
			}
			if node.Labels[corev1.LabelHostname] != node.Name {
				return fmt.Errorf("the label %s of node %s is not its name", corev1.LabelHostname, node.Name)
			}
			_, volumes.caretaker = node.Labels[controlPlaneRole]
			controller.NewProvisionController(ctx, volumes.client, provisioner, &volumes,
				controller.LeaderElection(false)).Run(ctx)
			return nil
		},
	}
	f := command.Flags()
	f.StringVar(&kubeconfig, "kubeconfig", "", "kubeconfig; without it, the pod's service account")
	f.StringVar(&provisioner, "provisioner", "cumulo.local/local-volumes", "the provisioner that storage classes name")
	f.StringVar(&volumes.folder, "folder", "/var/lib/local-volumes", "where the node has its volumes")
	f.StringVar(&volumes.node, "node", os.Getenv("NODE_NAME"), "the node this runs on")
	return cli.Run(command)
}

func (v *localVolumes) ShouldProvision(ctx context.Context, claim *corev1.PersistentVolumeClaim) bool {
	return v.caresFor(ctx, claim.Annotations[selectedNode])
}

// Provision makes a folder. Of a node that is gone it is never asked: the claim goes to another one.
func (v *localVolumes) Provision(
	_ context.Context, asked controller.ProvisionOptions,
) (*corev1.PersistentVolume, controller.ProvisioningState, error) {
	if err := v.refuse(asked); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	root, err := os.OpenRoot(v.folder)
	if err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	defer root.Close()
	if err := root.Mkdir(asked.PVName, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, controller.ProvisioningFinished, err
	}
	// Whoever the pod runs as; nobody else on the node comes this far.
	if err := root.Chmod(asked.PVName, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: asked.PVName},
		Spec: corev1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *asked.StorageClass.ReclaimPolicy,
			AccessModes:                   asked.PVC.Spec.AccessModes,
			Capacity: corev1.ResourceList{
				corev1.ResourceStorage: asked.PVC.Spec.Resources.Requests[corev1.ResourceStorage],
			},
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				Local: &corev1.LocalVolumeSource{Path: filepath.Join(v.folder, asked.PVName)},
			},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{
					MatchExpressions: []corev1.NodeSelectorRequirement{{
						Key:      corev1.LabelHostname,
						Operator: corev1.NodeSelectorOpIn,
						Values:   []string{v.node},
					}},
				}},
			}},
		},
	}, controller.ProvisioningFinished, nil
}

func (v *localVolumes) refuse(asked controller.ProvisionOptions) error {
	if asked.SelectedNode == nil {
		return fmt.Errorf("storage class %s needs volumeBindingMode: WaitForFirstConsumer", asked.StorageClass.Name)
	}
	if asked.PVC.Spec.Selector != nil {
		return errors.New("a local volume is made anew: its claim cannot have a selector")
	}
	for _, mode := range asked.PVC.Spec.AccessModes {
		if mode != corev1.ReadWriteOnce && mode != corev1.ReadWriteOncePod {
			return fmt.Errorf("a local volume is on one node: access mode %s is not possible, %s and %s are",
				mode, corev1.ReadWriteOnce, corev1.ReadWriteOncePod)
		}
	}
	return nil
}

func (v *localVolumes) ShouldDelete(ctx context.Context, volume *corev1.PersistentVolume) bool {
	return volume.Status.Phase == corev1.VolumeReleased && v.caresFor(ctx, nodeOf(volume))
}

// Delete removes the folder; what was on a node that is gone, went with it.
func (v *localVolumes) Delete(_ context.Context, volume *corev1.PersistentVolume) error {
	if nodeOf(volume) != v.node {
		return nil
	}
	root, err := os.OpenRoot(v.folder)
	if err != nil {
		return err
	}
	defer root.Close()
	return root.RemoveAll(volume.Name)
}

func (v *localVolumes) caresFor(ctx context.Context, node string) bool {
	if node == v.node || node == "" || !v.caretaker {
		return node == v.node
	}
	_, err := v.client.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		klog.Errorf("node %s could not be looked up: %v", node, err)
	}
	return apierrors.IsNotFound(err)
}

func nodeOf(volume *corev1.PersistentVolume) string {
	if volume.Spec.NodeAffinity == nil || volume.Spec.NodeAffinity.Required == nil {
		return ""
	}
	for _, term := range volume.Spec.NodeAffinity.Required.NodeSelectorTerms {
		for _, one := range term.MatchExpressions {
			if one.Key == corev1.LabelHostname && len(one.Values) == 1 {
				return one.Values[0]
			}
		}
	}
	return ""
}
