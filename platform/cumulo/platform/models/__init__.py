"""MLflow: experiments, runs and models of each team, and of nobody else."""
