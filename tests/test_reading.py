"""Reading answers: numbers and arrays that people type, paste or compute, and objects that are neither."""

import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from bpcourse import EXAMPLES, check, parse_number
from bpcourse.numbers import parse_digits
from bpcourse.tutor.reading import MOST_NUMBERS, is_nothing, read_answer, read_array

MINUSES = "-\N{MINUS SIGN}\N{EN DASH}\N{EM DASH}\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{SMALL HYPHEN-MINUS}"
MINUSES += "\N{FULLWIDTH HYPHEN-MINUS}\N{FIGURE DASH}\N{HORIZONTAL BAR}\N{SMALL EM DASH}\N{SOFT HYPHEN}"


def refusal(read, answer):
    """Return the message with which an answer is refused, or "" if it is read."""
    try:
        read(answer)
    except ValueError as error:
        return str(error)
    return ""


# Numbers in text


@pytest.mark.parametrize(
    ("text", "value", "digits"),
    [
        ("[0.50]", 0.5, 2), ("(0.50)", 0.5, 2), ("(0.5,)", 0.5, 1), ("[[0.500]]", 0.5, 3), ("'0.50'", 0.5, 2),
        ("round(0.4567, 3)", 0.457, 3), ("round(0.5, 3)", 0.5, 3), ("np.round(0.45*0.3, 4)", 0.135, 4),
        ("round(0.7)", 1.0, 1), ("$0.45$", 0.45, 2), ("$$0.45$$", 0.45, 2), (r"$17.8\,\%$", 0.178, 3),
        (r"$\approx 8.2 \cdot 10^{-2}$", 0.082, 2),
        ("= 0.45", 0.45, 2), ("≈ 0.45", 0.45, 2), ("~0.45", 0.45, 2),
        ("０．４５０", 0.45, 3), ("－０，４５", -0.45, 2), ("１／３", 1 / 3, 15), ("٠٫٤٥", 0.45, 2), ("०.५", 0.5, 1),
        ("10^{-3}", 0.001, 1), ("17.8 %", 0.178, 3), ("17.80%", 0.178, 4), ("٥٪", 0.05, 1), ("1/3 %", 1 / 300, 15),
        ("0.45.", 0.45, 2), ("0,45.", 0.45, 2), ("$0.45$.", 0.45, 2), ("- 0.500", -0.5, 3), ("1/3.", 1 / 3, 15),
        *((f"8.20 {sign} 10^{{-2}}", 0.082, 3) for sign in "×·⋅•∗*xX"),
        *((f"{minus}0.50", -0.5, 2) for minus in MINUSES),
        *((f"8.2e{minus}2", 0.082, 2) for minus in MINUSES),
    ],
)  # fmt: skip
def test_parse_digits__typed_and_pasted_forms(text, value, digits):
    reading = parse_digits(text)
    assert (reading.value, reading.digits, reading.written) == (pytest.approx(value, rel=1e-15), digits, True)


def test_parse_digits__percent_scales_the_last_digit():
    assert parse_digits("17.8 %").half_unit == pytest.approx(0.0005)
    assert parse_digits("17.8 %").value == 0.178


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.45*-0.0197", 0.45 * -0.0197), ("(0.7 - 1)*0.21", (0.7 - 1) * 0.21), ("0,45*−0,02", 0.45 * -0.02),
        ("0.5**2", 0.25), ("-0.5^2", -0.25), ("2^-1", 0.5), ("2**3**2", 512.0), ("1/2/3", 1 / 2 / 3), ("1 - -1", 2.0),
        ("-(-0.5)", 0.5), ("3·0.1÷2", 3 * 0.1 / 2), ("10^-3*1.571", 10**-3 * 1.571), ("(1 + 1)%", 0.02),
        ("(" * 40 + "1" + ")" * 40, 1.0), ("0.5-0.5", 0.0), ("1/8*10^2", 12.5),
        ("np.float64(-0.547)", -0.547), ("numpy.float32(0.5)", 0.5), ("array([0.5])", 0.5), ("np.array([0.5])", 0.5),
        ("array([[0.5]], dtype=float32)", 0.5), ("tensor(0.5)", 0.5), ("float('0.5')", 0.5), ("np.int64(0)", 0.0),
    ],
)  # fmt: skip
def test_parse_digits__computed_text_is_read_like_a_float(text, value):
    reading = parse_digits(text)
    assert reading.value == pytest.approx(value, rel=1e-15)
    assert not reading.written
    assert read_answer(text) == read_answer(reading.value)


