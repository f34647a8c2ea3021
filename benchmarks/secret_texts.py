"""Texts for the search of secrets: prompts as people write them, and a log, in which a few secrets are put.

Everything is drawn from a seed, and secrets are put together from parts, so that no file holds what looks like one.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
URL64 = ALNUM + "-_"
BASE64 = ALNUM + "+/"

SENTENCES = (
    "Could you summarise the attached report in three bullet points, and say which of its recommendations matter most?",
    "The committee will meet on Thursday at 10:30; please bring the notes from the last session.",
    "I get an error when I call the API: the token seems to have expired, although I renewed it yesterday.",
    "See https://docs.example.com/guide/setup.html#step-2 for how the key is rotated.",
    "Write a polite reply in which we decline the offer, but leave the door open for next year.",
    "How do I store a password safely? I have read that hashing it once with SHA-256 is not enough.",
    "Explain like I'm five why the sky is blue, and why sunsets aren't.",
    "Our users in Zürich and São Paulo complained that the page takes 4.5 seconds to load.",
    "Translate the following paragraph to French, and keep the tone friendly but concise.",
    "The secret of a good soup is time: simmer it for two hours, and don't let it boil.",
)
CODE = (
    "def load(path: str, *, max_tokens: int = 4096) -> list[str]:",
    "    token_ids = tokenizer.encode(text, add_special_tokens=False)",
    '    api_key = os.environ["SERVICE_API_KEY"]',
    "    response = session.get(url, headers=headers, timeout=30)",
    "    if response.status_code != 200:",
    '        raise RuntimeError(f"unexpected status {response.status_code}")',
    "    for index, row in enumerate(rows):",
    "        total += row.count * weights[index]",
    "    return [line.strip() for line in lines if line]",
    "# The password is asked for on the first start, and kept in the keyring.",
)
LOG = (
    "2026-03-14T09:{:02d}:{:02d}.{:03d}Z INFO  server request id={hex} path=/v1/users/{number} status=200 ms={number}",
    "2026-03-14T09:{:02d}:{:02d}.{:03d}Z DEBUG cache key=user:{number}:profile hit=true size={number}",
    "2026-03-14T09:{:02d}:{:02d}.{:03d}Z WARN  pool connection to db-{number}.internal:5432 took {number} ms",
    '2026-03-14T09:{:02d}:{:02d}.{:03d}Z INFO  audit {{"user": "u{number}", "action": "login", "session": "{uuid}"}}',
    "2026-03-14T09:{:02d}:{:02d}.{:03d}Z ERROR worker task {uuid} failed: connection reset by peer (attempt {number})",
)


def prompts(size: int, count: int) -> list[str]:
    """Return prompts without secrets, of which every third one is about a program."""
    source = random.Random(size)
    return [_lines(source, CODE if number % 3 == 2 else SENTENCES, size) for number in range(count)]


def log(size: int, secrets: int) -> str:
    """Return log lines, with secrets in some of them, evenly spread."""
    source = random.Random(size)
    lines = list(_log_lines(source, size))
    for number, (_, secret) in enumerate(made(source, secrets)):
        lines[(2 * number + 1) * len(lines) // (2 * secrets)] += f" sent {secret} by mistake"
    return "\n".join(lines)


def made(source: random.Random, count: int) -> Iterator[tuple[str, str]]:
    """Yield secrets of the types that detect-secrets has as well: type, text."""

    def drawn(alphabet: str, length: int) -> str:
        return "".join(source.choices(alphabet, k=length))

    kinds: dict[str, Callable[[], str]] = {
        "aws_access_key": lambda: "AKIA" + drawn(string.ascii_uppercase, 16),
        "github_token": lambda: "ghp_" + drawn(ALNUM, 36),
        "slack_token": lambda: (
            "xoxb-" + "-".join((drawn(string.digits, 12), drawn(string.digits, 12), drawn(ALNUM, 24)))
        ),
        "stripe_key": lambda: "sk_live_" + drawn(ALNUM, 24),
        "sendgrid_key": lambda: f"SG.{drawn(ALNUM, 22)}.{drawn(ALNUM, 43)}",
        "twilio_key": lambda: "SK" + drawn(HEX, 32),
        "azure_storage_key": lambda: f"AccountKey={drawn(BASE64, 86)}==",
        "pypi_token": lambda: "pypi-AgEIcHlw" + "aS5vcmc" + drawn(URL64, 120),
        "openai_key": lambda: f"sk-{drawn(ALNUM, 20)}T3Blbk" + f"FJ{drawn(ALNUM, 20)}",
        "telegram_token": lambda: f"{source.randint(10**8, 10**9 - 1)}:AA{drawn(ALNUM, 33)}",
        "basic_auth": lambda: f"https://user:{drawn(ALNUM, 12)}@example.com/",
        "assignment": lambda: f'password = "{drawn(ALNUM, 22)}7"',
    }
    names = list(kinds)
    for number in range(count):
        yield names[number % len(names)], kinds[names[number % len(names)]]()


def _lines(source: random.Random, lines: tuple[str, ...], size: int) -> str:
    text = ""
    while len(text) < size:
        text += source.choice(lines) + "\n"
    return text[:size]


def _log_lines(source: random.Random, size: int) -> Iterator[str]:
    length = 0
    while length < size:
        digits = "".join(source.choices(HEX, k=32))
        uuid = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
        time = (source.randrange(60), source.randrange(60), source.randrange(1_000))
        line = source.choice(LOG).format(*time, hex=digits, uuid=uuid, number=source.randrange(10_000))
        length += len(line) + 1
        yield line
