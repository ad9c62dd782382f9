"""What a user would try before pruning a network: the stage ``baseline`` compares with it."""
