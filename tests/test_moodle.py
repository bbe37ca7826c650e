"""The file for Moodle: read as its documentation says, and marked as Moodle marks."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from functools import cache
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from helpers.support import command, fails

from bpcourse.classroom import moodle
from bpcourse.classroom.moodle import MOST_ANSWERS, MOST_BYTES, answers, files, variants, write
from bpcourse.classroom.plan import Plan
from bpcourse.classroom.sheets import formatted
from bpcourse.numbers import MINUS
from bpcourse.tutor import matching
from bpcourse.tutor.equations import entries, table
from bpcourse.tutor.matching import AROUND, MOST_ACCIDENTS, nothing_done, usual_first
from bpcourse.tutor.mistakes import candidates, wrong_values
from bpcourse.tutor.practice import TOPICS, problem
from bpcourse.tutor.reading import half_unit

PLAN = Plan(("hidden_weight", "matrix", "batch", "update"), 2, "a long secret")


def fit(listed, number):
    """Return the first answer that fits, as Moodle's question/type/numerical/question.php finds it."""
    for answer in listed:
        if answer.value == "*":
            return answer
        center = float(answer.value)
        if abs(number - center) <= answer.tolerance + 1e-14 * max(1, abs(center)):
            return answer
    return None


def of_one_value(seed, topic, level):
    """Return a problem that asks for one value: of an array for one of its entries."""
    found = problem(topic, level=level, seed=seed)
    names = entries(table(found.trace, found.learning_rate), found.name)
    return found if names is None else replace(found, name=names.flat[seed % names.size])


def steps_of(asked):
    return table(asked.trace, asked.learning_rate)


def overlapping(listed):
    """Return whether two answers overlap, or "*" comes before the end."""
    if [answer.value for answer in listed].index("*") != len(listed) - 1:
        return True
    ends = sorted((float(each.value) - each.tolerance, float(each.value) + each.tolerance) for each in listed[:-1])
    return any(high >= low for (_, high), (low, _) in pairwise(ends))


def misnamed(asked, listed):
    """Return the mistakes whose value, with four digits, does not fit an answer of 0 % that names the mistake."""
    steps, found = steps_of(asked), {}
    step = steps[asked.name]
    for mistakes, value in wrong_values(steps, asked.name):
        exact = value if abs(value) > 1e-12 * abs(steps[asked.name].value) else 0.0  # a person gets 0
        found.setdefault(float(f"{exact:.4g}"), []).append(mistakes)
    right, *wrong, rest = listed
    lost = [] if len(wrong) == MOST_ANSWERS - 2 else found  # there is only room for the likeliest 38
    bad = []
    for value, together in found.items():
        answer = fit(listed, value)
        if answer is right:  # three digits cannot tell them apart: only with rounded intermediate values
            bad += [mistakes for mistakes in together if not mistakes[0].slight]
        elif answer is rest:
            missed = value in lost and asked.check(f"{value:.4g}").mistakes
            bad += [each for each in together if missed and not each[0].slight]
        else:
            said = [all(mistake.words_for(step).name in answer.feedback for mistake in each) for each in together]
            hints = [mistakes[0].words_for(step).hint in answer.feedback for mistakes in together]
            told = answer.fraction == 0 and any(said) and any(hints)
            bad += [] if told else [each for each in together if not each[0].slight]
    return bad


@cache
def asked_and_listed(topic, level, seed):
    """Return a problem and its answers."""
    asked = of_one_value(seed, topic, level)
    return asked, answers(asked)


@pytest.mark.parametrize("topic", TOPICS)
def test_answers__right_ones_get_the_mark_and_each_mistake_its_feedback(topic):
    for seed in range(5):
        asked, listed = asked_and_listed(topic, TOPICS[topic].from_level, seed)
        value = steps_of(asked)[asked.name].value
        assert [each.fraction for each in listed] == [100] + [0] * (len(listed) - 1)
        assert 3 <= len(listed) <= MOST_ANSWERS
        assert not overlapping(listed)
        for right in (value, float(f"{value:.4g}"), float(f"{value:.3g}")):
            assert fit(listed, right).fraction == 100
        assert fit(listed, 1.02 * value + 1e9) is listed[-1]
        assert misnamed(asked, listed) == []


