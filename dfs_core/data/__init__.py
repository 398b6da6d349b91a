"""Driving scenes, their geometry, and the fog that is put into them."""
