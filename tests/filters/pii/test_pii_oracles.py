"""Against programs that know the same rules: python-stdnum, ipaddress, phonenumbers; and against Faker's values."""

import ipaddress
import random

import phonenumbers
import pytest
from faker import Faker
from faker.providers.credit_card import Provider
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat
from stdnum import iban as stdnum_iban
from stdnum import luhn
from stdnum.us import ssn as stdnum_ssn

from aligntax_kernels import pii
from aligntax_kernels.pii.countries import calling_codes, iban_structures
from aligntax_kernels.pii.issuers import ISSUERS

# Numbers that were printed in advertisements, and which nobody has; the rules of the ranges do not exclude them.
PRINTED_SSNS = {"078-05-1120", "219-09-9999", "457-55-5462"}
PLACE_OF_KIND = {"n": "0123456789", "a": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "c": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def whole(text, kind, **options):
    return [hit[:3] for hit in pii.find(text, [kind], **options)] == [(0, len(text), kind)]


@st.composite
def ibans(draw, valid):
    country = draw(st.sampled_from(sorted(iban_structures())))
    account = "".join(draw(st.sampled_from(PLACE_OF_KIND[kind])) for kind in iban_structures()[country])
    digits = stdnum_iban.calc_check_digits(country + "00" + account)
    if not valid:
        digits = draw(st.sampled_from([f"{value:02}" for value in range(100) if f"{value:02}" != digits]))
    return country + digits + account


@given(ibans(valid=True), st.sampled_from(["", " ", "-", "\u00a0"]))
@settings(deadline=None)
def test_every_valid_iban_is_found(number, separator):
    assert stdnum_iban.is_valid(number, check_country=False)
    groups = separator.join(number[at : at + 4] for at in range(0, len(number), 4))
    assert whole(groups, "iban")


@given(ibans(valid=False))
@settings(deadline=None)
def test_no_iban_with_other_check_digits_is_found(number):
    # 00 and 97, 01 and 98, 02 and 99 leave the same remainder; stdnum takes each of them as well.
    assert whole(number, "iban") == stdnum_iban.is_valid(number, check_country=False)


def test_the_countries_of_ibans_are_those_of_stdnum():
    for country, structure in iban_structures().items():
        account = "".join({"n": "1", "a": "A", "c": "A"}[kind] for kind in structure)
        number = country + stdnum_iban.calc_check_digits(country + "00" + account) + account
        assert stdnum_iban.is_valid(number, check_country=False), country
    unknown = [a + b for a in PLACE_OF_KIND["a"] for b in PLACE_OF_KIND["a"] if a + b not in iban_structures()]
    assert len(unknown) == 676 - len(iban_structures())
    for country in unknown:
        number = country + stdnum_iban.calc_check_digits(country + "00" + "1" * 16) + "1" * 16
        assert not stdnum_iban.is_valid(number, check_country=False), country


@st.composite
def cards(draw):
    issuer = draw(st.sampled_from(ISSUERS))
    length = draw(st.sampled_from([size for size in issuer.lengths if size >= 13]))
    first = str(draw(st.integers(issuer.low, issuer.high)))
    return first + draw(st.text("0123456789", min_size=length - 6, max_size=length - 6))


@given(cards())
@settings(deadline=None)
def test_a_card_is_found_where_its_check_digit_is_right(number):
    assert whole(number, "card") == luhn.is_valid(number)
    number = number[:-1] + luhn.calc_check_digit(number[:-1])
    assert whole(number, "card")


@given(st.text("0123456789", min_size=13, max_size=19))
@settings(deadline=None)
def test_no_number_without_its_check_digit_is_a_card(number):
    if not luhn.is_valid(number):
        assert pii.find(number, ["card"]) == []


@given(st.integers(0, 999), st.integers(0, 99), st.integers(0, 9999))
@settings(max_examples=400, deadline=None)
def test_ssns_are_those_of_stdnum(area, group, serial):
    number = f"{area:03}-{group:02}-{serial:04}"
    assert whole(number, "ssn") == (stdnum_ssn.is_valid(number) or number in PRINTED_SSNS)


@pytest.mark.parametrize("number", sorted(PRINTED_SSNS))
def test_printed_ssns_are_found_though_stdnum_does_not_count_them(number):
    assert not stdnum_ssn.is_valid(number)
    assert whole(number, "ssn")


@given(st.ip_addresses(v=4))
@settings(deadline=None)
def test_every_ipv4_address_is_found(address):
    assert whole(str(address), "ip")


@given(st.lists(st.integers(0, 300), min_size=3, max_size=5), st.sampled_from(["", "0"]))
@settings(deadline=None)
def test_what_is_no_ipv4_address_is_not_found(numbers, zero):
    text = ".".join(map(str, numbers[:-1])) + f".{zero}{numbers[-1]}"
    assert whole(text, "ip") == is_address(ipaddress.IPv4Address, text)


def is_address(kind, text):
    try:
        kind(text)
    except ValueError:
        return False
    return True


def ipv6_forms(address):
    groups = address.exploded.split(":")
    tail = str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    yield str(address)
    yield address.exploded
    yield str(address).upper()
    yield ":".join(groups[:6]) + ":" + tail
    yield ":".join(group.lstrip("0") or "0" for group in groups)


# Few values of few digits make runs of zeros and short groups, as real addresses have them.
parts = st.lists(st.sampled_from([0, 0, 1, 0x2001, 0xDB8, 0xFFFF, 0xA]), min_size=8, max_size=8)


@given(st.ip_addresses(v=6) | parts.map(lambda p: ipaddress.IPv6Address(":".join(f"{value:x}" for value in p))))
@settings(deadline=None)
def test_every_form_of_an_ipv6_address_is_found(address):
    for text in ipv6_forms(address):
        assert int(ipaddress.IPv6Address(text)) == int(address)
        # At the least confidence, since a form without any digit could be a name in a program.
        assert whole(text, "ip", minimum=0.1) == (text != "::")


@given(st.text("01aF:.", min_size=2, max_size=24))
@settings(max_examples=2000, deadline=None)
def test_what_is_no_ipv6_address_is_not_found(text):
    if whole(text, "ip", minimum=0.1):
        assert is_address(ipaddress.ip_address, text)
    elif is_address(ipaddress.IPv6Address, text):
        assert text == "::"


def example_numbers():
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in phonenumbers.PhoneNumberType.values():
            number = phonenumbers.example_number_for_type(region, kind)
            if number is not None and phonenumbers.is_valid_number(number):
                yield number
    for code in phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS:
        yield phonenumbers.example_number_for_non_geo_entity(code)


@pytest.mark.parametrize("form", ["E164", "INTERNATIONAL", "RFC3966"])
def test_every_example_number_of_every_region_is_found_in_international_form(form):
    numbers = list(example_numbers())
    assert len(numbers) > 1_300
    for number in numbers:
        text = phonenumbers.format_number(number, getattr(PhoneNumberFormat, form))
        value = text.removeprefix("tel:")
        hits = pii.find(text, ["phone"])
        assert [text[hit.start : hit.end] for hit in hits] == [value]


@pytest.mark.parametrize(("before", "least"), [("", 0.53), ("Tel.: ", 0.93)])
def test_national_forms_are_found_more_often_behind_a_word_for_phone(before, least, record_property):
    texts = [before + phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL) for number in example_numbers()]
    found = sum([hit[:2] for hit in pii.find(text, ["phone"])] == [(len(before), len(text))] for text in texts)
    record_property("rate", found / len(texts))
    assert found / len(texts) >= least


