"""Where the rules of detect-secrets say the same as ours, both find the same; it is the independent oracle."""

import pytest
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.keyword import KeywordDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector
from hypothesis import given
from hypothesis import strategies as st

from aligntax_kernels import secrets
from aligntax_kernels.secrets import information

from .made_up import ALNUM, BASE32, BASE64, DIGITS, HEX, UPPER, URL64, discord, drawn, jwt

MADE = {
    "aws_access_key": (AWSKeyDetector, lambda seed: "AKIA" + drawn(BASE32, 16, seed)),
    "github_token": (GitHubTokenDetector, lambda seed: "gho" + "_" + drawn(ALNUM, 36, seed)),
    "gitlab_token": (GitLabTokenDetector, lambda seed: "glpat" + "-" + drawn(ALNUM, 20, seed)),
    "slack_token": (SlackDetector, lambda seed: "xoxp" + "-" + "-".join(drawn(DIGITS, n, seed) for n in (12, 13, 24))),
    "slack_webhook": (
        SlackDetector,
        lambda seed: (
            f"https://{'hooks'}.slack.com/services/T{drawn(UPPER, 9)}/B{drawn(UPPER, 9)}/{drawn(ALNUM, 24, seed)}"
        ),
    ),
    "stripe_key": (StripeDetector, lambda seed: "rk_live" + "_" + drawn(ALNUM, 24, seed)),
    "openai_key": (
        OpenAIDetector,
        lambda seed: "sk-" + drawn(ALNUM, 20, seed) + "T3Blbk" + "FJ" + drawn(ALNUM, 20, seed + 1),
    ),
    "pypi_token": (PypiTokenDetector, lambda seed: "pypi-AgEIcHlw" + "aS5vcmc" + drawn(URL64, 120, seed)),
    "sendgrid_key": (SendGridDetector, lambda seed: "SG" + "." + drawn(ALNUM, 22, seed) + "." + drawn(ALNUM, 43, seed)),
    "twilio_key": (TwilioKeyDetector, lambda seed: "SK" + drawn(HEX, 32, seed)),
    "azure_storage_key": (AzureStorageKeyDetector, lambda seed: "AccountKey=" + drawn(BASE64, 86, seed) + "=="),
    "telegram_token": (
        TelegramBotTokenDetector,
        lambda seed: drawn("123456789", 10, seed) + ":AA" + drawn(ALNUM, 33, seed),
    ),
    "discord_token": (DiscordBotTokenDetector, lambda seed: discord(drawn("123456789", 18, seed), seed)),
    "jwt": (JwtTokenDetector, lambda seed: jwt(seed=seed)),
    "basic_auth": (BasicAuthDetector, lambda seed: f"https://alice:{drawn(ALNUM, 12, seed)}@example.com/"),
}
# Its expressions have a group, or a last part that is not greedy, and return no more.
CUT_SHORT = ("github_token", "gitlab_token", "jwt")


def ours(line, kind):
    return {line[hit.start : hit.end] for hit in secrets.find(line, [kind])}


def theirs(line, detector):
    return {secret.secret_value for secret in detector().analyze_line("x.py", line, 1)}


@pytest.mark.parametrize("kind", MADE)
def test_the_same_secrets(kind):
    detector, make = MADE[kind]
    for seed in range(20):
        line = f"log: value ({make(seed)}) was used"
        expected = theirs(line, detector)
        assert len(expected) == 1
        # It counts what tells the key as part of it, and the scheme of an address.
        (secret,) = (value.removeprefix("AccountKey=").removeprefix("https://") for value in expected)
        (found,) = ours(line, kind)
        assert found == secret or (kind in CUT_SHORT and found.startswith(secret))


@pytest.mark.parametrize("kind", MADE)
def test_both_refuse_one_that_is_cut_off(kind):
    detector, make = MADE[kind]
    for seed in range(20):
        secret = make(seed)
        line = f"log: value ({secret[: len(secret) // 4]}) was used"
        assert theirs(line, detector) == ours(line, kind) == set()


@pytest.mark.parametrize("name", ["password", "api_key", "apikey", "db_secret", "private_key", "auth_key"])
@pytest.mark.parametrize("sign", ["=", " = ", ": ", " == ", "=> "])
def test_the_same_values_of_names(name, sign):
    for seed in range(5):
        line = f'{name}{sign}"{drawn(ALNUM, 24, seed)}"'
        assert ours(line, "assignment") == theirs(line, KeywordDetector) != set()


@given(st.binary(max_size=64))
def test_entropy(sample):
    text = "".join(map(chr, sample))
    detector = Base64HighEntropyString()
    detector.charset = "".join(map(chr, range(256)))
    expected = detector.calculate_shannon_entropy(text)
    assert abs(information.total(sample) / information.UNIT - expected * len(sample)) < 0.001
