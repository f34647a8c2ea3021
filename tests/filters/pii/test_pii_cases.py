"""What is found and what is not, case by case, by every backend."""

import pytest

from aligntax_kernels import pii

NOTHING = []


def one(kind, value):
    return [(kind, value)]


EMAILS = {
    "write to john.doe+news@mail.example.co.uk.": one("email", "john.doe+news@mail.example.co.uk"),
    "<JOHN@EXAMPLE.COM>": one("email", "JOHN@EXAMPLE.COM"),
    "o'brien_99%x@a-b.io": one("email", "o'brien_99%x@a-b.io"),
    "'john@example.com'": one("email", "john@example.com"),
    "user=john@example.com;": one("email", "john@example.com"),
    "müller@exämple.de": one("email", "müller@exämple.de"),
    "почта@пример.рф": one("email", "почта@пример.рф"),
    "メールはtaro@example.jpまで": one("email", "taro@example.jp"),
    "x@xn--p1ai.xn--p1ai": one("email", "x@xn--p1ai.xn--p1ai"),
    "_john@example.com_": one("email", "_john@example.com"),
    "a..b@example.com": one("email", "b@example.com"),
    "--b@example.com--": one("email", "b@example.com"),
    "@user@mastodon.social": one("email", "user@mastodon.social"),
    "a@b.com@c.com": one("email", "a@b.com"),
    "john@example.com.5": one("email", "john@example.com"),
    "a@b.c.d.e.fr": one("email", "a@b.c.d.e.fr"),
    "4155552671@example.com": one("email", "4155552671@example.com"),
    "030-123456.x@example.com": one("email", "030-123456.x@example.com"),
    "x" * 64 + "@example.com": one("email", "x" * 64 + "@example.com"),
    "x" * 65 + "@example.com": NOTHING,
    "a@" + "b" * 63 + ".com": one("email", "a@" + "b" * 63 + ".com"),
    "a@" + "b" * 64 + ".com": NOTHING,
    "a@" + "b." * 100 + "com": one("email", "a@" + "b." * 100 + "com"),
    "a@" + "b." * 200 + "com": NOTHING,
    "john@localhost": NOTHING,
    "john@example.c": NOTHING,
    "john@example.c0m": NOTHING,
    "john@-example.com": NOTHING,
    "john.@example.com": NOTHING,
    "a@b@c.com": NOTHING,
    "icon@2x.png and lodash@4.17.21": NOTHING,
    "@app.route('/x') meet @ 5pm a @ b.com": NOTHING,
}
IBANS = {
    "IBAN GB82 WEST 1234 5698 7654 32.": one("iban", "GB82 WEST 1234 5698 7654 32"),
    "GB82WEST12345698765432": one("iban", "GB82WEST12345698765432"),
    "GB82-WEST-1234-5698-7654-32": one("iban", "GB82-WEST-1234-5698-7654-32"),
    "GB82\u00a0WEST\u00a01234\u00a05698\u00a07654\u00a032": one(
        "iban", "GB82\u00a0WEST\u00a01234\u00a05698\u00a07654\u00a032"
    ),
    "NO9386011117947": one("iban", "NO9386011117947"),
    "MT84MALT011000012345MTLCAST001S": one("iban", "MT84MALT011000012345MTLCAST001S"),
    "de89370400440532013000": one("iban", "de89370400440532013000"),
    "(DE89 3704 0044 0532 0130 00 2 days)": one("iban", "DE89 3704 0044 0532 0130 00"),
    "GB82WEST12345698765433": NOTHING,
    "GB82WEST1234569876543": NOTHING,
    "GB82WEST123456987654321": NOTHING,
    "XGB82WEST12345698765432": NOTHING,
    "XX82WEST12345698765432": NOTHING,
    "GB821234WEST5698765432": NOTHING,
    "GB82  WEST12345698765432": NOTHING,
}
ADDRESSES = {
    "10.0.0.1": one("ip", "10.0.0.1"),
    "http://192.168.1.20:8080/x": one("ip", "192.168.1.20"),
    "10.0.0.0/8": one("ip", "10.0.0.0"),
    "10.0.0.1-10.0.0.20": [("ip", "10.0.0.1"), ("ip", "10.0.0.20")],
    "from 8.8.8.8, to 1.1.1.1.": [("ip", "8.8.8.8"), ("ip", "1.1.1.1")],
    "ssh root@10.1.2.3": one("ip", "10.1.2.3"),
    "the version check failed for host 10.0.0.1": one("ip", "10.0.0.1"),
    "This version is old. Use 10.0.0.1": one("ip", "10.0.0.1"),
    "256.1.1.1 1.2.3 1.2.3.4.5 01.2.3.4 x1.2.3.4 1.2.3.4x v1.2.3.4": NOTHING,
    "version 1.2.3.4, Chrome/120.0.0.0": NOTHING,
    "2001:db8::1": one("ip", "2001:db8::1"),
    "2001:0DB8:0000:0000:0000:0000:0000:0001": one("ip", "2001:0DB8:0000:0000:0000:0000:0000:0001"),
    "1:2:3:4:5:6:7:8": one("ip", "1:2:3:4:5:6:7:8"),
    "1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8": [("ip", "1:2:3:4:5:6:7::"), ("ip", "::2:3:4:5:6:7:8")],
    "::1": one("ip", "::1"),
    "[::1]:80": one("ip", "::1"),
    "fe80::1%eth0": one("ip", "fe80::1"),
    "fe80::1: refused": one("ip", "fe80::1"),
    "2001:db8::/32.": one("ip", "2001:db8::"),
    "::ffff:1.2.3.4": one("ip", "::ffff:1.2.3.4"),
    "64:ff9b::192.0.2.33": one("ip", "64:ff9b::192.0.2.33"),
    "1:2:3:4:5:6:1.2.3.4": one("ip", "1:2:3:4:5:6:1.2.3.4"),
    ":: std::vector dead::beef a[::2] a[1::2] 12:34:56 00:1a:2b:3c:4d:5e": NOTHING,
    "00:1a:2b:ff:fe:3c:4d:5e 1:2:3:4:5:6:7:8:9 1:::2 12345::1 ::g 1::2::3": NOTHING,
    "::1.2.3 ::1.2.3.4.5 ::300.1.1.1": NOTHING,
}
CARDS = {
    "4111111111111111": one("card", "4111111111111111"),
    "4111 1111 1111 1111 12/27 123": one("card", "4111 1111 1111 1111"),
    "4111-1111-1111-1111": one("card", "4111-1111-1111-1111"),
    "4111.1111.1111.1111": one("card", "4111.1111.1111.1111"),
    "1234 4111 1111 1111 1111": one("card", "4111 1111 1111 1111"),
    "card #5555555555554444": one("card", "5555555555554444"),
    "3782 822463 10005": one("card", "3782 822463 10005"),
    "30569309025904": one("card", "30569309025904"),
    "3056 930902 5904": one("card", "3056 930902 5904"),
    "4222222222222": one("card", "4222222222222"),
    "6304 0000 0000 0000 000": one("card", "6304 0000 0000 0000 000"),
    "2720 9983 7512 3455": NOTHING,
    "4111111111111112": NOTHING,
    "4111 1111-1111 1111": NOTHING,
    "41 11 1111 1111 1111": NOTHING,
    "14111111111111111": NOTHING,
    "x4111111111111111": NOTHING,
    "4111111111111111x": NOTHING,
    "2-4111111111111111": NOTHING,
    "4111111111111111-2": NOTHING,
    "1234567812345670": NOTHING,
    "0000000000000000": NOTHING,
}
SSNS = {
    "123-45-6789": one("ssn", "123-45-6789"),
    "899.99.9999": one("ssn", "899.99.9999"),
    "123 45 6789": one("ssn", "123 45 6789"),
    "SSN: 123456789": one("ssn", "123456789"),
    "123456789": NOTHING,
    "000-45-6789 666-45-6789 900-45-6789 123-00-6789 123-45-0000": NOTHING,
    "123-45-67890 4123-45-6789 9-123-45-6789 123-45-6789-1 123-45.6789": NOTHING,
    "1 123 45 6789 1": NOTHING,
}
PHONES = {
    "+1 415 555 2671": one("phone", "+1 415 555 2671"),
    "+14155552671": one("phone", "+14155552671"),
    "+1 (415) 555-2671 ext. 12": one("phone", "+1 (415) 555-2671 ext. 12"),
    "(+49) 30 123456": one("phone", "(+49) 30 123456"),
    "+44 (0)20 7946 0958": one("phone", "+44 (0)20 7946 0958"),
    "+49 30/123456": one("phone", "+49 30/123456"),
    "+49\u00a030\u00a0123456": one("phone", "+49\u00a030\u00a0123456"),
    "+33 (0)1 23 45 67 89": one("phone", "+33 (0)1 23 45 67 89"),
    "0049 30 123456": one("phone", "0049 30 123456"),
    "011 44 20 7946 0958": one("phone", "011 44 20 7946 0958"),
    "001-415-555-2671": one("phone", "001-415-555-2671"),
    "(415) 555-2671": one("phone", "(415) 555-2671"),
    "(415-555-2671)": one("phone", "415-555-2671"),
    "415-555-2671x123": one("phone", "415-555-2671x123"),
    "415.555.2671": one("phone", "415.555.2671"),
    "415 555 2671": one("phone", "415 555 2671"),
    "1-800-555-1234": one("phone", "1-800-555-1234"),
    "415\u2011555\u20112671": one("phone", "415\u2011555\u20112671"),
    "415-555-2671, 415-555-2672": [("phone", "415-555-2671"), ("phone", "415-555-2672")],
    "020 7946 0958": one("phone", "020 7946 0958"),
    "(020) 7946 0958": one("phone", "(020) 7946 0958"),
    "(030 123456)": one("phone", "030 123456"),
    "030 123456": one("phone", "030 123456"),
    "030 123456 (12 Uhr)": one("phone", "030 123456"),
    "0171/1234567 oder 0171 / 1234568": [("phone", "0171/1234567"), ("phone", "0171 / 1234568")],
    "01 23 45 67 89": one("phone", "01 23 45 67 89"),
    "01.23.45.67.89": one("phone", "01.23.45.67.89"),
    "0 801 23 45 67": one("phone", "0 801 23 45 67"),
    "0612345678": one("phone", "0612345678"),
    "08-40 95 37": one("phone", "08-40 95 37"),
    "8 (800) 123-45-67": one("phone", "8 (800) 123-45-67"),
    "8-800-555-35-35": one("phone", "8-800-555-35-35"),
    "(11) 96123-4567 ou 11 2345-6789": [("phone", "(11) 96123-4567"), ("phone", "11 2345-6789")],
    "電話は03-1234-5678です": one("phone", "03-1234-5678"),
    "tel. 612 345 678": one("phone", "612 345 678"),
    "call 555-2671": one("phone", "555-2671"),
    "phone: 4155552671": one("phone", "4155552671"),
    "order number? Phone 612 345 678": one("phone", "612 345 678"),
    "tel:+1-415-555-2671;ext=12": one("phone", "+1-415-555-2671"),
    "612 345 678": NOTHING,
    "555-2671": NOTHING,
    "4155552671": NOTHING,
    "order 0171-1234567": NOTHING,
    "The phone is red. Order 612 345 678": NOTHING,
    "+0 123456789 +1 23 +999 12345678 x+49301234567 1+4155552671": NOTHING,
    "#415-555-2671 $415-555-2671": NOTHING,
    "1415-555-2671 415-555-26711 415-555-2671-99 99-415-555-2671 a/415-555-2671": NOTHING,
    "115-555-2671 415-155-2671": NOTHING,
    "415-555-2671% 10:415-555-2671 415-555-2671:10": NOTHING,
    "01.02.2024 2024-01-15 10:30:00 01/02/2024 15": NOTHING,
    "1.2.3 2.14.0 0.123456789 052.5200 013.4050 52.520008, 13.404954": NOTHING,
    "01 02 03 04 05 06 07": NOTHING,
    "12 34 56 78 90 12": NOTHING,
    "012.345.678-90": NOTHING,
    "ISBN 0306406152 ISBN 0-306-40615-2 978-0-306-40615-7": NOTHING,
    "1700000000 1700000000000 20240115103045": NOTHING,
    "550e8400-e29b-41d4-a716-446655440000": NOTHING,
    "(2019) 1234-5678 (12) 3": NOTHING,
    "١٢٣-٤٥٦-٧٨٩٠ ４１５-５５５-２６７１": NOTHING,
}
OTHERS = {
    "": NOTHING,
    "nothing at all in here, only letters": NOTHING,
    "\0\0 \0": NOTHING,
    "john@example.com\x00415-555-2671": [("email", "john@example.com"), ("phone", "415-555-2671")],
    "\u202eשלום +972 50-234-5678 שלום": one("phone", "+972 50-234-5678"),
    "😀a@b.com😀10.0.0.1😀": [("email", "a@b.com"), ("ip", "10.0.0.1")],
    "e\u0301 415-555-2671 e\u0301": one("phone", "415-555-2671"),
    "192.168.100.200": one("ip", "192.168.100.200"),
    "pay DE89370400440532013000 or 4111111111111111, ssn 123-45-6789": [
        ("iban", "DE89370400440532013000"),
        ("card", "4111111111111111"),
        ("ssn", "123-45-6789"),
    ],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [item for table in (EMAILS, IBANS, ADDRESSES, CARDS, SSNS, PHONES, OTHERS) for item in table.items()],
)
def test_what_is_found(text, expected, backend, found):
    assert found(text, backend=backend) == expected
    as_bytes = [(kind, value.encode()) for kind, value in expected]
    assert found(text.encode(), backend=backend) == as_bytes


