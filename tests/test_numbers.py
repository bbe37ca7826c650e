"""Numbers: written with significant digits, and read as people write them."""

from __future__ import annotations

import copy
import math
import pickle
from decimal import Decimal

import numpy as np
import pytest

from bpcourse import EXAMPLES, check, format_number, parse_number
from bpcourse.numbers import MINUS, Reading, format_given, parse_digits


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.000438567, "0.0004386"),
        (0.08223, "0.08223"),
        (0.5, "0.5000"),
        (-0.5, "−0.5000"),
        (3, "3.000"),
        (12.3456, "12.35"),
        (1234.56, "1235"),
        (12345.6, "12346"),
        (-123456.7, "−123457"),
        (1234567.8, "1234568"),
        (12345678.9, "1.235e7"),
        (0, "0"),
        (0.0, "0"),
        (-0.0, "0"),
        (math.nan, "nan"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (0.99996, "1.000"),
        (-0.99996, "−1.000"),
        (9.9996, "10.00"),
        (0.099996, "0.1000"),
        (9999.96, "10000"),
        (9999999.9, "1.000e7"),
        (0.0001, "0.0001000"),
        (0.0000999999, "0.0001000"),
        (0.0000999, "9.990e−5"),
        (8.533047625744065e-17, "8.533e−17"),
        (-8.533047625744065e-17, "−8.533e−17"),
        (5e-324, "4.941e−324"),
        (1.7976931348623157e308, "1.798e308"),
        (np.float32(0.1), "0.1000"),
        (np.float64(-2.5), "−2.500"),
    ],
)
def test_format_number__four_significant_digits(value, text):
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0822, "+0.08220"), (-0.0822, "−0.08220"), (0.0, "0"), (-0.0, "0"), (math.inf, "+∞"), (math.nan, "nan")],
)
def test_format_number__signed(value, text):
    assert format_number(value, signed=True) == text


@pytest.mark.parametrize(
    ("digits", "text"), [(1, "0.07"), (2, "0.066"), (3, "0.0656"), (6, "0.0656250"), (9, "0.0656250000")]
)
def test_format_number__other_numbers_of_digits(digits, text):
    assert format_number(0.065625, digits) == text  # 21/320 is exact in binary: 0.065625 and zeros


def random_values():
    rng = np.random.default_rng(4)
    powers = np.concatenate([rng.uniform(-8, 9, 500), rng.uniform(-300, 300, 500)])
    return (rng.choice([-1, 1], 1000) * 10**powers).tolist()


def is_right_to_its_last_digit(value, text):
    """Return whether `text` is within half a unit of its last digit of `value`."""
    written = Decimal(text.replace(MINUS, "-"))
    unit = Decimal(1).scaleb(written.as_tuple().exponent)
    return abs(Decimal(value) - written) <= unit / 2


@pytest.mark.parametrize("digits", [1, 3, 4, 8])
def test_format_number__right_to_the_last_digit(digits):
    for value in random_values():
        text = format_number(value, digits)
        assert is_right_to_its_last_digit(value, text), (value, text)
        assert len(Decimal(text.replace(MINUS, "-")).as_tuple().digits) >= digits, (value, text)
        assert parse_number(text) == float(text.replace(MINUS, "-"))
        assert "-" not in text


def test_is_right_to_its_last_digit__notices_a_wrong_digit():
    assert is_right_to_its_last_digit(0.12344, "0.1234")
    assert is_right_to_its_last_digit(-12346.4, "−12346")
    for value, text in [
        (0.12344, "0.1235"),
        (0.12346, "0.1234"),
        (0.5, "−0.5000"),
        (1e-9, "0.0000"),
        (12345.6, "12345"),
    ]:
        assert is_right_to_its_last_digit(value, text) == (text == "0.0000")  # that one is right, and says nothing


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.0822", 0.0822),
        ("-0,08", -0.08),
        ("−8.2e−2", -0.082),
        ("1/4", 0.25),
        ("8.2 × 10⁻²", 0.082),
        ("8.2*10^-2", 0.082),
        ("8.2·10^(-2)", 0.082),
        ("8.2 · 10^−2", 0.082),
        ("8,2 * 10**-2", 0.082),
        ("6.02×10²³", 6.02e23),
        ("8.2⋅10⁻²", 0.082),
        ("8.2x10^-2", 0.082),
        ("10^-2", 0.01),
        ("10⁻²", 0.01),
        ("10**3", 1000.0),
        ("10", 10.0),
        ("10/4", 2.5),
        ("+.5", 0.5),
        (",5", 0.5),
        ("5.", 5.0),
        ("5", 5.0),
        ("1e3", 1000.0),
        ("+1E+3", 1000.0),
        ("–0.5", -0.5),  # an en dash, which word processors write
        ("−1/3", -1 / 3),
        ("1 / 3", 1 / 3),
        ("-1/-4", 0.25),
        ("0,5/2", 0.25),
        (" 0.5 ", 0.5),
        ("\N{NO-BREAK SPACE}0.5\n", 0.5),
        ("007", 7.0),
        ("0", 0.0),
        ("-0.0", 0.0),
        ("0/3", 0.0),
        ("1e-400", 0.0),
        ("5e-324", 5e-324),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("0.1000000000000000055511151231257827", 0.1),
    ],
)
def test_parse_number__accepted_forms(text, value):
    assert parse_number(text) == value


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "abc", "nan", "NaN", "inf", "-inf", "∞", "−∞", "None", "True", "x", "0.5x", "½", "²", "5²"),
        *("1,234.5", "1.234,5", "1,2,3", "1 2", "1\n2", "1_000", "1'000", "1..2", ".", ",", "-", "+", "--1", "+-1"),
        *(
            "e5",
            "1e",
            "1e5.5",
            "1e²",
            "0x10",
            "1j",
            "1;",
            "1e-9999999999999999999",
            "1e999999999",
            "1/8×10^2",
            "0e400",
            "1e9999999999999999999",
            "10^⁻",
            "10⁻⁻2",
            "/2",
        ),
        *(
            "1/",
            "1/0",
            "0/0",
            "1/0.0",
            "1/1e-400",
            "1e999",
            "-1e999",
            "1e308/1e-308",
            "1e999/1e999",
        ),
        *("__import__('os')", "__import__('os').getcwd()", "lambda: 1", "1if 1else 2", "{}", "\x00", "1\x00"),
    ],
)
def test_parse_number__anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"^needed one number, such as 0\.0822, -0,08, 8\.2e-2 or 1/3; got ") as caught:
        parse_number(text)
    assert str(caught.value).endswith(f"got {text!r}")


