"""Builds programs from Go modules: the Pulumi CLI, and what nodes and containers run."""

from cumulo.local.go.build import Order, build, oldest

__all__ = ["Order", "build", "oldest"]