@pytest.mark.parametrize(
    "text",
    [
        "0,25,3", "1,234.5", "[1, 2]", "[1,2]", "(1, 2)", "(0,25)", "array([1,2])", "float(0,5)", "1/8×10^2", "1 000",
        "9**9**9**9", "9**9**9**9*0", "(-8)**0.5", "1/(1-1)", "1e308*10", "2*1e-9999999999", "1e-9999999999999999999",
        "1e999999999", "10⁻⁹⁹⁹⁹⁹⁹⁹⁹⁹", "1(2)", "7//2", "7%2", "1<2", "()", "...", "--1", "[0.5", "(0.5", "0.5)",
        "$0.5", "50 % %", "%", "exp(-0.5)", "round(1, 2, 3)", "round(0.5, -1)", "round(0.5, 999)", "∞", "−∞", "nan",
        "np.float64(nan)", "(" * 99, "-" * 99, "1" + "+1" * 60, "[" * 50 + "1" + "]" * 49, "0x10", "1_000",
    ],
)  # fmt: skip
def test_parse_digits__unclear_or_endless_text_is_refused(text):
    with pytest.raises(ValueError, match=r"^needed one number, such as .*; got "):
        parse_digits(text)


def test_parse_digits__random_texts_raise_nothing_but_value_error():
    rng = np.random.default_rng(1)
    pieces = [
        *"0123456789.,-+*/^()[]{}$%=≈~eE '\"·×⁻²",
        "**",
        "array(",
        "round(",
        "np.float64(",
        r"\cdot",
        "٣",
        "10",
        "\n",
    ]
    for _ in range(20_000):
        text = "".join(rng.choice(pieces, rng.integers(1, 14)))
        try:
            reading = parse_digits(text)
        except ValueError:
            continue
        assert np.isfinite([reading.value, reading.half_unit]).all(), text
        assert reading.digits >= 1


# Numbers of any type


@pytest.mark.parametrize(
    "answer",
    [
        0.082, [0.082], (0.082,), [[0.082]], np.array(0.082), np.array([0.082]), np.full((1, 1, 1), 0.082),
        np.float64(0.082), np.float32(0.082), np.float16(0.082), np.array([0.082], dtype=np.float32),
        np.array([[0.082]], dtype=object), Fraction(41, 500), np.array(["0.082"], dtype=object).tolist(), ["8.2 %"],
        Decimal("0.082"), np.str_("0.082"), np.longdouble("0.082"),
    ],
)  # fmt: skip
def test_read_answer__one_number_in_any_type(answer):
    assert read_answer(answer).value == pytest.approx(0.082, rel=1e-3)
    assert read_answer(answer).digits == 2


def test_read_answer__text_and_decimals_keep_their_zeros():
    for answer in ("0.500", Decimal("0.500"), ["0.500"], np.array("0.500"), "[0.500]"):
        assert (read_answer(answer).digits, read_answer(answer).written) == (3, True), answer
    assert not read_answer([0.5]).written


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (True, "got a bool"), (np.bool_(True), "got a bool"), ([True], "got a list"), ([1, 2], "got a list"),
        ((0, 25), "use a decimal point, or quotes"), (10**400, "too large for a float"), ([None], "got a list"),
        (Fraction(10**400, 3), "too large"), (np.nan, "finite number; got nan"), (-np.inf, "finite number; got -inf"),
        (np.timedelta64(5, "s"), "got a timedelta64"), (datetime.timedelta(1), "got a timedelta"), ({0.5}, "got a set"),
        (np.zeros((2, 3)), r"got an array of shape \(2, 3\)"), (b"0.5", "got a bytes"), (1j, "got a complex"),
        (np.ma.array([0.5], mask=False), r"got an array of shape \(1,\)"), (iter([0.5]), "got a list_iterator"),
        (Decimal("NaN"), "got 'NaN'"), (Decimal("1e-99999999"), "got '1E-99999999'"), (object(), "got an object"),
    ],
)  # fmt: skip
def test_read_answer__not_one_number(answer, message):
    with pytest.raises(ValueError, match=message):
        read_answer(answer)


def test_is_nothing__dots_none_and_blank_text():
    assert all(map(is_nothing, (..., None, "", " \n")))
    assert not any(map(is_nothing, (0, "0", [], [...])))


