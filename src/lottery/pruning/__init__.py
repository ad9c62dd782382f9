"""Which weights are pruned, and where the others start: pure functions of tensors.

Nothing here knows about training or files.
"""