@pytest.mark.parametrize("text", ["9" * 5000, "1/" * 3000, "1" + " " * 5000 + "2", "0." + "1" * 100, "-" * 3000])
def test_parse_number__long_text_is_refused_and_shortened(text):
    with pytest.raises(ValueError, match="needed one number") as caught:
        parse_number(text)
    assert len(str(caught.value)) < 150
    assert "…" in str(caught.value)


@pytest.mark.parametrize("value", [None, 0.5])
def test_parse_number__not_text(value):
    with pytest.raises((TypeError, ValueError), match="needed one number"):
        parse_number(value)


def test_parse_number__reads_what_format_number_writes():
    assert parse_number(format_number(-8.533047625744065e-17)) == -8.533e-17
    assert parse_number(format_number(0.0822, signed=True)) == 0.0822


@pytest.mark.parametrize("value", [[0.5, 1.0], "0.5", None, 1j])
def test_format_number__takes_only_one_real_number(value):
    with pytest.raises(TypeError, match="format_number takes one real number; got"):
        format_number(value)


@pytest.mark.parametrize("text", ["1e-9999999999999999999", "0e400", "0e9999999999999999999", "1e9999999999999999999"])
def test_check__a_huge_exponent_is_answered(text):
    assert check(EXAMPLES["lecture"].backprop(), "loss", text).status != "correct"


class FailsToBeAFloat(float):
    def __float__(self):
        raise RuntimeError("no")


def nested(levels):
    value = 0.5
    for _ in range(levels):
        value = [value]
    return value


def test_check__odd_objects_are_answered():
    trace, endless = EXAMPLES["lecture"].backprop(), []
    endless.append(endless)
    for answer in (np.timedelta64(5, "s"), FailsToBeAFloat(0.3), nested(40), endless):
        for name in ("loss", "dW1"):
            assert check(trace, name, answer).status in ("unreadable", "wrong"), name


def test_parse_number__random_texts_raise_nothing_but_value_error():
    rng = np.random.default_rng(0)
    letters = list("0123456789" * 2 + "..,,-−–+eE/x×·*^() 10⁻²³")
    for _ in range(20_000):
        text = "".join(rng.choice(letters, rng.integers(1, 14)))
        try:
            reading = parse_digits(text)
        except ValueError:
            continue
        assert math.isfinite(reading.value)
        assert math.isfinite(reading.half_unit)


@pytest.mark.parametrize(
    ("text", "digits", "half_unit"),
    [
        ("0.0820", 3, 5e-5),
        ("-8", 1, 0.5),
        ("120", 3, 0.5),
        ("1.5e3", 2, 50),
        ("8.2×10⁻²", 2, 5e-4),
        ("1/4", 15, 2.5e-16),
        ("150/1000", 3, 5e-4),  # a decimal in other words
        ("-2,5/100", 2, 5e-4),
        ("1/1", 15, 1e-15),
    ],
)
def test_parse_digits__how_exactly_it_was_written(text, digits, half_unit):
    reading = parse_digits(text)
    assert (reading.digits, reading.half_unit) == (digits, pytest.approx(half_unit))


def test_format_given__no_trailing_zeros():
    assert format_given(0.30000000000000004) == "0.3"
    assert format_given(-2.5e10) == "−2.5e10"


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_reading__survives_copying_and_pickling(again):
    assert again(parse_digits("0.0820")) == Reading(0.082, 3, 5e-5)
