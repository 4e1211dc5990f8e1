"""The model card: rendered from the manifest, never typed."""

from __future__ import annotations

from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from plaudit.artifact import Manifest


def render(manifest: Manifest) -> str:
    """Return the card as Markdown."""
    environment = Environment(
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = files("plaudit.training").joinpath("card.jinja").read_text()
    return environment.from_string(template).render(m=manifest.model_dump())
