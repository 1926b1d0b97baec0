"""`python -m cumulo.providers.kubernetes ENGINE_ADDRESS`: what Pulumi starts as a plugin."""

from cumulo.providers.core.bare import PULUMI, bare

bare(*PULUMI)

from cumulo.providers.core.server import serve  # noqa: E402
from cumulo.providers.kubernetes.provider import Kubernetes  # noqa: E402

serve(Kubernetes())