def test_calling_codes_and_lengths_are_those_of_phonenumbers():
    lengths = {}
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        for region in regions:
            read = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, region)
            lengths.setdefault(code, set()).update(read.general_desc.possible_length)
    assert calling_codes() == lengths


@pytest.mark.parametrize(
    ("kind", "provider"),
    [
        ("email", "email"),
        ("email", "company_email"),
        ("email", "free_email"),
        ("iban", "iban"),
        ("ip", "ipv4"),
        ("ip", "ipv6"),
        ("ssn", "ssn"),
    ],
)
@pytest.mark.parametrize("locale", ["en_US", "de_DE", "fr_FR", "ja_JP"])
def test_what_faker_makes_is_found(kind, provider, locale):
    faker = Faker("en_US" if kind == "ssn" else locale)
    faker.seed_instance(3)
    for _ in range(50):
        value = getattr(faker, provider)()
        assert whole(value, kind), value


def test_fakers_cards_are_found_unless_they_are_shorter_than_cards_are_now():
    faker = Faker()
    faker.seed_instance(3)
    for kind in Provider.credit_card_types:
        for _ in range(20):
            number = faker.credit_card_number(kind)
            assert whole(number, "card") == (len(number) >= 13), (kind, number)


def test_random_digits_are_rarely_a_card():
    draw = random.Random(5)
    numbers = ["".join(draw.choices("0123456789", k=16)) for _ in range(2_000)]
    assert sum(whole(number, "card") for number in numbers) < 0.05 * len(numbers)
