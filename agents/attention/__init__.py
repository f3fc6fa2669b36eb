"""Attention models: data and parameters in, a glimpse out."""
