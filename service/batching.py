"""Batches for the model over requests: a token budget, a short window, identical texts once."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final

from plaudit.scores import Classifier, ErrorCounts, ModelInfo, Scores
from plaudit.service.lanes import SLICE_TOKENS, Lanes, Order, Slice, part, taken
from plaudit.service.metrics import Metrics
from plaudit.service.priority import give_way

LOGGER: Final = logging.getLogger("plaudit.service")
_MOST_TOKENS: Final = 32_768
_FIRST_RATE: Final = 1000.0  # comments a second, until batches have shown better
_STUCK_SECONDS: Final = 30.0  # of a batch; three times what the longest that can be asked for should take
_HUNG_SECONDS: Final = 300.0  # thirty times that: batches shrink where a machine is slow, this is none
_CLOSE_SECONDS: Final = 10.0  # the longest that can be asked for


class Budget:
    """How many tokens a batch may hold so that it takes about as long as wished.

    A batch that took longer shrinks the next ones, at most by half; full batches that took less let them
    grow by a quarter. It follows the machine: no figure of a model or a processor is written down.
    """

    def __init__(self, *, seconds: float) -> None:
        self._seconds = seconds
        self.n_tokens = float(2 * SLICE_TOKENS)

    def learn(self, n_tokens: int, *, seconds: float) -> None:
        """Take note of a batch."""
        if seconds > self._seconds:
            wanted = n_tokens * self._seconds / seconds
            self.n_tokens = max(SLICE_TOKENS / 2, self.n_tokens / 2, min(wanted, self.n_tokens))
        elif n_tokens >= self.n_tokens:
            self.n_tokens = min(_MOST_TOKENS, self.n_tokens * 1.25)


class Batcher:
    """Threads that work off what was submitted, from anywhere, in fair turns.

    An answer never depends on the batch it was worked in: that is what `Classifier` promises.
    """

    def __init__(
        self,
        classifier: Classifier,
        *,
        metrics: Metrics,
        n_threads: int = 1,
        batch_seconds: float = 0.05,
        window_seconds: float = 0.002,
    ) -> None:
        """Start the threads.

        Args:
            classifier: Is given distinct texts.
            metrics: What is counted.
            n_threads: Batches worked at the same time.
            batch_seconds: How long a batch should take; who comes anew waits about so long.
            window_seconds: How long the first text after a pause waits for company.
        """
        self._classifier, self._metrics, self._window = classifier, metrics, window_seconds
        self._budget = Budget(seconds=batch_seconds)
        self._lanes, self._change, self._is_closed = Lanes(), threading.Condition(), False
        self._rate, self._n_idle = _FIRST_RATE / n_threads, 0
        self._begun: list[float | None] = [None] * n_threads
        self._threads = [
            threading.Thread(target=self._run, args=(i,), name=f"inference-{i}", daemon=True)
            for i in range(n_threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def rate(self) -> float:
        """Comments a second that the last batches come to where all threads are at work."""
        return self._rate * len(self._threads)

    @property
    def is_stuck(self) -> bool:
        """Whether somebody may wait for ever: a thread has died, or is with one batch for half a minute."""
        return self._lasts(_STUCK_SECONDS) or self._has_lost_a_thread

    @property
    def is_hung(self) -> bool:
        """Whether somebody does wait for ever: a thread has died, or is with one batch for five minutes."""
        return self._lasts(_HUNG_SECONDS) or self._has_lost_a_thread

    def _lasts(self, seconds: float) -> bool:
        now = time.perf_counter()
        return any(now - (begun or now) > seconds for begun in self._begun)

    @property
    def _has_lost_a_thread(self) -> bool:
        return not (self._is_closed or all(thread.is_alive() for thread in self._threads))

    def submit(self, texts: Sequence[str], *, on_begin: Callable[[], None] | None = None) -> Future[Scores]:
        """Queue texts; cancel the future to take back what was not begun.

        Args:
            texts: At best not empty.
            on_begin: Called, quickly, from another thread when their first turn has come.

        Raises:
            RuntimeError: It is closed.
        """
        order = Order(texts, on_begin=on_begin)
        if not texts:
            order.future.set_result(self._classifier.classify([]))
            return order.future
        with self._change:
            if self._is_closed:
                raise RuntimeError("The service has stopped.")
            self._lanes.add(order)
            self._change.notify()
        return order.future

    def close(self) -> None:
        """Stop the threads; who still waits gets a cancelled future. One that hangs is left to itself."""
        with self._change:
            self._is_closed = True
            for order in self._lanes.clear():
                order.future.cancel()
            self._change.notify_all()
        end = time.monotonic() + _CLOSE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _run(self, number: int) -> None:
        give_way()
        while (slices := self._take()) is not None:
            self._begun[number] = time.perf_counter()
            try:
                if slices:
                    self._work(slices)
            except Exception as error:  # a thread that ends would leave all waiting who come after
                LOGGER.error("a batch broke off", exc_info=error)
                for each in slices:
                    each.order.fail(error)
            self._begun[number] = None

    def _take(self) -> list[Slice] | None:
        with self._change:
            self._n_idle += 1
            if not self._lanes and not self._is_closed:
                self._change.wait_for(lambda: self._lanes or self._is_closed)
                self._gather()
            if self._is_closed:
                return None
            slices = self._lanes.take(self._portion())
            self._n_idle -= 1
            if self._lanes:
                self._change.notify()
            return slices

    def _portion(self) -> int:
        # Where little waits each idle thread takes its part, or one would work and the others look on.
        budget = self._budget.n_tokens
        share = self._lanes.n_tokens_waiting(most=self._n_idle * budget) / self._n_idle
        return math.ceil(min(budget, max(share, SLICE_TOKENS)))

    def _gather(self) -> None:
        # Only after a pause: while a batch is worked the next one gathers by itself.
        end = time.perf_counter() + self._window
        while not self._is_closed and (left := end - time.perf_counter()) > 0:
            self._change.wait(left)

    def _work(self, slices: Sequence[Slice]) -> None:
        texts = [text for each in slices for text in each.texts]
        rows = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        started = time.perf_counter()
        try:
            scores = self._classifier.classify(list(rows))
        except Exception as error:
            self._fail(slices, error)
            return
        if len(rows) < len(texts):
            scores = taken(scores, [rows[text] for text in texts])
        try:
            self._learn(slices, n_texts=len(texts), n_distinct=len(rows), started=started)
            self._metrics.count_scores(scores)
        except Exception as error:  # such as a full disk, where processes share their numbers
            LOGGER.error("a batch could not be counted", exc_info=error)
        start = 0
        for each in slices:
            each.order.fill(each.start, part(scores, start, start + len(each.texts)))
            start += len(each.texts)

    def _fail(self, slices: Sequence[Slice], error: Exception) -> None:
        # One request that breaks the model must not break its neighbours.
        orders = {id(each.order): each.order for each in slices}
        if len(orders) > 1:
            for order in orders.values():
                self._work([each for each in slices if each.order is order])
            return
        LOGGER.error("inference failed", exc_info=error)
        self._metrics.inference_failures.inc()
        slices[0].order.fail(error)

    def _learn(self, slices: Sequence[Slice], *, n_texts: int, n_distinct: int, started: float) -> None:
        seconds = time.perf_counter() - started
        self._budget.learn(sum(each.n_tokens for each in slices), seconds=seconds)
        self._rate += 0.1 * (n_texts / max(seconds, 1e-6) - self._rate)
        metrics, n_orders = self._metrics, len({id(each.order) for each in slices})
        metrics.inference_seconds.observe(seconds)
        metrics.batch_comments.observe(n_texts)
        metrics.batch_requests.observe(n_orders)
        metrics.repeated_texts.inc(n_texts - n_distinct)
        for each in slices:
            if not each.start:
                metrics.wait_seconds.observe(started - each.order.since)


class SharedClassifier:
    """A classifier for threads whose texts take their turns with everybody else's."""

    def __init__(self, classifier: Classifier, batcher: Batcher) -> None:
        self._classifier, self._batcher = classifier, batcher

    @property
    def model(self) -> ModelInfo:
        """The model that answers."""
        return self._classifier.model

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes of the languages the model reads."""
        return self._classifier.languages

    @property
    def error_counts(self) -> ErrorCounts | None:
        """As `Classifier.error_counts`."""
        return self._classifier.error_counts

    def classify(self, texts: Sequence[str]) -> Scores:
        """Score texts, in order; blocks, so never call it on the event loop."""
        return self._batcher.submit(list(texts)).result()
