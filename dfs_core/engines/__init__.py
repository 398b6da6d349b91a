"""Model files made into TensorRT engines, and kept: built once for what they run on, never run on anything else."""
