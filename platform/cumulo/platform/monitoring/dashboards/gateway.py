"""What the gateway lets in; from mod_auth_openidc, and cAdvisor for what it costs."""

from typing import Final

from cumulo.platform.monitoring.panels import WINDOW, Dashboard, Panel, Query


def _rate(figure: str) -> str:
    return f"sum(rate({figure}[{WINDOW}]))"


GATEWAY: Final = Dashboard(
    name="gateway",
    title="Gateway",
    description="Logins and refusals at the one way in.",
    rows={
        "Now": (
            Panel(
                title="Gateways that answer",
                unit="count",
                shown="number",
                queries=(Query(expr='sum(up{job="gateway"})'),),
            ),
            Panel(
                title="Requests",
                unit="per second",
                shown="number",
                queries=(Query(expr=_rate("oidc_authtype_mod_auth_openidc")),),
            ),
        ),
        "Requests": (
            Panel(
                title="By how they say who they are",
                unit="per second",
                description="A request is counted each time that it is looked at, which is more "
                "than once for most.",
                queries=(
                    Query(expr=_rate("oidc_authtype_openid_connect"), legend="login"),
                    Query(expr=_rate("oidc_authtype_oauth20"), legend="token"),
                    Query(expr=_rate("oidc_authtype_auth_openidc"), legend="either"),
                ),
            ),
            Panel(
                title="Refused",
                unit="per second",
                queries=(
                    Query(expr=_rate("oidc_authz_action_401"), legend="not logged in (401)"),
                    Query(expr=_rate("oidc_authz_action_403"), legend="not allowed (403)"),
                    Query(expr=_rate("oidc_authz_error_oauth20"), legend="token refused"),
                ),
            ),
        ),
        "Logins": (
            Panel(
                title="Begun and ended",
                unit="per second",
                queries=(
                    Query(expr=_rate("oidc_authn_request_count"), legend="begun"),
                    Query(expr=_rate("oidc_authn_response_count"), legend="ended"),
                ),
            ),
            Panel(
                title="Failed",
                unit="per second",
                queries=(
                    Query(
                        expr=_rate("oidc_authn_response_error_state_mismatch"),
                        legend="another's answer",
                    ),
                    Query(expr=_rate("oidc_authn_response_error_state_expired"), legend="too late"),
                    Query(
                        expr=_rate("oidc_authn_response_error_provider"),
                        legend="refused by Keycloak",
                    ),
                    Query(
                        expr=_rate("oidc_authn_response_error_protocol"),
                        legend="not as agreed",
                    ),
                ),
            ),
            Panel(
                title="Sessions that were accepted, and that were not",
                unit="per second",
                queries=(
                    Query(expr=_rate("oidc_session_valid_count"), legend="accepted"),
                    Query(expr=_rate("oidc_session_error_expired"), legend="too old"),
                    Query(expr=_rate("oidc_session_error_general"), legend="not genuine"),
                ),
            ),
        ),
        "Keycloak, asked by the gateway": (
            Panel(
                title="Time to get a token",
                unit="seconds",
                # It counts in microseconds, and its classes in milliseconds.
                queries=(
                    Query(
                        expr="histogram_quantile(0.5, sum by (le) (rate("
                        f"oidc_provider_token_bucket[{WINDOW}]))) / 1000",
                        legend="half of them",
                    ),
                    Query(
                        expr="histogram_quantile(0.95, sum by (le) (rate("
                        f"oidc_provider_token_bucket[{WINDOW}]))) / 1000",
                        legend="nineteen of twenty",
                    ),
                ),
            ),
            Panel(
                title="Failed",
                unit="per second",
                queries=(
                    Query(expr=_rate("oidc_provider_http_connect_error"), legend="not reached"),
                    Query(expr=_rate("oidc_provider_token_error"), legend="no token"),
                    Query(expr=_rate("oidc_provider_refresh_error"), legend="no new token"),
                ),
            ),
        ),
    },
)
