"""A WordPiece vocabulary made of a Unigram encoder's pieces: the frequent, in lower case, without accents.

A multilingual encoder (XLM-R, E5) brings 250,000 pieces, of which a comment model needs a tenth, and cuts a
text by what is likeliest in all of it. WordPiece takes the longest piece that fits, word by word, so that
words can be looked up (`plaudit.tokens`). Both mostly agree on comments; training mends the rest.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from plaudit.errors import TrainingDataError
from plaudit.language import identify
from plaudit.training import vocabulary
from plaudit.training.vocabulary import Vocabulary
from plaudit.vernacular import READ

__all__ = ["fit", "parts_of"]

_SPECIAL: Final = {
    "[PAD]": "<pad>",
    "[UNK]": "<unk>",
    "[CLS]": "<s>",
    "[SEP]": "</s>",
    "[MASK]": "<mask>",
}
_SPACE: Final = "\u2581"  # begins a piece that begins a word
_INSIDE: Final = "##"
_BLOCK: Final = 4096
_N_SOURCES: Final = 8  # of a token: case and accents aside hardly a piece has more
_MOST_LETTERS: Final = 100


def fit(
    base: Tokenizer,
    texts: Iterable[str],
    *,
    size: int,
    min_count: int,
    n_emoji: int,
    language_share: float,
) -> Vocabulary:
    """Return a vocabulary of the pieces that normalised comments use most, and what each starts from.

    Special tokens come first, then every character and emoji that is frequent enough, alone and within a
    word, then pieces. A token starts from the mean of the pieces that it replaces, weighed by their counts.

    Args:
        base: A Unigram tokenizer as XLM-R's.
        texts: Normalised comments the counts are taken from.
        size: Tokens in all.
        min_count: Characters seen less often become unknown.
        n_emoji: Most frequent emoji that become tokens.
        language_share: Above 0: the pieces of each other language of the comments weigh as much as this share
            of those of the most frequent one, however few its comments are.

    Raises:
        TrainingDataError: The tokenizer has no token for what is unknown, or `size` has no room for the
            characters.
    """
    if base.token_to_id(_SPECIAL["[UNK]"]) is None:
        raise TrainingDataError(
            "The encoder's Unigram vocabulary has no <unk>, as XLM-R's and E5's have, and cannot be pruned; "
            "leave vocabulary.corpus empty."
        )
    counts, characters, emoji = _count(base, texts)
    weights = _balanced(counts, language_share)
    names = {i: piece for piece, i in base.get_vocab().items()}
    mass: dict[str, float] = defaultdict(float)
    sources: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for i, weight in weights.items():
        for token in parts_of(names[i]) if names[i] not in _SPECIAL.values() else ():
            mass[token] += weight
            sources[token][i] += weight
    tokens = dict.fromkeys(_SPECIAL)
    frequent = sorted(c for c, n in characters.items() if n >= min_count)
    tokens |= dict.fromkeys(frequent)
    tokens |= dict.fromkeys(_INSIDE + c for c in frequent if not _is_mark(c))
    tokens |= dict.fromkeys(character for character, _ in emoji.most_common(n_emoji))
    if len(tokens) > size:
        raise TrainingDataError(
            f"vocabulary.size is {size:,}, and special tokens, characters and emoji alone are "
            f"{len(tokens):,}; raise it, raise vocabulary.min_count, or lower vocabulary.n_emoji."
        )
    for token, _ in sorted(mass.items(), key=lambda each: (-each[1], each[0])):
        if len(tokens) >= size:
            break
        if not vocabulary.has_emoji(token):
            tokens.setdefault(token)
    rows = [_origin(base, token, sources) for token in tokens]
    return Vocabulary(
        tokenizer=_tokenizer([*tokens]),
        origin=tuple(tuple(i for i, _ in row) for row in rows),
        weights=tuple(tuple(w for _, w in row) for row in rows),
    )


def parts_of(piece: str) -> list[str]:
    """Return the WordPiece tokens that spell a piece: in lower case, without accents, marks by themselves."""
    begins = piece.startswith(_SPACE)
    found: list[str] = []
    word = ""
    for character in _plain(piece.replace(_SPACE, "")):
        if _is_mark(character):
            found += [*_word(word, begins=begins), character]
            word, begins = "", True
        else:
            word += character
    return [*found, *_word(word, begins=begins)]


def _word(letters: str, *, begins: bool) -> list[str]:
    return [letters if begins else _INSIDE + letters] if letters else []


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFD", text.lower())
    return "".join(c for c in apart if unicodedata.category(c) != "Mn")


def _is_mark(character: str) -> bool:
    """Return whether BERT takes a character for a word of its own."""
    category = unicodedata.category(character)
    return category.startswith("P") or (character.isascii() and category in ("Sm", "Sc", "Sk"))


def _count(
    base: Tokenizer, texts: Iterable[str]
) -> tuple[dict[str, Counter[int]], Counter[str], Counter[str]]:
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    characters: Counter[str] = Counter()
    emoji: Counter[str] = Counter()
    block: list[str] = []

    def flush() -> None:
        languages = identify(block)
        encodings = base.encode_batch_fast(
            [vocabulary.spaced(text) for text in block], add_special_tokens=False
        )
        for language, encoding in zip(languages, encodings, strict=True):
            if language in READ:  # pieces of what the model does not read would crowd out others
                counts[language].update(encoding.ids)
        block.clear()

    for text in texts:
        emoji.update(vocabulary.emoji_of(text))
        characters.update(c for c in _plain(text) if not (c.isspace() or vocabulary.has_emoji(c)))
        block.append(text)
        if len(block) == _BLOCK:
            flush()
    flush()
    return counts, characters, emoji


def _balanced(counts: Mapping[str, Counter[int]], language_share: float) -> dict[int, float]:
    totals = {language: sum(each.values()) for language, each in counts.items()}
    most = max(totals.values(), default=0)
    weights: dict[int, float] = defaultdict(float)
    for language, each in counts.items():
        factor = max(1.0, language_share * most / max(1, totals[language]))
        for i, n in each.items():
            weights[i] += factor * n
    return weights


def _origin(
    base: Tokenizer, token: str, sources: Mapping[str, Mapping[int, float]]
) -> list[tuple[int, float]]:
    unknown = base.token_to_id(_SPECIAL["[UNK]"]) or 0
    if token in _SPECIAL:
        row = base.token_to_id(_SPECIAL[token])
        return [(unknown if row is None else row, 1.0)]
    if token in sources:
        found = sorted(sources[token].items(), key=lambda each: (-each[1], each[0]))[:_N_SOURCES]
        whole = sum(weight for _, weight in found)
        return [(i, weight / whole) for i, weight in found]
    spelled = base.encode(token.removeprefix(_INSIDE), add_special_tokens=False).ids
    rows = [i for i in spelled if base.id_to_token(i) != _SPACE] or [unknown]
    return [(i, 1 / len(rows)) for i in rows]


def _tokenizer(tokens: list[str]) -> Tokenizer:
    ids = {token: i for i, token in enumerate(tokens)}
    made = Tokenizer(
        models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=_MOST_LETTERS)  # noqa: S106
    )
    made.add_special_tokens([*_SPECIAL])
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [vocabulary.emoji_splitter(), pre_tokenizers.BertPreTokenizer()]
    )
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    return made
