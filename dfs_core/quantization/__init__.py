"""Model files in whole numbers: `dfs quantize`, with one module for each target that it knows."""
