"""Threads that work on dumps in the background, few at a time, and clear away what is no longer wanted."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from plaudit.errors import StorageError
from plaudit.pipeline import Pipeline
from plaudit.service.dump_run import Run
from plaudit.service.metrics import Metrics
from plaudit.service.priority import give_way
from plaudit.service.settings import Settings
from plaudit.service.storage import Storage
from plaudit.service.store.clock import now_ms
from plaudit.service.store.dumps import Pulse
from plaudit.service.store.tables import QUEUED, STATES, THE_SERVICE, Dump
from plaudit.service.unpacking import Limits

LOGGER: Final = logging.getLogger("plaudit.service")
MAX_RUNS: Final = 3
DEADLY: Final = (
    f"The process that worked on this dump ended {MAX_RUNS} times in the middle of it; it may be too large "
    "for the memory of the service: split it."
)

_POLL_SECONDS: Final = 1.0
_SWEEP_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 5.0
_STOP_SECONDS: Final = 10.0
_GAP_SECONDS: Final = 5.0  # between looks on a busy machine; less would keep a short lease from ever ending
_JUMP_MS: Final = 300_000
_CALM_SECONDS: Final = 3600.0
_T = TypeVar("_T")


class Watch:
    """Tells which runs have gone, by a clock that never jumps: the same pulse for as long as a lease.

    Time in which nobody looked does not count: what kept the watch from looking may have kept runs, which
    live, from beating.
    """

    def __init__(self, *, lease_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._lease_seconds, self._clock = lease_seconds, clock
        self._since, self._spared = dict[Pulse, float](), set[Pulse]()
        self._looked = -math.inf

    def gone(self, pulses: Sequence[Pulse]) -> list[Pulse]:
        """Return those of the pulses now that have not changed for too long."""
        now = self._clock()
        if now - self._looked >= max(self._lease_seconds, _GAP_SECONDS):
            self.forget()
        self._looked = now
        self._since = {pulse: self._since.get(pulse, now) for pulse in pulses}
        self._spared &= self._since.keys()
        return [pulse for pulse, since in self._since.items() if now - since >= self._lease_seconds]

    def spare(self, pulse: Pulse) -> None:
        """Give a run one more lease, beginning now."""
        self._since[pulse] = self._clock()
        self._spared.add(pulse)

    def is_spared(self, pulse: Pulse) -> bool:
        """Tell whether a run was given one more lease, and has not changed since."""
        return pulse in self._spared

    def forget(self) -> None:
        """Begin anew."""
        self._since, self._spared = {}, set()


class Calm:
    """Tells whether the clock on the wall can be trusted to decide what is old enough to be deleted."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, wall: Callable[[], int] = now_ms
    ) -> None:
        self._clock, self._wall = clock, wall
        self._last, self._jumped = (clock(), wall()), -_CALM_SECONDS

    def __call__(self) -> bool:
        """Return False for an hour after it has jumped by more than five minutes."""
        now = (self._clock(), self._wall())
        jump = abs((now[1] - self._last[1]) - 1000 * (now[0] - self._last[0]))
        self._last = now
        if jump > _JUMP_MS:
            self._jumped = now[0]
            LOGGER.warning("the clock has jumped: nothing is deleted for an hour")
        return now[0] - self._jumped >= _CALM_SECONDS


