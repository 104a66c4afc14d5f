"""Coop Studio: the web app, made with Gradio.

``command`` is ``coop-studio``; ``server`` puts the page behind its guards; ``page`` lays out the
tabs, one module each: ``textures``, ``inpaint``, ``sounds``, ``clips``, ``explore``, ``learn``,
``about``. They share ``Studio``: the bundles (``library``), the one worker that computes
(``worker``), the limits, and where results are written (``results``). ``choices`` keeps their lists
of bundles current; ``learning`` trains in the background; ``facts`` reads cards for people.
"""
