"""What a criterion is: a score for each weight; a level prunes those of smallest magnitude.

One module per criterion under ``criteria/``, each with one function ``score(weights, generator)``.
It returns tensors of the weights' shapes, from the trained weights and a function that makes the
level's random generator.
"""

from collections.abc import Callable

import torch

from lottery.pruning.strategy import Weights

Criterion = Callable[[Weights, Callable[[], torch.Generator]], Weights]