@pytest.mark.parametrize(
    ("text", "confidence"),
    [
        ("a@b.com", 0.95),
        ("GB82WEST12345698765432", 0.99),
        ("de89370400440532013000", 0.90),
        ("10.0.0.1", 0.90),
        ("version 10.0.0.1", 0.30),
        ("Chrome/120.0.0.0", 0.30),
        ("icon@2x.png", 0.40),
        ("dead::beef", 0.40),
        ("4111 1111 1111 1111", 0.99),
        ("4111111111111111", 0.95),
        ("4222222222222", 0.60),
        ("123-45-6789", 0.85),
        ("order 123-45-6789", 0.55),
        ("ssn 123-45-6789", 0.95),
        ("123456789", 0.30),
        ("+1 415 555 2671", 0.95),
        ("+14155552671", 0.90),
        ("+989601", 0.50),
        ("415-555-2671", 0.85),
        ("tel 415-555-2671", 0.95),
        ("order 415-555-2671", 0.55),
        ("415 555 2671", 0.70),
        ("4155552671", 0.40),
        ("tel 4155552671", 0.60),
        ("030 123456", 0.75),
        ("order 030 123456", 0.45),
        ("612 345 678", 0.30),
        ("電話：85-5439-5982", 0.50),
    ],
)
def test_confidence(text, confidence, backend):
    (hit,) = pii.find(text, minimum=confidence, backend=backend)
    assert hit.confidence == confidence
    assert pii.find(text, minimum=confidence + 0.01, backend=backend) in (
        [],
        pii.find(text, minimum=1, backend=backend),
    )


