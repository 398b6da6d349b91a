"""Checkpoints to one self-describing ONNX file, compared with torch before it is written."""
