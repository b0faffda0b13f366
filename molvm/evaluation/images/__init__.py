"""Metrics of generated images, over whatever describes an image by numbers. Imports no torch."""
