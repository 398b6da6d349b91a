"""Figures of merit of images, masks and videos, in numpy."""
