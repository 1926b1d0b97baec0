package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/cli"
	"k8s.io/klog/v2"
)

const nodePrefix = "system:node:"

// errNotYet is of a request that may be right once its node has told all of its addresses.
var errNotYet = errors.New("yet")

// certificateApprover approves the certificates with which kubelets serve, and denies what only looks
// like one. Kubernetes itself leaves that open, since it does not know which addresses are a node's.
func certificateApprover() int {
	var kubeconfig string
	var every time.Duration
	command := &cobra.Command{
		Use:          "certificate-approver",
		Short:        "Approves kubelets' serving certificates for the addresses of their nodes",
		SilenceUsage: true,
		RunE: func(*cobra.Command, []string) error {
			cluster, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return err
			}
			client, err := kubernetes.NewForConfig(cluster)
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			for {
				if err := approveAll(ctx, client); err != nil && ctx.Err() == nil {
					klog.Errorf("requests could not be looked at: %v", err)
				}
				select {
				case <-ctx.Done():
					return nil
				case <-time.After(every):
				}
			}
		},
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "kubeconfig; without it, the pod's service account")
	command.Flags().DurationVar(&every, "every", 2*time.Second, "time between two looks")
	return cli.Run(command)
}

func approveAll(ctx context.Context, client kubernetes.Interface) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	asked := client.CertificatesV1().CertificateSigningRequests()
	found, err := asked.List(ctx, metav1.ListOptions{
		FieldSelector: "spec.signerName=" + certificatesv1.KubeletServingSignerName,
	})
	if err != nil {
		return err
	}
	open := slices.DeleteFunc(found.Items, func(one certificatesv1.CertificateSigningRequest) bool {
		return len(one.Status.Conditions) > 0
	})
	if len(open) == 0 {
		return nil
	}
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	var failed []error
	for _, one := range open {
		condition := certificatesv1.CertificateSigningRequestCondition{
			Type:    certificatesv1.CertificateApproved,
			Status:  corev1.ConditionTrue,
			Reason:  "OfItsNode",
			Message: "asked for by the node that has these addresses",
		}
		wrong := judge(&one.Spec, nodes.Items)
		switch {
		case errors.Is(wrong, errNotYet):
			klog.Infof("%s of %s waits: %v", one.Name, one.Spec.Username, wrong)
			continue
		case wrong != nil:
			condition.Type, condition.Reason = certificatesv1.CertificateDenied, "NotOfItsNode"
			condition.Message = wrong.Error()
		}
		klog.Infof("%s of %s: %s, %s", one.Name, one.Spec.Username, condition.Type, condition.Message)
		one.Status.Conditions = append(one.Status.Conditions, condition)
		if _, err := asked.UpdateApproval(ctx, one.Name, &one, metav1.UpdateOptions{}); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// judge tells what is wrong with a request for a kubelet's serving certificate, if anything is.
func judge(asked *certificatesv1.CertificateSigningRequestSpec, nodes []corev1.Node) error {
	name, isNode := strings.CutPrefix(asked.Username, nodePrefix)
	if !isNode || !slices.Contains(asked.Groups, "system:nodes") {
		return fmt.Errorf("%s is not a node", asked.Username)
	}
	block, _ := pem.Decode(asked.Request)
	if block == nil {
		return errors.New("the request is not PEM")
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return fmt.Errorf("the request cannot be read: %w", err)
	}
	if request.Subject.CommonName != asked.Username {
		return fmt.Errorf("it names %q, and %s asks for it", request.Subject.CommonName, asked.Username)
	}
	if !slices.Equal(request.Subject.Organization, []string{"system:nodes"}) {
		return fmt.Errorf("its organization is %q, not system:nodes", request.Subject.Organization)
	}
	if len(request.URIs)+len(request.EmailAddresses) > 0 {
		return errors.New("it names more than addresses")
	}
	if !slices.Contains(asked.Usages, certificatesv1.UsageServerAuth) {
		return errors.New("it is not for serving")
	}
	for _, usage := range asked.Usages {
		switch usage {
		case certificatesv1.UsageServerAuth, certificatesv1.UsageDigitalSignature, certificatesv1.UsageKeyEncipherment:
		default:
			return fmt.Errorf("it is for %s as well", usage)
		}
	}
	addresses := slices.Clone(request.DNSNames)
	for _, ip := range request.IPAddresses {
		addresses = append(addresses, ip.String())
	}
	if len(addresses) == 0 {
		return errors.New("it names no address")
	}
	for _, address := range addresses {
		owners := owners(address, nodes)
		if !slices.Contains(owners, name) {
			return fmt.Errorf("%s is not among the addresses of node %s %w", address, name, errNotYet)
		}
		// A node says itself which addresses it has.
		if len(owners) > 1 {
			return fmt.Errorf("%s is an address of the nodes %s", address, strings.Join(owners, ", "))
		}
	}
	return nil
}

func owners(address string, nodes []corev1.Node) []string {
	var found []string
	for _, node := range nodes {
		if slices.ContainsFunc(node.Status.Addresses, func(one corev1.NodeAddress) bool {
			return one.Address == address
		}) {
			found = append(found, node.Name)
		}
	}
	return found
}
