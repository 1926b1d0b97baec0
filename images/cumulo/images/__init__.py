"""Images that are built from package registries alone: what servers boot and what nodes run.

What servers boot is a file each under `~/.cache/cumulo/images`, container images are one OCI image
layout there; each is named after all that it depends on. Building one twice gives the same bytes.
"""
