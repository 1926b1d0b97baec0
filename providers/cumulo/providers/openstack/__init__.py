"""OpenStack for Pulumi: the official `openstack` package's types over openstacksdk."""
