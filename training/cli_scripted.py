"""The command of `plaudit-train` that learns what bots are set up to post."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plaudit.training.exits import exit_codes
from plaudit.training.options import Columns, columns_of
from plaudit.training.telling import say


def scripted(
    bots: Annotated[
        list[Path],
        typer.Argument(metavar="BOTS", help="What bots post: JSON lines with text, kind, family."),
    ],
    people: Annotated[
        list[str],
        typer.Option(metavar="FILE", help="Labelled comments that people wrote; repeatable."),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE.npz", help="Where the weights go.")],
    columns: Columns = None,
) -> None:
    """Learn which praise reads like what comment bots are set up to post.

    Prints how often texts of families left out are heard. The library reads its own copy, `nlp/scripted.npz`;
    references follow from it (`plaudit-train references`), and what is usual under another is not comparable.
    """
    with exit_codes():
        from plaudit import artifact
        from plaudit.training import dataset, scripting
        from plaudit.training.progress import Meter
        from plaudit.training.replacing import replace_file
        from plaudit.validation.material import bot_texts_of
        from plaudit.validation.records import records_of

        names, languages = columns_of(columns), artifact.load(artifact.current()).manifest.languages
        texts = [bot for path in bots for bot in bot_texts_of(records_of(path), languages=languages)]
        comments = [c for file in people for c in dataset.load(file, columns=names, taught=False)]
        with Meter(unit="texts") as meter:
            meter.say("Leaving families out")
            heard = scripting.cross_validated(texts, comments)
            meter.say("Fitting")
            replace_file(out, scripting.content_of(scripting.fit(texts, comments)))
        say(
            f"of {heard.n_families} families left out in turn {heard.bots:.1%} is heard, of people's praise "
            f"{heard.praise:.1%}, of their other comments {heard.others:.2%}."
        )
        say(f"wrote {out}.")
