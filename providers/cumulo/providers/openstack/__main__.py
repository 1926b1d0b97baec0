"""`python -m cumulo.providers.openstack ENGINE_ADDRESS`: what Pulumi starts as a plugin."""

from cumulo.providers.core.bare import PULUMI, bare

bare(*PULUMI, "openstack")

from cumulo.providers.core.server import serve  # noqa: E402
from cumulo.providers.openstack.provider import OpenStack  # noqa: E402

serve(OpenStack())