def test_answers__spoiled_ones_are_seen():
    asked, (right, first, second, *others, rest) = asked_and_listed("hidden_weight", 2, 3)
    assert overlapping((right, replace(first, value=right.value), rest))
    assert overlapping((right, replace(first, tolerance=abs(float(first.value) - float(right.value))), rest))
    assert overlapping((right, rest, first))
    assert misnamed(asked, (right, replace(first, feedback=second.feedback), second, *others, rest))
    assert misnamed(asked, (right, replace(first, fraction=100), second, *others, rest))
    assert misnamed(asked, (right, second, *others, rest))
    assert misnamed(asked, (replace(right, tolerance=abs(float(right.value))), first, second, *others, rest))


def caught_by_accident(asked, listed):
    """Return the share of numbers near the right one that answers reaching further than four digits catch."""
    right, steps = float(listed[0].value), steps_of(asked)
    start = nothing_done(steps[asked.name], {each.name: each.value for each in steps.values()})
    reach = AROUND * abs(right - start)
    near = [each for each in listed[1:-1] if abs(float(each.value) - right) <= reach]
    wide = [each.tolerance for each in near if each.tolerance > 1.01 * half_unit(float(each.value), moodle.ASKED)]
    return sum(tolerance / reach for tolerance in wide)


def test_answers__catch_few_numbers_by_accident():
    for topic in TOPICS:
        for seed in range(5):
            assert caught_by_accident(*asked_and_listed(topic, TOPICS[topic].from_level, seed)) <= MOST_ACCIDENTS[3]


def test_answers__without_a_budget_they_catch_many_by_accident(monkeypatch):
    monkeypatch.setattr(matching, "MOST_ACCIDENTS", dict.fromkeys(MOST_ACCIDENTS, 1.0))
    many = [of_one_value(seed, "hidden_weight", 3) for seed in range(8)]
    assert max(caught_by_accident(asked, answers(asked)) for asked in many) > MOST_ACCIDENTS[3]


def test_answers__two_mistakes_with_one_value_are_both_named():
    _, listed = asked_and_listed("output_weight", 2, 5)
    told = [each.feedback for each in listed if ", or if " in each.feedback.splitlines()[0]]
    assert len(told) > 0
    assert "slope of the output's activation" in told[0]
    assert "the cross-entropy's δ" in told[0]


@pytest.mark.parametrize("topic", ["batch", "find_the_mistake", "hidden_weight", "matrix", "update"])
def test_answers__there_is_room_for_every_mistake_at_the_highest_level(topic):
    assert 60 < len(asked_and_listed(topic, 5, 1)[1]) < MOST_ANSWERS


def test_answers__if_there_are_too_many_the_likeliest_are_kept(monkeypatch):
    asked, listed = asked_and_listed("hidden_weight", 2, 3)
    step = steps_of(asked)[asked.name]
    likeliest = sorted(candidates(steps_of(asked), asked.name), key=lambda each: usual_first(each, step))
    order = [float(f"{each.value:.4g}") for each in likeliest]
    places = [order.index(float(each.value)) for each in listed[1:-1]]
    assert places == sorted(places)
    monkeypatch.setattr(moodle, "MOST_ANSWERS", 10)
    assert answers(asked) == (*listed[:9], listed[-1])


def test_answers__any_other_number_gets_values_to_compare_with():
    for topic, shown in (
        ("hidden_weight", "ŷ₁ = "),
        ("forward", "a1₁ = "),
        ("activation", "z1₁ = "),
        ("weighted_sum", "Copy each number"),
    ):
        for seed in range(3):
            asked, listed = asked_and_listed(topic, TOPICS[topic].from_level + (topic == "forward"), seed)
            unknown, advice = listed[-1].feedback.splitlines()
            assert unknown == "I don't recognize this number."
            assert shown[:1] in advice
            assert asked.hint().where not in advice
            assert listed[0].value not in advice.replace(MINUS, "-"), "this is the answer"


def test_answers__numbers_are_written_as_moodle_reads_them():
    for seed in range(5):
        for each in asked_and_listed("update", 1, seed)[1]:
            assert each.value == "*" or re.fullmatch(r"-?\d+(\.\d+)?(E-?\d+)?", each.value)


# The file


def xml(plan, count):
    """Return the one file of a small bank."""
    (text,) = files(variants(plan, count))
    return text


def only(plan):
    """Return the first question of a bank."""
    return next(iter(read(xml(plan, 1)).values()))[0]


