"""A Nova driver whose instances are systemd-nspawn machines, at the host's native speed.

It exists for machines without virtualisation (laptops, CI, containers): the API, the scheduler, the
network and cloud-init are those of any OpenStack, so what works there works on a real cloud.

An instance is a copy-on-write view of its image, unpacked once per host, in which an unmodified
Debian boots its own systemd. Its interfaces are veth pairs in Open vSwitch's integration bridge,
where OVN binds them like any hypervisor's. The flavor's memory and CPUs are enforced by cgroups.

What it does not do:

- It does not isolate hostile tenants. Root in an instance shares the host's kernel and user ids.
- It does not enforce the flavor's disk.
- No live migration, resize, snapshot, rescue, pause, suspend, and no volumes.
- A GPU is an entry in Nova's tracker, so that it is scheduled and used up; no device is passed
  through. The addresses an instance was given are in its `/etc/nova-pci-devices`.

An image may ask for more in its `/etc/nova-nspawn.json`: `{"cgroup": "v1"}` for the system calls
that kubelet needs, and for the legacy cgroup hierarchy where the host's controllers are on it;
`{"volumes": ["/var/lib/containerd"]}` for folders on the host's own file system, for software that
cannot live on an overlay.
"""
