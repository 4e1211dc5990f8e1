"""The service with the fake pipeline: `python -m tests.served`, with settings from the environment.

A module and no `-c`: worker processes import it anew, and have the fake pipeline as well.
"""

from __future__ import annotations

import os
import time

from plaudit.pipeline import Pipeline
from plaudit.service import batching
from plaudit.service.serve import serve
from plaudit.service.settings import load_settings
from tests.fakes import KeywordClassifier, fake_pipeline

SECONDS_A_COMMENT = float(os.environ.get("TEST_SECONDS_A_COMMENT", "0"))
batching._HUNG_SECONDS = float(os.environ.get("TEST_SECONDS_TO_HANG", batching._HUNG_SECONDS))
SECONDS_TO_LOAD = float(os.environ.get("TEST_SECONDS_TO_LOAD", "0"))


class Slow(KeywordClassifier):
    """Takes its time; ends the process where a text is deadly, and never comes back from a bottomless one."""

    def classify(self, texts):
        if any("deadly" in text for text in texts):
            os._exit(9)
        if any("bottomless" in text for text in texts):
            time.sleep(3600)
        time.sleep(len(texts) * SECONDS_A_COMMENT)
        return super().classify(texts)


def _load(*_, **__) -> Pipeline:
    time.sleep(SECONDS_TO_LOAD)
    fake = fake_pipeline()
    return Pipeline(classifier=Slow(), references=fake.references, policy=fake.policy)


Pipeline.load = staticmethod(_load)  # type: ignore[method-assign]

if __name__ == "__main__":
    serve(load_settings())
