"""Prometheus, Alertmanager, what they ask, the alerts, and Grafana's dashboards."""
