"""Base models of images: pixels of our own, and thin adapters over diffusers."""
