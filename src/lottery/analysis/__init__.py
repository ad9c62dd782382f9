"""From logits and labels to figures: accuracy, the choice of the ticket. No torch here."""
