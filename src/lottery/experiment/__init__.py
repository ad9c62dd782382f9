"""One seed of one cell: its dense run, its pruning runs, its controls, and the files of each.

Training and pruning meet here. All of it runs where only torch, NumPy, Numba and safetensors are
installed.
"""
