"""Experiments: what guards cost, by the same requests with and without them."""
