"""Each goal that a lesson states is practiced by an exercise of the lesson, and the lessons are easy to read."""

import copy
import json
import re
import tomllib

import pytest
from helpers.support import PROJECT, tool

from bpcourse.classroom.solved_lessons import blanks

english, readability = tool("english"), tool("readability")
PATHS = sorted((PROJECT / "lessons").glob("*.ipynb"))
GOALS = tomllib.loads((PROJECT / "tests" / "goals.toml").read_text(encoding="utf-8"))


def cells_of(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def cells(request):
    return cells_of(request.param)


def source(cell):
    return "".join(cell["source"])


def stated_goals(opening):
    """Return the items of the list of goals in the first cell of a lesson."""
    listed = opening.partition("**You will be able to**")[2].partition("**You need**")[0]
    return [" ".join(item.split()).rstrip(";.") for item in re.split(r"^- ", listed, flags=re.MULTILINE)[1:]]


def without_exercise(cells, goals):
    """Yield each goal that is only in the lesson or only in the list, and each that no exercise practices."""
    exercises = {cell["id"] for cell in cells if cell["cell_type"] == "code" and blanks(source(cell))}
    for goal in dict.fromkeys([*stated_goals(source(cells[0])), *goals]):
        if goal not in stated_goals(source(cells[0])) or not goals.get(goal) or not exercises.issuperset(goals[goal]):
            yield goal


def test_goals__of_every_lesson_are_listed():
    assert GOALS.keys() == {path.stem for path in PATHS}


@pytest.mark.parametrize("lesson", GOALS)
def test_goals__each_has_exercises(lesson):
    cells = cells_of(PROJECT / "lessons" / f"{lesson}.ipynb")
    assert list(without_exercise(cells, GOALS[lesson])) == []


def spoiled(change):
    cells = copy.deepcopy(cells_of(PROJECT / "lessons" / "05_full_training.ipynb"))
    change({cell["id"]: cell for cell in cells}, cells)
    return list(without_exercise(cells, GOALS["05_full_training"]))


def rewrite(cell, old, new):
    text = source(cell)
    assert old in text
    cell["source"] = text.replace(old, new)


def test_goals__a_lesson_made_wrong_is_found():
    rate = "choose a learning rate by looking at the losses"
    assert spoiled(lambda by_id, cells: cells.remove(by_id["choose-check"])) == [rate]
    assert spoiled(lambda by_id, cells: rewrite(by_id["choose-check"], "my_rate = ...", "my_rate = 0.1")) == [rate]
    assert spoiled(lambda by_id, cells: rewrite(cells[0], rate, "choose a loss")) == ["choose a loss", rate]
    assert spoiled(lambda by_id, cells: rewrite(cells[0], "**You need**", "- juggle;\n\n**You need**")) == ["juggle"]


# Reading

MOST_WORDS_A_SENTENCE, LONGEST_SENTENCE, LONGEST_SITTING = 13, 35, 45


def hard_to_read(cells):
    """Yield what is hard to read in a lesson: long sentences, and phrases that are not plain English."""
    reading = readability.measure(cells)
    if reading.sentence > MOST_WORDS_A_SENTENCE:
        yield f"{reading.sentence:.1f} words in a sentence"
    if reading.longest > LONGEST_SENTENCE:
        yield f"a sentence of {reading.longest} words"
    yield from english.problems_of_notebook(json.dumps({"cells": cells}))


def test_lesson__is_easy_to_read(cells):
    assert list(hard_to_read(cells)) == []


def test_hard_to_read__finds_long_sentences_and_phrases():
    def found(markdown):
        return list(hard_to_read([{"cell_type": "markdown", "id": "one", "source": markdown}]))

    assert found("Short is good. It helps.") == []
    assert found("word " * 20 + "word.") == ["21.0 words in a sentence"]
    assert found("No. " * 10 + "Word " * 36 + "word.") == ["a sentence of 37 words"]
    assert found("This is no list.") == ['cell one:1: "is no list": is not a …']  # english: ok


def wrong_time(cells):
    """Yield what is wrong with the time that a lesson states, and each sitting that is too long."""
    opening = source(cells[0])
    stated = int(re.search(r"\*\*Time:\*\* about (\d+) minutes", opening)[1])
    minutes = readability.measure(cells).minutes
    if abs(stated - minutes) > 3:
        yield f"it states {stated} minutes, and the formula gives {minutes:.0f}"
    parts = readability.sittings(cells)
    words = re.search(r"in (two|three) sittings", opening)
    expected = {"two": 2, "three": 3}[words[1]] if words else 1
    if len(parts) != expected + bool(re.search(r"(begins|third) at \*Extra\*", opening)):
        yield f"it states {expected} sittings, and has {len(parts)}"
    for part in parts:
        if readability.measure(part).minutes > LONGEST_SITTING:
            yield f"a sitting of {readability.measure(part).minutes:.0f} minutes"


def test_lesson__states_its_time_and_no_sitting_is_too_long(cells):
    assert list(wrong_time(cells)) == []


def test_wrong_time__is_found():
    cells = cells_of(PROJECT / "lessons" / "05_full_training.ipynb")

    def found(old, new):
        changed = copy.deepcopy(cells)
        rewrite(changed[0], old, new)
        return list(wrong_time(changed))

    assert found("about 75 minutes", "about 40 minutes") == ["it states 40 minutes, and the formula gives 74"]
    assert found(", in two sittings", "") == ["it states 1 sittings, and has 2"]
    assert found("begins at *XOR: what one unit cannot do*", "begins later") == [
        "it states 2 sittings, and has 1",
        "a sitting of 74 minutes",
    ]


def test_measure__follows_the_documented_formula():
    code = {"cell_type": "code", "id": "c", "source": "a = ...\nb = [..., ...]\nexplore(a)"}
    prose = {"cell_type": "markdown", "id": "m", "source": "word " * 149 + "word."}
    reading = readability.measure([code, prose])
    assert (reading.words, reading.blanks, reading.explorers, reading.cells) == (150, 3, 1, 1)
    assert reading.minutes == 1 + 2 * 3 + 2 + 0.5
