"""`python -m cumulo.providers.random ENGINE_ADDRESS`: what Pulumi starts as a plugin."""

from cumulo.providers.core.bare import PULUMI, bare

bare(*PULUMI)

from cumulo.providers.core.server import serve  # noqa: E402
from cumulo.providers.random.provider import Random  # noqa: E402

serve(Random())
