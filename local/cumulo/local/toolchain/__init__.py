"""The Pulumi CLI: as it is installed, or else built from Go modules and cached."""

from cumulo.local.toolchain.cli import ensure, ready

__all__ = ["ensure", "ready"]