def fails(*_, **__):
    raise error_now


error_now: BaseException = RuntimeError()
METHODS = [
    "__float__", "__str__", "__repr__", "__len__", "__iter__", "__getitem__", "__bool__", "__eq__", "__hash__",
    "__format__", "__index__", "__array__", "__add__", "__lt__", "strip", "replace", "translate", "copy", "item",
    "__array_finalize__", "__getattr__", "is_integer", "as_tuple",
]  # fmt: skip
PROPERTIES = ["__class__", "dtype", "shape", "size", "ndim", "flat", "T"]


def hostile_objects():
    """Return objects of many types whose methods and properties fail."""
    space = {**dict.fromkeys(METHODS, fails), **dict.fromkeys(PROPERTIES, property(fails))}
    arrays = type("Hostile", (np.ndarray,), {key: value for key, value in space.items() if key != "__array_finalize__"})
    meta = type("Meta", (type,), dict.fromkeys(("__hash__", "__eq__", "__repr__", "__instancecheck__"), fails))
    odd = type("Odd", (type,), {"__name__": property(fails), "__getattribute__": fails})
    made = [type("Hostile", (base,), space) for base in (object, str, float, int, list, tuple, Decimal, Fraction, dict)]
    values = [(), ("0.5",), (0.5,), (5,), ([0.5, 1.0],), ((0.5, 1.0),), ("0.5",), (), ()]
    found = [kind.__new__(kind, *value) for kind, value in zip(made, values, strict=True)]
    list.extend(found[4], [0.5, 1.0])
    return [*found, np.zeros((2, 2)).view(arrays), meta("Hostile", (), {})(), odd("Hostile", (float,), {})(0.5)]


def nested(value, levels):
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("error", [RuntimeError, ValueError, RecursionError, KeyError, OverflowError, MemoryError])
@pytest.mark.parametrize("read", [read_answer, read_array])
def test_read__hostile_objects_raise_nothing_but_value_error(read, error, monkeypatch):
    monkeypatch.setitem(globals(), "error_now", error(object()))
    for answer in hostile_objects():
        for given in (answer, [answer], nested(answer, 2), [answer, answer], {1: answer}):
            assert refusal(read, given)[:7] in ("", "needed ")


