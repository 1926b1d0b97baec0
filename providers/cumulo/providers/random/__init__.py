"""Chance for Pulumi: the official `random` package's types over the system's random source."""
