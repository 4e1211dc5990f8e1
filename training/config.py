"""The one configuration: `config.toml`, a file of the user's own over it, dotted overrides over both."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, get_args, get_origin, get_type_hints

from plaudit.errors import MappingError


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """Which labelled files; see `config.toml`."""

    train: tuple[str, ...]
    held_out: tuple[str, ...]
    calibration_share: float
    n_applause: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderConfig:
    """Which encoder; see `config.toml`."""

    name: str
    n_layers: int
    max_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VocabularyConfig:
    """How the encoder's vocabulary is pruned and extended; see `config.toml`."""

    corpus: tuple[str, ...]
    min_count: int
    max_corpus_texts: int
    n_emoji: int
    max_new_words: int
    size: int
    language_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """How the network is fitted; see `config.toml`."""

    seed: int
    epochs: int
    batch_size: int
    learning_rate: float
    embedding_learning_rate: float
    warmup_share: float
    weight_decay: float
    dropout: float
    label_smoothing: float
    unsure_smoothing: float
    flag_weight: float
    teacher_share: float
    handle_drop: float
    question_mark_drop: float
    padding_share: float
    obfuscation_share: float
    bf16: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CascadeConfig:
    """How the small network before the exact one is distilled; see `config.toml`."""

    texts: tuple[str, ...]
    max_texts: int
    seed: int
    window_size: int
    window_width: int
    window_epochs: int
    window_batch_size: int
    window_learning_rate: float
    window_flag_weight: float
    padding_share: float
    window_differing: float
    window_flags_differing: tuple[float, float, float]
    bf16: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything a training run depends on besides its data."""

    data: DataConfig
    encoder: EncoderConfig
    vocabulary: VocabularyConfig
    train: TrainConfig
    cascade: CascadeConfig

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON types."""
        return asdict(self)


_AT_LEAST: Final = {
    "encoder.max_tokens": 8,
    "vocabulary.min_count": 1,
    "vocabulary.max_corpus_texts": 1,
    "vocabulary.size": 16,
    "train.epochs": 1,
    "train.batch_size": 1,
    "cascade.window_batch_size": 1,
    "cascade.window_size": 1,
    "cascade.window_width": 1,
}
"""Least value where it is not 0."""
_SHARES: Final = (
    "data.calibration_share",
    "vocabulary.language_share",
    "train.warmup_share",
    "train.dropout",
    "train.label_smoothing",
    "train.unsure_smoothing",
    "train.handle_drop",
    "train.question_mark_drop",
    "train.teacher_share",
    "train.padding_share",
    "train.obfuscation_share",
    "cascade.padding_share",
    "cascade.window_differing",
    "cascade.window_flags_differing",
)
_MAX_TOKENS: Final = 512  # what an artefact's manifest allows


def load(path: Path | None = None, *, overrides: Iterable[str] = ()) -> Config:
    """Read the configuration.

    Args:
        path: A TOML file that names what differs from the defaults.
        overrides: `section.knob=value` with a TOML value; bare words count as strings.

    Raises:
        MappingError: An unknown section or knob, or a value of the wrong kind or out of range.
    """
    values = tomllib.loads(files("plaudit.training").joinpath("config.toml").read_text())
    if path is not None:
        _merge(values, _file(path), origin=str(path))
    for override in overrides:
        dotted, separator, value = override.partition("=")
        section, dot, knob = dotted.strip().partition(".")
        if not separator or not dot:
            raise MappingError(
                f"Override {override!r} is not of the form section.knob=value, such as train.epochs=3."
            )
        _merge(values, {section: {knob: _value(value.strip())}}, origin=f"Override {override!r}")
    kinds = get_type_hints(Config)
    return Config(**{name: _section(kind, name, values[name]) for name, kind in kinds.items()})


def _file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise MappingError(f"{path} cannot be read ({error.strerror}); expected a TOML file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MappingError(f"{path} is not TOML ({error}); mend the line.") from None


def _merge(values: dict[str, Any], changes: Mapping[str, Any], *, origin: str) -> None:
    for section, knobs in changes.items():
        if not isinstance(knobs, Mapping):
            raise MappingError(f"{origin}: {section} stands outside a section; expected [section] above it.")
        for knob, value in knobs.items():
            if knob not in values.get(section, {}):
                known = ", ".join(f"{s}.{k}" for s in values for k in values[s])
                raise MappingError(f"{origin}: there is no {section}.{knob}; the knobs are {known}.")
            values[section][knob] = value


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _section(section: Any, name: str, values: Mapping[str, Any]) -> Any:
    kinds = get_type_hints(section)
    return section(
        **{f.name: _checked(values[f.name], kinds[f.name], f"{name}.{f.name}") for f in fields(section)}
    )


def _checked(value: Any, kind: Any, name: str) -> Any:
    if get_origin(kind) is tuple:
        return _checked_items(value, get_args(kind), name)
    if not _is_a(value, kind):
        raise MappingError(f"{name} is {value!r}; expected {kind.__name__}.")
    if kind in (int, float):
        _check_range(value, name)
    return value


def _checked_items(value: Any, kinds: tuple[Any, ...], name: str) -> tuple[Any, ...]:
    item, *rest = kinds
    n = None if rest == [Ellipsis] else len(kinds)
    is_list = isinstance(value, list | tuple) and all(_is_a(each, item) for each in value)
    if not is_list or (n is not None and len(value) != n):
        example = {str: '["a.jsonl"]', float: "[0.01, 0.01, 0.04]"}.get(item, "[0, 2]")
        many = "" if n is None else f"{n} "
        raise MappingError(
            f"{name} is {value!r}; expected a list of {many}{item.__name__}, such as {example}."
        )
    if item is float:
        for each in value:
            _check_range(each, name)
    return tuple(value)


def _is_a(value: Any, kind: Any) -> bool:
    return isinstance(value, (int, float) if kind is float else kind) and (
        isinstance(value, bool) == (kind is bool)
    )


def _check_range(value: float, name: str) -> None:
    least = _AT_LEAST.get(name, 0)
    if not value >= least:
        raise MappingError(f"{name} is {value}; expected at least {least}.")
    if name in _SHARES and value >= 1:
        raise MappingError(f"{name} is {value}; expected a share below 1.")
    if name == "encoder.max_tokens" and value > _MAX_TOKENS:
        raise MappingError(f"{name} is {value}; expected at most {_MAX_TOKENS}.")
