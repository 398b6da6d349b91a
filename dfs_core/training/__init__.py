"""Training: what to train and how (config), the loop, and what a run leaves behind."""
