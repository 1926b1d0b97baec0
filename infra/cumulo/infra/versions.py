"""Versions of what components bring up, in one place; the node image holds the same."""

KUBERNETES = "1.35.4"
"""Kubernetes, unless a cluster names another."""

FLANNEL = "0.28.10"
"""The network between pods."""

FLANNEL_CNI = "v1.9.1-flannel3"
"""What connects a pod to it."""

METRICS_SERVER = "0.9.0"
"""What `kubectl top` and autoscaling ask."""

OPENSTACK_CLOUD_CONTROLLER_MANAGER = "1.35.0"
"""What tells nodes from servers, and gives services load balancers."""

NVIDIA_DEVICE_PLUGIN = "0.18.0"
"""What hands GPUs to pods."""

GPU_DEVICE_PLUGIN = "1"
"""What counts GPUs out to pods where nodes have none to hand over."""
