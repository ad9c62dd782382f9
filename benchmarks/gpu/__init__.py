"""Training on a GPU: the library's groups of networks beside other code, and the card's limits.

Needs PyTorch, NumPy, Numba and safetensors, and Triton for the kernels.
"""
