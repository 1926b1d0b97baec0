"""Pulumi's Python language host: a `LanguageRuntime` server over gRPC.

The Pulumi CLI starts it as `pulumi-language-python`, as it would the official one, and behaves the
same with both. Ours exists because the official one comes with no package registry.

- `__main__`: the process: its port, its signals, its end.
- `server`: the service; `protocol` has its messages.
- `interpreter`: which Python a project runs in.
- `program`, `plugin`: what runs in that Python. They are started by file name and import nothing
  of ours, because a project's own virtual environment does not have it.
- `packages`, `dependencies`: what a project has installed, and installing it.
- `processes`: children and their end.
"""
