"""Who goes first where processor cores are short: the event loop, before threads that compute."""

from __future__ import annotations

import os
import sys
import threading
from typing import Final

STEPS: Final = 5
"""How much nicer a computing thread is; 19 is the nicest there is."""

_NICEST: Final = 19


def give_way() -> None:
    """Make the calling thread nicer than the rest of its process (Linux; elsewhere nothing changes).

    Inference keeps every core busy. The event loop needs one seldom and shortly, and whoever connects waits
    for it; with equal priorities it would take turns. Five steps are a third of the weight: other programs
    on the machine still leave inference its part.
    """
    if sys.platform == "linux":  # elsewhere it would be the whole process
        nice = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(nice + STEPS, _NICEST))
