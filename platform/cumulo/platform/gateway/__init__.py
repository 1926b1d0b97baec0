"""One way in: TLS, login, and the rules of every route, by Apache httpd and mod_auth_openidc."""
