"""What a process does again and again beside its work."""

from __future__ import annotations

import threading
from collections.abc import Callable

from attest.errors import HubError
from attest.hub.logs import log_defect, warn


class Loops:
    """Things that are done again and again, each in a thread of its own, until all are stopped."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, name: str, work: Callable[[], None], pause_s: float) -> None:
        """Do `work` now, and again after each pause."""
        thread = threading.Thread(
            target=self._repeat, args=(name, work, pause_s), name=name, daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """Finish what is being done, and begin nothing again."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, name: str, work: Callable[[], None], pause_s: float) -> None:
        while not self._stopping.is_set():
            try:
                work()
            except HubError:
                warn("unavailable", loop=name)
            except Exception:  # noqa: BLE001 - the door: the next turn may do
                log_defect("defect", loop=name)
            self._stopping.wait(pause_s)
