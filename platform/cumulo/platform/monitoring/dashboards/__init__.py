"""The dashboards, a module for each."""

from typing import Final

from cumulo.platform.monitoring.dashboards.gateway import GATEWAY
from cumulo.platform.monitoring.dashboards.gpus import GPUS
from cumulo.platform.monitoring.dashboards.keycloak import KEYCLOAK
from cumulo.platform.monitoring.dashboards.nodes import NODES
from cumulo.platform.monitoring.dashboards.pods import PODS
from cumulo.platform.monitoring.dashboards.postgresql import POSTGRESQL
from cumulo.platform.monitoring.panels import Dashboard

DASHBOARDS: Final[tuple[Dashboard, ...]] = (NODES, PODS, GPUS, POSTGRESQL, KEYCLOAK, GATEWAY)
"""All of them, in the order in which they are shown."""
