"""The Triton kernels compile for a GPU: the compiler refuses some of what the interpreter runs."""

import os
import subprocess
import sys

import pytest
from helpers import ROOT

COMPILE = """
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile
from lottery.kernels import lstm_triton_steps, windows_triton

lstm = {"HIDDEN": 32, "TILE": 16, "DEPTH": 32, "PRECISION": "tf32"}
windows = {"WIDTH": 3, "WINDOWS": 16, "FILTERS": 64}
pointers = {"cells": "*fp32", "lengths": "*i32", "indices": "*i32", "starts": "*i32"}
numbers = ("longest", "documents", "rows", "filters")
for kernel, constants in (
    (lstm_triton_steps.forward, lstm),
    (lstm_triton_steps.backward, lstm),
    (windows_triton._window_argmax, windows),
):
    types = {**pointers, **dict.fromkeys(numbers, "i32"), **dict.fromkeys(constants, "constexpr")}
    names = kernel.arg_names
    signature = {name: types.get(name, "*bf16") for name in names}
    constants_by_index = {(names.index(name),): value for name, value in constants.items()}
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants_by_index)
    compiled = compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": 8})
    assert ("mma.sync" in compiled.asm["ptx"]) == (constants is lstm)
"""


@pytest.mark.slow
def test_the_kernels_compile_for_a_gpu() -> None:
    """It needs no GPU, and must not have been told to interpret."""
    pytest.importorskip("triton", reason="Triton is for Linux only")
    search = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "TRITON_INTERPRET": "0", "PYTHONPATH": search}
    subprocess.run([sys.executable, "-c", COMPILE], env=environment, check=True)