def read(text):
    """Return the categories with their questions, read as the documentation says."""
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<quiz>'), "something comes before the declaration"
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]", text)
    found = {}
    for each in ElementTree.fromstring(text.encode()):
        assert each.tag == "question"
        if each.get("type") == "category":
            here = found.setdefault(each.findtext("category/text"), [])
            continue
        assert each.get("type") == "numerical"
        for html in ("questiontext", "generalfeedback"):
            assert each.find(html).get("format") == "html"
        here.append(each)
    return found


def test_questions__have_a_category_for_each_topic():
    found = read(xml(PLAN, 2))
    paths = [path.rpartition(", ") for path in found]
    topics = ("hidden weight", "matrix", "batch", "update")
    assert [path for path, _, _ in paths] == [f"$course$/top/bpcourse/{topic}, level 2" for topic in topics]
    assert all(re.fullmatch("[0-9a-f]{8}", stamp) for _, _, stamp in paths)
    assert [len(each) for each in found.values()] == [2, 2 * 3 * 2, 2, 2]  # a question for each entry of a 3 × 2 matrix
    names = [each.findtext("name/text") for group in found.values() for each in group]
    assert names[:3] == [
        "hidden weight, level 2, number 001",
        "hidden weight, level 2, number 002",
        "matrix, level 2, number 001, dW1[1,1]",
    ]
    assert len(set(names)) == len(names)
    idnumbers = [each.findtext("idnumber") for group in found.values() for each in group]
    assert len(set(idnumbers)) == len(idnumbers)
    assert max(map(len, idnumbers)) <= 100
    assert not any("/" in topic for topic in TOPICS), "it would begin another category"


def test_questions__a_second_bank_has_other_categories():
    plans = [
        Plan(("bias",), 2, "a long secret"),
        Plan(("bias",), 2, "another secret"),
        Plan(("bias",), 3, "a long secret"),
    ]
    assert len({category for plan in plans for category in read(xml(plan, 1))}) == 3
    more = read(xml(Plan(("bias", "update"), 2, "a long secret"), 2))
    assert next(iter(more)) == next(iter(read(xml(plans[0], 1)))), "more variants belong to the same category"


def test_question__has_everything_that_moodle_shows():
    for group in read(xml(PLAN, 1)).values():
        for each in group:
            assert (each.findtext("defaultgrade"), each.findtext("penalty")) == ("1", "0.25")
            assert [hint.get("format") for hint in each.findall("hint")] == ["html"] * 3
            assert all(hint.findtext("text") for hint in each.findall("hint"))
            fractions = [answer.get("fraction") for answer in each.findall("answer")]
            assert fractions == ["100"] + ["0"] * (len(fractions) - 1)
            assert each.findall("answer")[-1].findtext("text") == "*"
            assert all(answer.findtext("feedback/text") for answer in each.findall("answer"))
            assert MINUS not in "".join(each.itertext()), "it is pasted, and Moodle refuses it"
            text, solution = each.findtext("questiontext/text"), each.findtext("generalfeedback/text")
            assert solution.startswith("<h4>")
            assert "GRADIENT" in solution
            for html in (text, solution):  # needs no style sheet and nothing from elsewhere
                assert not re.search("<(script|style|link|iframe|wbr)|style=|https?:|data:|[ ]on[a-z]+=", html)
            files = {file.get("name"): file for file in each.findall("questiontext/file")}
            assert re.findall('src="@@PLUGINFILE@@/([^"]+)"', text) == list(files)
            assert len(re.findall('alt="A network of [^"]+"', text)) == len(files)
            for file in files.values():
                assert file.get("encoding") == "base64"
                picture = ElementTree.fromstring(base64.b64decode(file.text, validate=True))
                assert picture.tag == "{http://www.w3.org/2000/svg}svg"


def test_question__does_not_reveal_its_answer():
    for topic in TOPICS:
        plan = Plan((topic,), 3, "a secret by which no answer is a number of the network")
        each = only(plan)
        right = each.find("answer").findtext("text").removeprefix("-")
        pictures = "".join(base64.b64decode(file.text).decode() for file in each.findall("questiontext/file"))
        assert right not in each.findtext("questiontext/text") + pictures


def test_question__of_a_batch_shows_each_example():
    each = only(Plan(("batch",), 1, "s"))
    assert [file.get("name") for file in each.findall("questiontext/file")] == ["example-1.svg", "example-2.svg"]
    assert "Each of the 2 rows of x and y is one example" in each.findtext("questiontext/text")


