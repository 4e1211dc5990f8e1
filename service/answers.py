"""The bodies of responses, for `/docs`; the report has its own nouns in `plaudit.report.envelope`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

Share = Annotated[float, Field(ge=0, le=1)]


class ModelId(BaseModel):
    """Which model answered."""

    id: str = Field(description="Name of the model's folder.", examples=["minilm-20260501-0a1b2c3d"])
    hash: str = Field(description="SHA-256 of its manifest, hexadecimal.")
    answer: str = Field(
        description="`exact`: one network read every comment; `cascade`: small ones what they are sure of; "
        "`float`: one read every comment on a GPU.",
        examples=["cascade"],
    )


class Probabilities(BaseModel):
    """Calibrated probability of each label; together 1."""

    genuine: Share = Field(description="Conversation about this content, its maker or another commenter.")
    generic_praise: Share = Field(
        description="Could be pasted unchanged under almost any other post: applause, emoji, slogans, "
        "promotion."
    )
    question: Share = Field(
        description="Sincerely asks for information, advice, an opinion, or asks the creator for something."
    )


class Flags(BaseModel):
    """Calibrated probability of each flag on its own; 0.5 is the natural threshold."""

    experience: Share = Field(description="Tells something of the writer's own life, use or past.")
    solicitation: Share = Field(
        description="Promotes, sells, begs for follows or clicks, gives a contact, or is a scam."
    )
    addressed: Share = Field(description="Answers or addresses one particular commenter or the creator.")


class Answer(BaseModel):
    """What the model says of one comment."""

    id: str = Field(description="As sent, as a string; else the position, counted from 1.", examples=["c1"])
    label: Literal["genuine", "generic_praise", "question"] = Field(description="The most probable label.")
    probabilities: Probabilities
    flags: Flags
    language: str = Field(
        description="ISO 639 code; `zxx` nothing linguistic (emoji, digits), `und` too short to tell.",
        examples=["en"],
    )
    supported: bool = Field(description="Whether the model reads this language; if not, trust nothing here.")
    truncated: bool = Field(description="Whether the text is longer than the model reads.")


class ItemError(BaseModel):
    """Stands in the place of an answer for a comment that can't be labelled."""

    id: str = Field(description="As in an answer.", examples=["c3"])
    error: str = Field(description="Why, in a sentence.", examples=["The text is empty: nothing is left."])


class ClassifyResponse(BaseModel):
    """One result for each comment, in the order sent."""

    results: list[Answer | ItemError] = Field(description="As many as comments were sent.")
    model: ModelId


class Definition(BaseModel):
    """A name and what it means."""

    name: str = Field(examples=["question"])
    definition: str = Field(examples=["Asks for something."])


class Limits(BaseModel):
    """What one request may hold; beyond it the answer is 413."""

    max_body_bytes: int = Field(description="Bytes of a request body.", examples=[8388608])
    max_comments: int = Field(description="Comments, and posts, of a request.", examples=[10000])


class ModelCard(ModelId):
    """The model in use."""

    version: str = Field(description="Plaudit's version.", examples=["0.1.0"])
    labels: list[Definition] = Field(description="One of them fits each comment.")
    flags: list[Definition] = Field(description="Any number of them fits a comment.")
    languages: list[str] = Field(description="ISO 639 codes of the languages it reads.", examples=[["en"]])
    max_tokens: int | None = Field(
        description="Longer texts are cut; null where nobody knows.", examples=[128]
    )
    metrics: dict[str, Any] = Field(description="How it did on held-out comments, with intervals.")
    limits: Limits


class Status(BaseModel):
    """How the process is."""

    status: Literal["alive", "ready"]


class FieldError(BaseModel):
    """One wrong value in a request body."""

    field: str = Field(description="Path of the value.", examples=["comments[3].text"])
    expected: str = Field(description="What should stand there.", examples=["a valid string"])
    found: str = Field(description="Kind of what stands there, never the value.", examples=["a boolean"])


class ProblemBody(BaseModel):
    """Body of every error (RFC 9457)."""

    type: Annotated[str, StringConstraints(pattern="^urn:plaudit:problem:")] = Field(
        description="Kind of problem, for programs.", examples=["urn:plaudit:problem:invalid-request"]
    )
    title: str = Field(description="Kind of problem, for people; the same for every occurrence.")
    status: int = Field(description="The HTTP status.", ge=400, le=599, examples=[422])
    detail: str = Field(description="What is wrong this time.")
    request_id: str = Field(description="As in the `X-Request-Id` header; name it when you report something.")
    hint: str = Field(description="What to do about it.")
    errors: list[FieldError] = Field([], description="The first wrong fields; left out where there are none.")


def definitions(model: type[BaseModel], given: Mapping[str, str] | None = None) -> list[Definition]:
    """Return the names and definitions that a model folder gives, else those of a body's fields."""
    found = given or {name: info.description or "" for name, info in model.model_fields.items()}
    return [Definition(name=name, definition=definition) for name, definition in found.items()]
