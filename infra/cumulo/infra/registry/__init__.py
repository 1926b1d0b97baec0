"""A registry of container images on a server of its own, and what it makes nodes' mirror of."""
