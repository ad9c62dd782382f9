"""One time step of an LSTM, between two products: the gates' functions, and their gradient.

``gates`` ``[rows, 4 hidden]`` are those of all time steps, in PyTorch's order: input, forget,
candidate, output. A time step's rows are ``rows`` from ``first`` on, one per document; what goes
from one time step to the next has one row per document. ``of_x`` is the gradient of ``x``.
"""

# Every array of a row is a view of its own, from zero on: only then LLVM vectorizes the loops; nor
# may they make whole numbers of 64 bits from a float, for which AVX2 has no instruction.

import numpy as np
from numba import prange

from lottery.kernels import loop
from lottery.kernels.scalars import narrow, sigmoid, tanh, widen


@loop
def forward(  # type: ignore[no-untyped-def]
    first,
    rows,
    column,
    recurrent,
    bias,
    cell_states,
    gates,
    cells_before,
    states_before,
    outputs,
    states,
):
    """Complete ``gates`` by the hidden states' product (``recurrent``) and ``bias``, and move the
    cell states and the hidden ``states`` on by a step. What they were is written to
    ``cells_before`` and ``states_before``, the new hidden states to ``outputs`` from ``column`` on.
    """
    hidden = cell_states.shape[1]
    for document in prange(rows):
        row = first + document
        for number in range(4):
            gate = gates[row, number * hidden : (number + 1) * hidden]
            added = recurrent[document, number * hidden : (number + 1) * hidden]
            constant = bias[number * hidden : (number + 1) * hidden]
            if number == 2:  # the candidate
                for unit in range(hidden):
                    total = widen(gate[unit]) + widen(added[unit]) + constant[unit]
                    gate[unit] = narrow(tanh(total), gate[unit])
            else:
                for unit in range(hidden):
                    total = widen(gate[unit]) + widen(added[unit]) + constant[unit]
                    gate[unit] = narrow(sigmoid(total), gate[unit])
        input_gate = gates[row, :hidden]
        forget_gate = gates[row, hidden : 2 * hidden]
        candidate = gates[row, 2 * hidden : 3 * hidden]
        output_gate = gates[row, 3 * hidden :]
        cell_state = cell_states[document]
        cell_before = cells_before[row]
        for unit in range(hidden):
            cell_before[unit] = cell_state[unit]
        for unit in range(hidden):
            remembered = widen(forget_gate[unit]) * cell_state[unit]
            cell_state[unit] = remembered + widen(input_gate[unit]) * widen(candidate[unit])
        state = states[document]
        state_before = states_before[row]
        for unit in range(hidden):
            state_before[unit] = state[unit]
        for unit in range(hidden):
            state[unit] = narrow(widen(output_gate[unit]) * tanh(cell_state[unit]), state[unit])
        output = outputs[row, column : column + hidden]
        for unit in range(hidden):
            output[unit] = state[unit]


@loop
def backward(  # type: ignore[no-untyped-def]
    first, rows, column, recurrent, of_cell_states, gradient, gates, cells_before, of_gates
):
    """Write the gradient ``of_gates`` (before their functions), from that of the outputs
    (``gradient``, from ``column`` on), that of the hidden states by the later step (``recurrent``,
    of as many documents as it has) and that of the cell states, which is moved back by a step."""
    hidden = of_cell_states.shape[1]
    for document in prange(rows):
        row = first + document
        input_gate = gates[row, :hidden]
        forget_gate = gates[row, hidden : 2 * hidden]
        candidate = gates[row, 2 * hidden : 3 * hidden]
        output_gate = gates[row, 3 * hidden :]
        cell_before = cells_before[row]
        of_cell_state = of_cell_states[document]
        of_output = gradient[row, column : column + hidden]
        of_state = np.empty_like(of_cell_state)
        squashed = np.empty_like(of_cell_state)
        for unit in range(hidden):
            of_state[unit] = widen(of_output[unit])
        if document < len(recurrent):
            later = recurrent[document]
            for unit in range(hidden):
                of_state[unit] += widen(later[unit])
        for unit in range(hidden):
            squashed[unit] = tanh(
                widen(forget_gate[unit]) * cell_before[unit]
                + widen(input_gate[unit]) * widen(candidate[unit])
            )
        of_output_gate = of_gates[row, 3 * hidden :]
        for unit in range(hidden):
            gate = widen(output_gate[unit])
            value = of_state[unit] * squashed[unit] * gate * (1 - gate)
            of_output_gate[unit] = narrow(value, of_output_gate[unit])
        for unit in range(hidden):
            slope = widen(output_gate[unit]) * (1 - squashed[unit] * squashed[unit])
            of_cell_state[unit] = of_cell_state[unit] + of_state[unit] * slope
        of_input_gate = of_gates[row, :hidden]
        for unit in range(hidden):
            gate = widen(input_gate[unit])
            value = of_cell_state[unit] * widen(candidate[unit]) * gate * (1 - gate)
            of_input_gate[unit] = narrow(value, of_input_gate[unit])
        of_candidate = of_gates[row, 2 * hidden : 3 * hidden]
        for unit in range(hidden):
            gate = widen(candidate[unit])
            value = of_cell_state[unit] * widen(input_gate[unit]) * (1 - gate * gate)
            of_candidate[unit] = narrow(value, of_candidate[unit])
        of_forget_gate = of_gates[row, hidden : 2 * hidden]
        for unit in range(hidden):
            gate = widen(forget_gate[unit])
            value = of_cell_state[unit] * cell_before[unit] * gate * (1 - gate)
            of_forget_gate[unit] = narrow(value, of_forget_gate[unit])
        for unit in range(hidden):
            of_cell_state[unit] = of_cell_state[unit] * widen(forget_gate[unit])