@pytest.mark.parametrize("level", [1, 2, 3, 5])
def test_question__of_a_mistake_to_find_shows_the_wrong_number(level):
    each = only(Plan(("find_the_mistake",), level, "s"))
    (claimed,) = re.findall(r"A colleague computed dW1\[[\d,]+\] = (-?[\d.]+) ", each.findtext("questiontext/text"))
    numbers = [float(answer.findtext("text")) for answer in each.findall("answer")[1:-1]]
    assert float(claimed) in numbers, "it is the value of a mistake"


def test_question__begins_with_the_task_and_says_how_to_write_a_number():
    text = only(PLAN).findtext("questiontext/text")
    assert text.startswith("<p><strong>Compute dW1[")
    for example in ("0.1234", "1.234E-5", "0,1234", "1,234E-5"):
        assert f" {example}" in text.partition("<img")[0]


def test_question__has_one_table_for_each_layer():
    each = only(Plan(("hidden_weight",), 3, "s"))
    html = each.findtext("questiontext/text").partition('class="img-fluid"></p>')[2]
    examples, *layers = ElementTree.fromstring(html).findall("table")
    given = {one.name: formatted(one) for one in problem_of(Plan(("hidden_weight",), 3, "s")).given}
    assert shown(examples) == [[*given["x"][0], *given["y"][0]]]
    assert [shown(table) for table in layers] == [given["W1"] + given["b1"], given["W2"] + given["b2"]]
    headings = [heading.text for heading in layers[0].iter("th")]
    assert headings == ["unit 1", "unit 2", "unit 3", "from input 1", "from input 2", "bias"]
    assert {table.find("caption").get("class").split()[0] for table in (examples, *layers)} == {"h6"}


def problem_of(plan):
    """Return the problem of the first question in Moodle."""
    return replace(plan, secret=f"for Moodle: {plan.secret}").sheet(1).questions[0].problem


def shown(table):
    """Return the numbers in a table as `formatted` writes them."""
    rows = [[cell.text for cell in row.findall("td")] for row in table.find("tbody")]
    return [[number.replace("-", MINUS) for number in row] for row in rows]


def test_question__is_small():
    assert len(xml(Plan(("hidden_weight",), 5, "s"), 1)) < 72_000


def test_question__gives_the_learning_rate():
    each = only(Plan(("update",), 1, "s"))
    assert re.search(r"<p>The learning rate is [\d.]+\.</p>", each.findtext("questiontext/text"))


HOSTILE = """<script>alert("1")</script> & ' ]]> ]]>]]> &amp; עברית العربية 日本語 δ̂ 😀 {=1} $$x$$ \\(y\\)"""


def test_question__any_feedback_is_shown_unchanged(monkeypatch):
    listed = (moodle.Answer("1", 0.5, 100, HOSTILE), moodle.Answer("*", 0.0, 0, "No."))
    monkeypatch.setattr(moodle, "answers", lambda problem: listed)
    each = only(Plan(("bias",), 1, "s"))
    feedback = each.find("answer").findtext("feedback/text")
    assert "<script" not in feedback
    shown = ElementTree.fromstring(f"<div>{feedback}</div>")  # our own HTML is also well-formed XML
    assert [(paragraph.tag, paragraph.text) for paragraph in shown] == [("p", HOSTILE)]
    assert float(each.find("answer").findtext("tolerance")) == 0.5


def test_questions__their_numbers_depend_only_on_the_secret():
    text = xml(Plan(("bias",), 2, "a long secret"), 2)
    assert text == xml(Plan(("bias", "bias"), 2, "a long secret"), 2)
    longer = xml(Plan(("bias", "update"), 2, "a long secret"), 2)
    assert longer.startswith(text.removesuffix("</quiz>\n"))
    assert longer != text
    assert text != xml(Plan(("bias",), 2, "another secret"), 2)
    assert "a long secret" not in text


def test_questions__differ_from_those_of_the_sheets():
    plan = Plan(("bias",), 2, "a long secret")
    text = xml(plan, 1)
    sheet = plan.sheet(1).questions[0].problem
    value = table(sheet.trace)[sheet.name].value
    assert f"<text>{value:.4g}</text>" not in text


def test_variants__are_made_one_at_a_time():
    pieces = variants(Plan(("bias",), 2, "s"), 10**9)
    assert "number 002" in [next(pieces) for _ in range(2)][-1][1]


