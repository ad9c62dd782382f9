"""How fast the training core is, beside the 2020 procedure and a careful PyTorch user's."""
