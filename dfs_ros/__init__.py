"""The ROS 2 shell around `dfs_core`: nodes, topics and bags."""
