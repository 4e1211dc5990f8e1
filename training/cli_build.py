"""The command of `plaudit-train` that trains."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plaudit.errors import MappingError
from plaudit.training.exits import exit_codes
from plaudit.training.options import Columns, Models, Tests, Threads, columns_of
from plaudit.training.telling import say, step_reporter, tell_figures, tell_parity, tell_parts, words_of

if TYPE_CHECKING:
    from plaudit.artifact import Manifest
    from plaudit.training.warm import Start

_OWN = ("data", "train", "cascade")
"""Sections of a configuration that hold beside a model to go on from."""


def build(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE", help="Labelled comments: files, folders or Hub names. Default: data.train."
        ),
    ] = None,
    test: Tests = None,
    columns: Columns = None,
    leave_out: Annotated[
        bool,
        typer.Option(
            "--leave-out", help="Train without rows that contradict each other or are in a test file."
        ),
    ] = False,
    config: Annotated[
        Path | None, typer.Option(metavar="TOML", help="What differs from the default configuration.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KNOB=VALUE", help="One knob, as train.epochs=3; repeatable."),
    ] = None,
    models: Models = None,
    name: Annotated[str, typer.Option(metavar="WORD", help="First word of the model's id.")] = "minilm",
    languages: Annotated[
        str | None,
        typer.Option(
            metavar="CODE,...",
            help="Languages the model reads, as en,es. Default: those of 200 rows or more.",
        ),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep a checkpoint an epoch there, and go on from the one found."),
    ] = None,
    device: Annotated[str, typer.Option(metavar="DEVICE", help="cpu or cuda.")] = "cpu",
    origin: Annotated[
        Path | None,
        typer.Option(metavar="FILE.md", help="Words for the card: where the labelled comments come from."),
    ] = None,
    threads: Threads = None,
    from_model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Go on from a model: current, an id, or a folder."),
    ] = None,
    replay: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DUMP", help="With --from-model: comments it must go on answering alike; repeatable."
        ),
    ] = None,
    use_: Annotated[bool, typer.Option("--use", help="Make the new model the current one.")] = False,
) -> None:
    """Check labelled comments, train a model on them and write it, calibrated and quantised.

    Ends in its figures on the held-out part and on each test file; they go into its manifest and card.
    """
    with exit_codes(), ExitStack() as stack:
        from plaudit import artifact
        from plaudit.training import build as building
        from plaudit.training import config as configs
        from plaudit.training import dataset, evaluation, model_log, preflight
        from plaudit.training.progress import Meter
        from plaudit.training.revision import keep_learned

        building.check_device(device)
        building.check_name(name)
        words = None if origin is None else words_of(origin)
        spoken = _codes(languages)
        folder, names = models or artifact.models_folder(), columns_of(columns)
        if replay and from_model is None:
            raise MappingError("--replay needs --from-model: only a model's own answers can be replayed.")
        start = _start(stack, from_model, folder, threads)
        # What it must go on answering alike is also what its small networks learn from anew.
        inherited = list(start.knobs) if start else []
        if start and start.manifest.stages and replay:
            inherited.append(f"cascade.texts={json.dumps([str(dump) for dump in replay])}")
        overrides = [*_unless_in(config, inherited), *_files_override(files), *(set_ or ())]
        knobs = configs.load(config, overrides=overrides)
        if start and start.manifest.stages and not knobs.cascade.texts:
            say(
                f"{start.manifest.id} answers most comments by small networks; without --replay new "
                "ones have nothing to learn from, and the new model reads every comment with the large one."
            )
        preflight.check_space(folder, work=work, encoder=knobs.encoder.name)
        preflight.check_checkpoint(work)
        preflight.check_texts(knobs)
        with Meter(unit="comments") as meter:
            meter.say("Checking")
            tests = dataset.load_named(test or (), columns=names)
            _check(knobs.data.train, test or (), names, leave_out=leave_out, goes_on=start is not None)
            frozen = [c for part in tests.values() for c in part]
            given = building.prepare(knobs, frozen=frozen, columns=names)
            tell_parts(given)
            parts = given
            if start:
                meter.say("Asking the model")
                parts = start.with_memory(given, dumps=replay or (), frozen=frozen, config=knobs.train)
                say(f"{len(parts.train) - len(given.train):,} texts are replayed from {start.manifest.id}.")
            read = start.languages(given) if start else given.languages()
            earlier = _manifests(folder)
            written = building.build(
                knobs,
                parts,
                models=folder,
                name=name,
                languages=spoken or read,
                origin=words,
                work=work,
                device=device,
                threads=threads,
                after_fit=start.blend if start and not replay else None,
                students=start.students() if start and knobs.cascade.texts else {},
                on_progress=step_reporter(meter, batch_size=knobs.train.batch_size),
                on_stage=meter.say,
            )
            if start:
                start.finish(written, given=given, n_replayed=len(parts.train) - len(given.train))
            if written.name in earlier:
                keep_learned(written, earlier[written.name])
            tell_parity(artifact.load(written).manifest)
            meter.say("Evaluating")
            figures = evaluation.record(written, {dataset.HELD_OUT: given.held_out, **tests}, threads=threads)
        if use_:
            model_log.switch(folder, written.name, what="use", why="built with --use, not compared")
        tell_figures(figures)
        say(f"wrote {written}{', now the current model' if use_ else ''}.")
        if use_ and models is not None:
            say(f"to answer with it: plaudit serve --model {models}")


def _codes(languages: str | None) -> list[str]:
    from plaudit.training import cells

    try:
        return [cells.language_of(code) for code in (languages or "").split(",") if code.strip()]
    except ValueError as error:
        raise MappingError(f"--languages: {error}.") from None


def _manifests(models: Path) -> dict[str, Manifest]:
    from plaudit import artifact
    from plaudit.errors import ArtifactError

    found = {}
    for path in models.glob(f"*/{artifact.MANIFEST}"):
        with suppress(ArtifactError):  # a damaged one is replaced whole
            found[path.parent.name] = artifact.load(path.parent).manifest
    return found


def _start(stack: ExitStack, name: str | None, models: Path, threads: int | None) -> Start | None:
    if name is None:
        return None
    from plaudit.training import warm

    return stack.enter_context(warm.started_from(name, models, threads=threads))


def _check(
    files: Sequence[str],
    tests: Sequence[str],
    columns: Mapping[str, str],
    *,
    leave_out: bool,
    goes_on: bool,
) -> None:
    from plaudit.training import checking, dataset

    if not files:
        return  # told with the remedy where they are loaded
    examined = [dataset.examine(path, columns=columns) for path in files]
    named = dataset.examine_named(tests, columns=columns)
    dataset.check_mapped([*examined, *named.values()], columns)
    checked = checking.check(examined, tests=named)
    checking.refuse(checked, leave_out=leave_out)
    for finding in checked.findings:
        # Who goes on from a model has its counts of errors too.
        if finding.level == "warning" and not (goes_on and finding.name == "label_rare"):
            say(finding.says)


def _unless_in(config: Path | None, overrides: Sequence[str]) -> list[str]:
    """Return what going on from a model changes of the defaults, but for what the user's file says.

    The file's encoder and vocabulary are those of a first training, and give way.
    """
    import tomllib

    try:
        said = {} if config is None else tomllib.loads(config.read_text())
    except (OSError, ValueError):
        said = {}  # told with the remedy where it is loaded
    kept = {name: knobs for name, knobs in said.items() if name in _OWN and isinstance(knobs, dict)}
    given = {f"{section}.{knob}" for section, knobs in kept.items() for knob in knobs}
    return [each for each in overrides if each.partition("=")[0] not in given]


def _files_override(files: Sequence[str] | None) -> list[str]:
    import json

    return [f"data.train={json.dumps(files, ensure_ascii=False)}"] if files else []
