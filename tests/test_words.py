"""English and Chinese are equals: the same sentences with the same blanks, and every sentence the program asks for exists."""

import re
import unicodedata
from pathlib import Path
from string import Formatter

import pytest

from suanli.facts import Tier
from suanli.performance.configs import BOUNDS
from suanli.performance.reasons import Reason
from suanli.words import LANGUAGES, Phrase, say, sentences

SOURCE = Path(__file__).parents[1] / "src" / "suanli"
WORDS = SOURCE / "data" / "words"
FILES = sorted({path.stem for language in LANGUAGES for path in (WORDS / language).glob("*.toml")})
ROOMS = "|".join(FILES)
#: a sentence key in the code: "room.key" or "@room.key" as a whole text, not a file name or a module
KEY = re.compile(rf'"@?((?:{ROOMS})\.[a-z0-9_.-]+[a-z0-9_])"')
MODULES = re.compile(r"\.(toml|csv|json|py|md)$")


def blanks(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("file", FILES)
def test_both_languages_have_the_same_sentences_with_the_same_blanks(file: str) -> None:
    english, chinese = sentences("en", file), sentences("zh", file)
    assert english.keys() == chinese.keys()
    for key in english:
        assert blanks(english[key]) == blanks(chinese[key]), f"{file}.{key}"
        assert english[key].strip(), f"{file}.{key} is blank"
        assert chinese[key].strip(), f"{file}.{key} is blank"


def keys_in_code() -> set[tuple[str, str]]:
    found = set()
    for path in SOURCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= {(key, path.name) for key in KEY.findall(text) if not MODULES.search(key)}
    return found


#: texts that look like keys but name facts of a file: the figures of chips, places, workloads and the names of modules
FACT_LIKE = re.compile(r"^(prices|places|workloads|models|hardware)\.(purchase|street|power|pue|carbon)|^planning\.toml")


@pytest.mark.parametrize(("key", "file"), sorted(keys_in_code()))
def test_every_sentence_the_code_names_exists(key: str, file: str) -> None:
    if FACT_LIKE.match(key):
        return
    room, _, rest = key.partition(".")
    assert rest in sentences("en", room), f"{file} says {key}"


@pytest.mark.parametrize("reason", [each for each in Reason if each])
def test_every_reason_has_a_sentence(reason: Reason) -> None:
    for language in LANGUAGES:
        assert say(f"performance.reasons.{str(reason.name).lower()}", language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_bound_and_tier_has_a_sentence(language: str) -> None:
    for bound in BOUNDS:
        assert say(f"performance.bounds.{bound}", language)
        assert say(f"reporting.bound.{bound}", language)
    for tier in Tier:
        for table in ("name", "mark", "meaning"):
            assert say(f"tiers.{table}.{tier.name.lower()}", language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_choice_of_a_file_has_a_word(language: str) -> None:
    """What a chip, system or model file may say is shown in words: one for each literal of its schema."""
    from typing import get_args

    from suanli.hardware import chip, system
    from suanli.models.op import Kind

    choices = {
        "kind": get_args(chip.ChipClass), "segment": get_args(chip.Segment), "unit": get_args(chip.ChipFile.model_fields["unit"].annotation),
        "topology": get_args(system.ScaleUp.model_fields["topology"].annotation), "op": get_args(Kind), "mixer": ("grouped", "latent", "linear", "state_space"),
    }  # fmt: skip
    for name, values in choices.items():
        assert values
        for value in values:
            assert say(f"reporting.{name}.{value}", language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_figure_of_a_card_has_a_label(language: str) -> None:
    from suanli.facts import Catalogue
    from suanli.hardware import load_chips, load_systems
    from suanli.models import load_models
    from suanli.places import load_places
    from suanli.reporting.cards import CARDS
    from suanli.reporting.tongue import Tongue
    from suanli.workloads import load_workloads

    catalogue, tongue = Catalogue(), Tongue(language)
    everything = {"chip": load_chips, "system": load_systems, "model": load_models, "place": load_places, "workload": load_workloads}
    for kind, load in everything.items():
        for thing in load(catalogue).values():
            for entry in CARDS[kind](thing, tongue).entries:
                assert entry.label, f"{thing.id}: {entry.key}"
                assert entry.text, f"{thing.id}: {entry.key}"


def test_every_default_and_assumption_of_a_plan_has_a_sentence() -> None:
    """The names that planning and hardware put into ``filled`` and ``assumed``, found in their code."""
    ask = (SOURCE / "planning" / "ask.py").read_text(encoding="utf-8")
    names = set(re.findall(r'(?:pick|Filled)\("([a-z_]+)"', ask))
    assert {"ttft", "tpot", "on", "precision", "peak_to_mean"} <= names
    platform = (SOURCE / "hardware" / "platform.py").read_text(encoding="utf-8")
    filled = set(re.findall(r'fill\(.*, "([a-z_]+)"\)', platform))
    assert {"node", "link", "fabric", "power"} <= filled
    for language in LANGUAGES:
        for name in names:
            assert say(f"planning.defaults.{name}", language)
        for name in filled | {"precision", "layout", "power_unknown"}:
            assert say(f"planning.assumed.{name}", language, chip="X")


def test_a_phrase_a_list_and_a_name_are_said_in_the_language_of_the_sentence() -> None:
    reasons = (Phrase("planning.reason_count", {"reason": "@performance.reasons.weights", "count": 3}), "@performance.reasons.ttft")
    values = {"model": "M", "place": {"en": "China", "zh": "中国"}, "reasons": reasons}
    assert "in China as asked: the weights do not fit into memory (3), misses" in say("planning.no_answer", "en", **values)
    chinese = unicodedata.normalize("NFKC", say("planning.no_answer", "zh", **values))
    assert "在中国没有芯片能按要求运行 M:权重放不进内存(3)、任何负载" in chinese
