"""What runs on every cluster, each part in a module of its own."""
