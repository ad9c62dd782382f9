"""Masks, and what survives: pure functions of tensors. Nothing here knows of training or files."""
