"""From tables to tables: the choice of the ticket, the tests, the verdicts. No torch here."""
