"""`dfs doctor`: what this machine has, what it lacks, and whether the shipped model runs on it."""
