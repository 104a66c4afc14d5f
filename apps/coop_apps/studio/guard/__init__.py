"""What stands between the network and Gradio, outermost first.

`headers` (security headers on every answer) → `hosts` (Host, Origin) → `routes` (the few that the
page needs) → `bodies` (size, time) → `visitors` (who asks) → `files` (one's own) → `events`
(what a job may be given) → Gradio.
"""

from .guarded import Guarded

__all__ = ["Guarded"]
