"""PostgreSQL: one server, a database and a role for each who needs one, backups that are used."""
