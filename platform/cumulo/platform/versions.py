"""Versions of what the platform's components bring up, in one place."""

GATEWAY = "1"
"""The gateway's image: Debian 13's apache2 with libapache2-mod-auth-openidc."""

POSTGRES = "17"
"""PostgreSQL with pgBackRest, as Debian 13 has them."""

KEYCLOAK = "26.7.3"
"""Keycloak."""

PROMETHEUS = "3.16.0"
"""Prometheus."""

ALERTMANAGER = "0.31.1"
"""Alertmanager."""

NODE_EXPORTER = "1.12.1"
"""What tells a node's figures."""

DCGM_EXPORTER = "4.2.0-4.1.0-ubuntu22.04"
"""What tells a GPU's figures."""

KUBE_STATE_METRICS = "2.17.0"
"""What tells what the API knows of deployments, jobs, pods and nodes."""

GRAFANA = "11.6.1"
"""Grafana; the dashboards are written for this minor version."""

MLFLOW = "3.17.2"
"""MLflow. 3.18.0's own parts, `mlflow-skinny` and `mlflow-tracing`, are not on PyPI yet."""
