"""Training one network: loop, device, checkpoints. It knows nothing about strategies or DVC."""
