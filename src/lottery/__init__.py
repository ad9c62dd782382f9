"""The lottery ticket hypothesis for text classification.

1. ``config`` checks ``params.yaml``; ``data`` and ``corpora`` turn text into token arrays.
2. ``models`` compute on ``kernels`` (CPU) or in plain PyTorch (GPU); ``training`` trains one masked
   network, and resumes where it was interrupted.
3. ``pruning`` decides which weights are pruned and where the remaining ones start; ``experiment``
   joins the two for one seed of one cell.
4. ``analysis`` turns accuracies into tickets and verdicts; ``report`` draws them.
5. ``pipeline`` runs all that on disk, seeds side by side; ``stages/`` are small scripts that call
   it, and DVC decides which of them have to run.
"""
