"""From tables to tables: the choice of the ticket, the tests, the verdicts.

Where each p-value is computed: a t test over seeds in ``paired_tests``, the p of a contrast of
several arms in ``contrasts``, Holm's correction and the p of being worse in ``holm``, McNemar's
test in ``predictions``.
"""
