"""`python -m cumulo.providers.keycloak ENGINE_ADDRESS`: what Pulumi starts as a plugin."""

from cumulo.providers.core.bare import PULUMI, bare

bare(*PULUMI)

from cumulo.providers.core.server import serve  # noqa: E402
from cumulo.providers.keycloak.provider import Keycloak  # noqa: E402

serve(Keycloak())
