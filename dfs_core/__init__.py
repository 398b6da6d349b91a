"""DFS: dehazing for segmentation. Networks, images and files; nothing here imports ROS."""

__version__ = "0.1.0"
