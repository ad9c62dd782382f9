"""Training one network: the loop, its device, and checkpoints. It knows no strategy and no DVC."""
