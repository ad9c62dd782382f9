"""Helpers of the Makefile, run from the root as ``python -m tools.<name>``; no stage uses them."""

import stages  # noqa: F401  (puts the library on the path)
