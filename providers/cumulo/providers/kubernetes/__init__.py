"""Kubernetes for Pulumi: the official `kubernetes` package's types through server-side apply."""
