"""Who may do what on which route, and what follows from it."""