def test_files__are_split_and_each_has_its_categories():
    pieces = list(variants(Plan(("bias", "activation"), 1, "s"), 3))
    most = max(len((category + variant).encode()) for category, variant in pieces) * 2
    banks = list(files(iter(pieces), most))
    assert len(banks) > 2
    assert all(len(bank.encode()) <= most + 100 for bank in banks)
    found = [
        (category, each.findtext("name/text")) for bank in banks for category, own in read(bank).items() for each in own
    ]
    whole = [
        (category, each.findtext("name/text"))
        for category, own in read(xml(Plan(("bias", "activation"), 1, "s"), 3)).items()
        for each in own
    ]
    assert found == whole
    assert MOST_BYTES == 20_000_000


def test_files__a_variant_that_is_too_large_has_its_own_file():
    assert len(list(files([("c", "v" * 50), ("c", "w")], 20))) == 2
    assert list(files([], 20)) == [f"{moodle.BEGINNING}{moodle.END}"]


def test_questions__may_have_every_topic():
    assert len(next(variants(Plan(tuple(TOPICS), 5, "a long secret"), 1))) == 2


@pytest.mark.parametrize("count", [0, -1, 2.0, True, "3"])
def test_questions__need_a_positive_number_of_variants(count):
    with pytest.raises(ValueError, match=r"the number of variants must be a positive whole number; got"):
        next(variants(PLAN, count))


# On the disk


def test_write__the_file_is_complete_or_unchanged(tmp_path, monkeypatch):
    plan, path = Plan(("bias",), 2, "s"), tmp_path / "questions-1.xml"
    assert write(plan, 2, tmp_path) == [path]
    before = path.read_text(encoding="utf-8")
    assert before == xml(plan, 2)
    with pytest.raises(FileExistsError, match="File exists"):
        write(plan, 2, tmp_path)

    def cut_short(plan, count):
        yield "<question/>", "<question/>"
        raise KeyboardInterrupt

    monkeypatch.setattr(moodle, "variants", cut_short)
    with pytest.raises(KeyboardInterrupt):
        write(plan, 2, tmp_path, force=True)
    assert path.read_text(encoding="utf-8") == before
    assert list(tmp_path.iterdir()) == [path]


def test_write__has_a_limit(tmp_path):
    with pytest.raises(ValueError, match=r"at most 100000 variants; got 1000000"):
        write(Plan(("bias",), 2, "a long secret"), 1_000_000, tmp_path)


def test_write__a_smaller_bank_replaces_all_files_of_a_larger_one(tmp_path, monkeypatch):
    monkeypatch.setattr(moodle, "files", lambda pieces: (variant for _, variant in pieces))
    kept = tmp_path / "questions-of-mine.xml"
    kept.write_text("mine", encoding="utf-8")
    plan = Plan(("bias",), 1, "s")
    assert [path.name for path in write(plan, 3, tmp_path)] == [f"questions-{number}.xml" for number in (1, 2, 3)]
    with pytest.raises(FileExistsError):
        write(plan, 1, tmp_path)
    saved = write(plan, 1, tmp_path, force=True)
    assert sorted(tmp_path.iterdir()) == [*saved, kept]


def words(folder, **changed):
    options = {"format": "moodle", "topic": "bias", "level": 2, "count": 1, "seed": "a long secret", "out": folder}
    return command("sheet", **(options | changed))


def test_sheet_command__saves_the_file_for_moodle(tmp_path, run_cli, capsys):
    done = run_cli(*words(tmp_path / "new"))
    said = f"Saved: {tmp_path / 'new' / 'questions-1.xml'}\nVariants of each topic: 1\n"
    assert (done.status, done.out) == (0, said)
    assert "questions-1.xml already exists. Choose a different name, or add --force" in fails(
        capsys, *words(tmp_path / "new")
    )
    assert run_cli(*words(tmp_path / "new", force=True)).status == 0


@pytest.mark.parametrize(
    ("place", "options", "message"),
    [
        ("file", {}, "file already exists"),
        ("file/below", {}, "cannot read or write"),
        ("", {"topic": "biases"}, "biases"),
        ("", {"topic": "classes"}, "has the levels 3 to 5"),
        ("", {"seed": ""}, "secret must not be empty"),
        ("", {"count": 0}, "must be a positive whole number"),
    ],
)
def test_sheet_command__explains_what_moodle_cannot_get(tmp_path, capsys, place, options, message):
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert message in fails(capsys, *words(tmp_path / place, **options))
