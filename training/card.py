"""The model card: rendered from the manifest, never typed."""

from __future__ import annotations

from typing import Any, Final

from jinja2 import Environment, StrictUndefined

from plaudit.artifact import Manifest

_TEMPLATE: Final = """\
# {{ m.id }}

Labels comments and flags them, for plaudit. Rendered from `manifest.json` of {{ m.created }}; never edited by hand.

## What it answers
{% for name, meaning in m.labels.items() %}- `{{ name }}`: {{ meaning }}
{% endfor %}
Flags, each a probability with 0.5 as its threshold:
{% for name, meaning in m.flags.items() %}- `{{ name }}`: {{ meaning }}
{% endfor %}
Reads: {{ m.languages | join(", ") }}. A text in another language is answered all the same and marked
`supported: false`; plaudit keeps it out of every share. At most {{ m.max_tokens }} word pieces are read.

## How it was made
- Encoder: `{{ m.base_model }}`, {{ "{:,}".format(m.training.vocabulary_size) }} word pieces, mean pooling, one head for labels, one for flags.
- {{ m.training.config.train.epochs }} epochs, batch {{ m.training.config.train.batch_size }}, learning rate {{ m.training.config.train.learning_rate }}, seed {{ m.training.config.train.seed }}; {{ m.training.seconds }} s on {{ m.training.machine }}; torch {{ m.training.versions.torch }}.
- Int8 weights, one activation scale a row. Against float32 on the held-out part: {{ "%.2f" | format(100 * m.training.int8_against_float.label_agreement) }} % of labels agree, mean logit difference {{ m.training.int8_against_float.mean_absolute_logit_difference }}.
- Calibrated on {{ m.answers.exact.n_held_out }} held-out comments: temperature {{ "%.3f" | format(m.answers.exact.temperature) }}.

| part | comments | {% for name in m.labels %}{{ name }} | {% endfor %}sha256 |
| --- | --- | {% for name in m.labels %}--- | {% endfor %}--- |
{% for part in ("train", "held_out") %}| {{ part }} | {{ "{:,}".format(m.data[part].n) }} | {% for name in m.labels %}{{ "{:,}".format(m.data[part].labels[name]) }} | {% endfor %}`{{ m.data[part].sha256[:12] }}` |
{% endfor %}
{% if m.data.get("origin") %}## What the weights were trained on
{{ m.data.origin }}
{% endif %}
## Figures
{% for name, f in m.metrics.items() %}### {{ name }} ({{ "{:,}".format(f.n) }} comments)
| figure | value | 95 % interval |
| --- | --- | --- |
| macro-F1 | {{ "%.3f" | format(f.macro_f1.value) }} | {{ "%.3f" | format(f.macro_f1.low) }} to {{ "%.3f" | format(f.macro_f1.high) }} |
{% for label, v in f.f1.items() %}| F1 `{{ label }}` | {{ "%.3f" | format(v.value) }} | {{ "%.3f" | format(v.low) }} to {{ "%.3f" | format(v.high) }} |
{% endfor %}| F1 `question` without a question mark | {{ "%.3f" | format(f.f1_question_unmarked.value) }} | {{ "%.3f" | format(f.f1_question_unmarked.low) }} to {{ "%.3f" | format(f.f1_question_unmarked.high) }} |
| precision `generic_praise` | {{ "%.3f" | format(f.precision_generic_praise.value) }} | {{ "%.3f" | format(f.precision_generic_praise.low) }} to {{ "%.3f" | format(f.precision_generic_praise.high) }} |
{% for flag, v in f.flag_f1.items() %}| F1 flag `{{ flag }}` | {{ "%.3f" | format(v) }} | |
{% endfor %}| calibration error, debiased | {{ "%.3f" | format(f.calibration_error) }} | |

{% else %}Not evaluated yet: `plaudit-train evaluate FILE --record`.
{% endfor %}
## Limits
- Labels are about texts, not people: fans write generic praise too.
- Short praise by people who write in a second language looks generic.
- Labels for training and testing were given by language-model annotators under a written guide; agreement figures are agreement among such annotators.
"""


def render(manifest: Manifest) -> str:
    """Return the card as Markdown."""
    environment = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)  # noqa: S701 - Markdown
    record: dict[str, Any] = manifest.model_dump()
    return environment.from_string(_TEMPLATE).render(m=record)