@pytest.mark.parametrize(
    ("text", "types", "expected"),
    [
        ("a@b.com 10.0.0.1", ["email"], one("email", "a@b.com")),
        ("a@b.com 10.0.0.1", {"ip"}, one("ip", "10.0.0.1")),
        ("a@b.com 10.0.0.1", [], NOTHING),
        ("a@b.com 10.0.0.1", pii.TYPES, [("email", "a@b.com"), ("ip", "10.0.0.1")]),
        # What is not looked for does not get in the way.
        ("415-555-2671@example.com", ["phone"], one("phone", "415-555-2671")),
        ("ssn 123-45-6789", ["phone"], NOTHING),
    ],
)
def test_types_are_switched_one_by_one(text, types, expected, backend, found):
    assert found(text, types, backend=backend) == expected
    assert found(text, iter(types), backend=backend) == expected


def test_offsets_are_code_points_of_str_and_bytes_of_bytes(backend):
    text = "é漢😀 a@b.com 😀 10.0.0.1"
    assert [hit[:2] for hit in pii.find(text, backend=backend)] == [(4, 11), (14, 22)]
    assert [hit[:2] for hit in pii.find(text.encode(), backend=backend)] == [(10, 17), (23, 31)]
    assert text[4:11] == "a@b.com"


def test_lone_surrogates_and_invalid_utf8_are_searched_like_any_other_text(backend):
    assert [hit[:2] for hit in pii.find("\ud800 a@b.com \udc00", backend=backend)] == [(2, 9)]
    assert [hit[:2] for hit in pii.find(b"\xff\xc3 a@b.com \xe2\x80", backend=backend)] == [(3, 10)]


def test_a_hit_says_what_it_is():
    (hit,) = pii.find("see a@b.com")
    assert hit == (4, 11, "email", 0.95)
    assert (hit.start, hit.end, hit.type, hit.confidence) == hit
    assert isinstance(hit, pii.Hit)
