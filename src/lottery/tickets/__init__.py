"""A ticket as one small file, and the runtime that classifies text with it.

``Ticket.load(path).predict(["a text", ...])`` needs NumPy, Numba, safetensors and ``regex`` only.
``docs/ticket-format.md`` describes the file.
"""

from lottery.tickets.ticket import Prediction, Ticket

__all__ = ["Prediction", "Ticket"]