def test_read_answer__an_interrupt_is_not_swallowed(monkeypatch):
    monkeypatch.setitem(globals(), "error_now", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        read_answer(type("Slow", (float,), {"__float__": fails})(0.5))


def test_read__random_objects_raise_nothing_but_value_error():
    rng = np.random.default_rng(2)
    endless = []
    endless.append(endless)
    leaves = [0.5, "0,5", ..., None, True, 1j, 10**400, np.nan, b"1", {1}, {}, "[1, 2]", "array(", "[[1 2]\n [3 4]]"]
    leaves += [np.zeros((1, 2)), np.float32(1), np.array("x"), np.datetime64("nat"), datetime.datetime(2020, 1, 1), len]
    leaves += [np.zeros(2, dtype="i4,f8"), np.ma.masked, endless, range(3), slice(1), (each for each in [1])]

    def random_object(levels):
        if levels == 0 or rng.random() < 0.3:
            return leaves[rng.integers(len(leaves))]
        made = [random_object(levels - 1) for _ in range(rng.integers(0, 4))]
        return tuple(made) if rng.random() < 0.3 else made

    for _ in range(3000):
        answer = random_object(5)
        assert len(refusal(read_answer, answer)) < 200
        if said := refusal(read_array, answer):
            assert 10 < len(said) < 200
        else:
            assert all(len(refusal(read_answer, entry)) < 200 for entry in read_array(answer).flat)


# Arrays


@pytest.mark.parametrize(
    "answer",
    [
        [[0.1, 0.2], [0.3, 0.4]], ((0.1, 0.2), [0.3, 0.4]), np.array([[0.1, 0.2], [0.3, 0.4]]),
        [np.array([0.1, 0.2]), np.array([0.3, 0.4])], [["0.1", "0,2"], ["3/10", 0.4]],
        np.float32([[0.1, 0.2], [0.3, 0.4]]), np.array([["0.1", "0,2"], ["0.3", "0.4"]]),
        "[[0.1, 0.2], [0.3, 0.4]]", "array([[0.1, 0.2],\n       [0.3, 0.4]])", "[[0.1 0.2]\n [0.3 0.4]]",
        "np.array([[0.1, 0.2], [0.3, 0.4]], dtype=float32)", "[['0.1', '0,2'], [\"0.3\", '0.4'],]",
        " [[.1 .2] [.3 .4]]",
        "[[np.float64(0.1), np.float64(0.2)], [3/10, 0.2*2]]",
    ],
)  # fmt: skip
def test_read_array__forms_of_a_table(answer):
    array = read_array(answer)
    assert array.dtype == object
    assert [[read_answer(entry).value for entry in row] for row in array] == [[0.1, 0.2], [0.3, 0.4]]


def test_read_array__shapes():
    assert read_array(0.5).shape == read_array("0.5").shape == read_array(np.array(0.5)).shape == ()
    assert read_array(range(3)).shape == read_array("[1 2 3]").shape == (3,)
    assert read_array(np.zeros((2, 3, 4))).shape == (2, 3, 4)
    assert read_array([[..., None]]).tolist() == [[..., None]]


def test_read_array__text_of_a_person_keeps_its_digits():
    assert [read_answer(each).digits for each in read_array("[0.50, 0.25]")] == [2, 2]
    printed = read_array("[0.5  0.25]")
    assert not any(read_answer(each).written for each in printed)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([[1, 2, 3], [4], [5, 6, 7]], "equal length; row 2 has 1 number, the others have 3$"),
        ("[[1, 2, 3], [4, 5, 6], [7, 8]]", "equal length; row 3 has 2 numbers, the others have 3$"),
        ([[1, 2], [3]], "equal length; row 2 has 1 number, row 1 has 2$"),
        ([[1], [1, 2], [1, 2, 3]], "equal length; row 1 has 1 number, row 3 has 3$"),
        ([1, [2, 3]], "equal length; row 1 has no brackets, row 2 has 2 numbers$"),
        ([np.zeros((2, 2)), np.zeros((2, 3))], r"row 1 has shape \(2, 2\), row 2 has shape \(2, 3\)$"),
        (np.ma.array([1.0]), "without a mask"), ([np.ma.array([1.0])], "without a mask"), (nested(1, 4), "3 levels"),
        (np.zeros((1, 1, 1, 1)), "3 levels"), ("[[[[1]]]]", "3 levels"), ("[" * 999, "too many"), ([], "an empty one"),
        ([[1], []], "an empty row"), ("[]", "an empty one"), (np.zeros((0, 3)), "an empty one"), ("[1, 2", "match"),
        ("[1]]", "match"), ("[1][2]", "match"), ("[0,1 0,2]", "got both"), ("[0.1 -0.2, 3]", "got both"),
        ("hello", "got 'hello'"), ({1, 2}, "got a set"), ({}, "got a dict"), (True, "got a bool"), (b"[1]", "a bytes"),
        ("1" * 300_000, "200,000 characters"),
    ],
)  # fmt: skip
def test_read_array__says_what_is_wrong(answer, message):
    with pytest.raises(ValueError, match=message):
        read_array(answer)


def test_read_array__too_many_numbers_are_refused_quickly():
    many, endless = [0.1] * MOST_NUMBERS, []
    endless.append(endless)
    texts = ["[" + "1," * 99_000 + "]", "array(" + ", dtype=a" * 20_000, "array(" + ")" * 190_000 + "x", "['," * 60_000]
    for answer in (
        *(range(10**6), range(10**30), [0.1] * 10**6, [[0.1]] * 10**6, [many] * 10**5, [[[]] * 10**5] * 10**5, endless),
        *(np.broadcast_to(0.5, (10**6, 10**6)), np.zeros((10**9, 0)), np.zeros(10**6), *texts),
    ):
        assert len(refusal(read_array, answer)) < 200


# Where answers are marked


@pytest.mark.parametrize("form", ["{}", "np.float64({})", "[{}]", "= {}.", "${}$", "{}*1", "round({}, 6)", "2*({}/2)"])
def test_check__pasted_forms_of_the_right_answer(form):
    trace = EXAMPLES["mazur"].backprop()
    assert check(trace, "dW2[1,1]", form.format("0.082167")).status == "correct"


def test_parse_number__gives_explorers_the_same_forms():
    assert parse_number("≈ 17.8 %") == 0.178
    assert parse_number("(0.7 - 1)*0.5") == pytest.approx(-0.15)
