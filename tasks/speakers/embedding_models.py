"""Embedding models: vectors of which may meet, and when groups of clips are one voice by them."""

from __future__ import annotations

from collections.abc import Iterable

from tasks.speakers.voice_parts import Clips, LinkRule, learnt_rule


class ModelsDiffer(ValueError):
    """Vectors of two embedding models met; their cosines mean nothing."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(
            f"vectors of {one!r} cannot be compared with vectors of {other!r}; "
            "embed all episodes and references with one engine"
        )


def one_model(models: Iterable[str]) -> str | None:
    """The model that all of `models` are; None of none. Raises ModelsDiffer."""
    found = sorted(set(models))
    if len(found) > 1:
        raise ModelsDiffer(found[0], found[1])
    return found[0] if found else None


RULES = {
    "resemblyzer": LinkRule(join=0.92, split=0.62, within=0.7),
    "stub": LinkRule(join=0.9, split=0.5, within=0.9),
}
"""By the first word of the model's name. Resemblyzer's on seasons made of 242 LibriSpeech voices, half of the
clips with music, 6 % of them given to a wrong local speaker: weighted purity 0.99, completeness 0.95 (B-cubed)."""
OTHER = LinkRule(join=0.95, split=0.3, within=0.7)
"""A model nobody calibrated: two speakers of one person cost a question, one speaker of two people a data set."""


def rule_of(heard: Clips, model: str) -> LinkRule:
    """The rule of an embedding model by its name; of one that nobody calibrated, what the clips tell."""
    return RULES.get(model.partition(" ")[0]) or learnt_rule(heard, OTHER)
