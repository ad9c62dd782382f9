"""From tables to tables: the choice of the ticket, the tests, the verdicts.

Where each p-value is computed: the tests over seeds in ``t_tests``, their correction in ``family``,
McNemar's test in ``predictions``.
"""
