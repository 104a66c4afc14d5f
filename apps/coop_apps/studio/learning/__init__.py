"""Training models from the page, without Gradio and without torch.

``lesson`` is what a visitor asked for; ``process`` runs one lesson after another, each as
``coop-train`` and ``coop-export`` in processes of their own; ``state`` reads what a run's folder
tells meanwhile; ``report`` puts it into words.
"""