class Workers:
    """The threads; they begin with `start`, and have something to do once something is stored."""

    def __init__(
        self,
        storage: Storage,
        settings: Settings,
        *,
        pipeline: Callable[[], Pipeline | None],
        on_done: Callable[[str, int], None] = lambda _owner, _n_comments: None,
        metrics: Metrics | None = None,
    ) -> None:
        """Prepare.

        Args:
            storage: Where dumps are.
            settings: How many threads, how long a lease, what may be unpacked, how long results are kept.
            pipeline: Gives what labels; None while there is none.
            on_done: Told of the owner and the number of comments of each dump that is done.
            metrics: What to count in; None makes its own.
        """
        self._metrics = metrics or Metrics()
        self._storage, self._pipeline, self._on_done = storage, pipeline, on_done
        self._lease_seconds = float(settings.dump_lease_seconds)
        self._keep_ms = settings.keep_dumps_hours * 3_600_000
        self._limits = Limits(n_bytes=settings.max_unpacked_bytes, ratio=settings.max_unpacked_ratio)
        self._stopping, self._news = threading.Event(), threading.Event()
        self._watch, self._calm = Watch(lease_seconds=self._lease_seconds / 2), Calm()
        self._failing: set[Callable[[], object]] = set()
        self._runs: set[Run] = set()
        self._threads = [
            threading.Thread(target=self._work, name=f"dumps-{i}", daemon=True)
            for i in range(settings.dump_workers)
        ]
        self._threads.append(threading.Thread(target=self._keep_order, name="dumps-order", daemon=True))

    def start(self) -> None:
        """Begin; returns at once."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Tell that a dump waits."""
        self._news.set()

    def stop(self, *, gives_back: bool = True) -> None:
        """End soon: what is being worked on is given back, for whoever comes next.

        Args:
            gives_back: Also what does not end; else that counts as a run whose process died.
        """
        self._stopping.set()
        self._news.set()
        end = time.monotonic() + _STOP_SECONDS
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, end - time.monotonic()))
        # Measuring and writing ask nobody whether to go on. Ended with the process in the middle of it, a
        # dump would count as one that kills processes.
        for run in tuple(self._runs):
            if gives_back:
                self._safely(run.leave)
            else:
                run.abandon()

    def _work(self) -> None:
        give_way()
        while not self._stopping.is_set():
            pipeline = self._pipeline()
            dump = self._safely(self._claim) if pipeline else None
            if dump is None or pipeline is None:
                self._news.wait(_POLL_SECONDS)
                self._news.clear()
                continue
            try:
                self._run(dump, pipeline)
            except Exception as error:  # the dump is taken up again; the thread must be there for others
                LOGGER.error("a run broke off", exc_info=error, extra={"fields": {"dump": dump.id}})

    def _run(self, dump: Dump, pipeline: Pipeline) -> None:
        run = Run(
            dump,
            storage=self._storage,
            pipeline=pipeline,
            limits=self._limits,
            stopping=self._stopping,
            beat_seconds=min(self._lease_seconds / 4, 1.0),
        )
        self._runs.add(run)
        try:
            is_done = run.work()
        finally:
            self._runs.discard(run)
        try:
            self._count(run, owner=dump.owner, is_done=is_done)
        except Exception as error:  # such as a full disk, where processes share their numbers
            LOGGER.error("a dump could not be counted", exc_info=error)

    def _count(self, run: Run, *, owner: str, is_done: bool) -> None:
        if is_done:
            self._on_done(owner, run.n_comments)
            self._metrics.count_rejected(run.rejected)
        elif run.fault:
            self._metrics.dump_failures.labels(run.fault).inc()

    def _claim(self) -> Dump | None:
        return self._storage.dumps.claim() if self._storage.exists() else None

    def _keep_order(self) -> None:
        swept, seen = -_SWEEP_SECONDS, -_LOOK_SECONDS
        while not self._stopping.wait(min(self._lease_seconds / 4, _POLL_SECONDS)):
            if not self._storage.exists():
                continue
            self._safely(self._revive)
            if time.monotonic() - seen >= _LOOK_SECONDS:
                seen = time.monotonic()
                self._safely(self._look)
            if time.monotonic() - swept >= _SWEEP_SECONDS:
                swept = time.monotonic()
                self._safely(self._sweep)

    def _revive(self) -> None:
        """Queue again what a dead process left behind, unless it is what kills them.

        A run that lives and can't tell, as the database does not answer or takes no writes, is not dead: it
        has lost its lease after half of one in silence, a write that the database has taken, and silence for
        the other half. Those of this process are known to live.
        """
        here = {run.lease for run in tuple(self._runs)}
        try:
            pulses = [pulse for pulse in self._storage.dumps.pulses() if pulse.lease not in here]
            for pulse in self._watch.gone(pulses):
                if self._watch.is_spared(pulse):
                    self._take_from(pulse)
                elif self._storage.dumps.stands(pulse):
                    self._watch.spare(pulse)
        except StorageError:
            self._watch.forget()
            raise

    def _take_from(self, pulse: Pulse) -> None:
        dumps = self._storage.dumps
        if pulse.n_runs >= MAX_RUNS:
            if dumps.give_up(pulse, error=DEADLY):
                self._metrics.dump_failures.labels(THE_SERVICE).inc()
                self._storage.drop_upload(pulse.id)
        elif dumps.requeue(pulse):
            LOGGER.warning("a dump is taken up again", extra={"fields": {"dump": pulse.id}})
            self.wake()

    def _look(self) -> None:
        """Take down how many dumps there are in each state, and how long the first of them waits."""
        found = self._storage.dumps.by_state()
        for state in STATES:
            self._metrics.dumps.labels(state).set(found[state][0] if state in found else 0)
        waited_ms = now_ms() - found[QUEUED][1] if QUEUED in found else 0
        self._metrics.oldest_dump_seconds.set(max(0, waited_ms) / 1000)

    def _sweep(self) -> None:
        if not self._calm():
            return
        for dump_id in self._storage.dumps.finished_before(now_ms() - self._keep_ms):
            self._storage.delete(dump_id)
        self._storage.drop_orphans()
        self._storage.open().wipe()

    def _safely(self, step: Callable[[], _T]) -> _T | None:
        """Take a step; while the database can't be asked it is None, which is logged once.

        So is whatever else goes wrong: a thread that ends would be missed by nobody but those who wait.
        """
        try:
            done = step()
        except Exception as error:
            if step not in self._failing:
                LOGGER.error("dumps can't be worked on", exc_info=error)
            self._failing.add(step)
            return None
        self._failing.discard(step)
        return done
