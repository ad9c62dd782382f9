"""Many networks of one cell trained as one: stacked weights ``[networks, ...]``, one loop.

A network is trained as :mod:`lottery.training.loop` trains it alone: the same documents in the same
order, the same dropout, the same Adam; only the rounding differs, and with it the number of
networks that are trained together. On a GPU that one network leaves idle, more of them take little
longer.
"""
