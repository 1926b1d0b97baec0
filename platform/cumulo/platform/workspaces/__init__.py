"""A team's place in the cluster: what it may use, who may use it, and nobody else's in sight."""
