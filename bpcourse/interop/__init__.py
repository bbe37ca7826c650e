"""Keras and PyTorch: read their models as networks, and write networks as programs for them."""
