"""Versions of what components bring up, in one place; the node image holds the same."""

KUBERNETES = "1.35.4"
"""Kubernetes, unless a cluster names another."""

FLANNEL = "0.28.10"
"""The network between pods."""

FLANNEL_CNI = "v1.9.1-flannel3"
"""What connects a pod to it."""

METRICS_SERVER = "0.9.0"
"""What `kubectl top` and autoscaling ask."""

GPU_DEVICE_PLUGIN = "1"
"""What counts GPUs out to pods where nodes have none to hand over."""
