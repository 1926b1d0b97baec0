"""Kubernetes on OpenStack servers: the cluster, and what runs on every cluster."""
