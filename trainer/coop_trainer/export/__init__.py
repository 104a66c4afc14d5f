"""Export: a trained model as a bundle that ``coop_runtime`` plays without torch."""
