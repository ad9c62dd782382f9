"""The study on disk: what the stages call, seeds side by side, and what is resumed."""
