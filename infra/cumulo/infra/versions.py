"""Versions of what components bring up, in one place."""

KUBERNETES = "1.35.4"
"""Kubernetes, unless a cluster names another; its node image has the same."""
