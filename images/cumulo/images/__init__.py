"""Images that are built from package registries alone: what servers boot and what nodes run.

Every image is a file under `~/.cache/cumulo/images`, named after all that it depends on. Building
one twice gives the same bytes.
"""
