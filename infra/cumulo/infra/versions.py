"""Versions of what components bring up, in one place; the node image holds the same."""

KUBERNETES = "1.35.4"
"""Kubernetes, unless a cluster names another."""

COREDNS = "1.13.1"
"""The cluster's name server, whatever the version of Kubernetes."""

FLANNEL = "0.28.10"
"""The network between pods."""

FLANNEL_CNI = "v1.9.1-flannel3"
"""What connects a pod to it."""

KUBE_ROUTER = "2.1.0"
"""What enforces network policies."""

CERTIFICATE_APPROVER = "1"
"""What approves kubelets' serving certificates."""

LOCAL_VOLUMES = "1"
"""What makes volumes of nodes' folders."""

CINDER_CSI = "1.35.0"
"""What makes volumes of the cloud's."""

CSI_ATTACHER = "4.10.0"
CSI_PROVISIONER = "5.3.0"
CSI_RESIZER = "1.14.0"
CSI_NODE_DRIVER_REGISTRAR = "2.15.0"
"""Kubernetes' side of it, as its own manifests name them."""

METRICS_SERVER = "0.9.0"
"""What `kubectl top` and autoscaling ask."""

OPENSTACK_CLOUD_CONTROLLER_MANAGER = {"1.34": "1.34.1", "1.35": "1.35.0"}
"""What tells nodes from servers, and gives services load balancers, by Kubernetes' version."""

NVIDIA_DEVICE_PLUGIN = "0.18.0"
"""What hands GPUs to pods."""

GPU_DEVICE_PLUGIN = "1"
"""What counts GPUs out to pods where nodes have none to hand over."""

REGISTRY = "3.1.2"
"""What keeps container images and hands them out."""
