"""TLS for Pulumi: the official `tls` package's keys and certificates over `cryptography`."""
