"""Train cooperative generative models in torch; see ``coop-train --help``.

One file per learning method stands in ``methods``; networks in ``nets``; ``loop`` runs any
method with data, guard, checkpoints and logs; ``export`` writes the bundle that
``coop_runtime`` plays without torch.
"""
