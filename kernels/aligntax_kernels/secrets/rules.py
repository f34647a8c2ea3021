"""What secrets look like: one table, from which the reference, the compiled kernel and the tests are made.

Nothing here is a secret: a rule says how one begins, which characters follow and how many. Where a length may grow by
the vendor's own words, or has grown before, the rule allows for more than today's.
"""

from __future__ import annotations

from aligntax_kernels.secrets.shapes import (
    ALNUM,
    BASE64,
    DASHED,
    DIGIT,
    HEX,
    LETTER,
    NAME,
    PADDED,
    PLAIN,
    QUOTED,
    TOKEN68,
    UPPER,
    USER,
    USERINFO,
    WORD,
    Assignment,
    Block,
    Floor,
    Part,
    Rule,
    Token,
)

__all__ = ["ALL_RULES", "RULES", "TYPES"]

# A repeated letter or an alphabet in order fills the place of a secret in manuals; random characters almost never stay
# below these. tests/filters/secrets/test_floors.py measures what every floor here costs.
SHORT_FLOOR = Floor(2.5)
FLOOR = Floor(3.0)

# detect-secrets, plugins/high_entropy_strings.py, asks 4.5 of base64 and 3.0 of hexadecimal digits. Those stand, for
# the lengths at which 999 random values of 1,000 reach them; a shorter value is asked for less.
BASE64_FLOOR = Floor(4.5, 64)
HEX_FLOOR = Floor(3.0, 32)

# What the manuals of AWS have in the place of keys: they end in it, or in it and KEY.
AWS_PLACEHOLDERS = ("EXAMPLE",)

# Of two rules that claim the same characters, the one further up names them.
RULES: tuple[Rule, ...] = (
    # docs.aws.amazon.com, IAM, "Unique identifiers": long-term, temporary, bearer, context-specific.
    Token(
        type="aws_access_key",
        prefixes=("AKIA", "ASIA", "ABIA", "ACCA"),
        parts=(Part(UPPER, 16, 16),),
        boundary=True,
        end="word",
        floor=SHORT_FLOOR,
        placeholders=AWS_PLACEHOLDERS,
        confidence=0.95,
    ),
    # The same; 40 characters without any mark, so that only the name beside it tells. 4.0 is more than any hexadecimal
    # digest can have.
    Assignment(
        type="aws_secret_key",
        words=(
            "secret_access_key",
            "secret-access-key",
            "secretaccesskey",
            "secret access key",
            "aws_secret",
            "aws-secret",
            "awssecret",
        ),
        plain=Part(BASE64, 40, 40),
        quoted=Part(BASE64, 40, 40),
        floor=Floor(4.01),
        hex_floor=Floor(4.01),
        placeholders=AWS_PLACEHOLDERS,
        confidence=0.95,
    ),
    # github.blog, 2021-04-05, "Behind GitHub's new authentication token formats": up to 255 characters.
    Token(type="github_token", prefixes=("gh[pousr]_",), parts=(Part(WORD, 36, 255),), floor=FLOOR),
    Token(type="github_token", prefixes=("github_pat_",), parts=(Part(WORD, 36, 255),), floor=FLOOR),
    # github.blog/changelog, 2026-04-24: installation tokens become ghs_<application>_<JWT>.
    Token(
        type="github_token",
        prefixes=("ghs_",),
        parts=(Part(NAME, 16, 255), Part(NAME, 16, 2048), Part(NAME, 16, 2048)),
        separator=".",
        floor=FLOOR,
    ),
    # docs.gitlab.com, "GitLab token overview", the table of prefixes; then the routable tokens of gitlab.com.
    Token(
        type="gitlab_token",
        prefixes=(
            "glpat-",
            "gloas-",
            "gldt-",
            "glrt-",
            "glrtr-",
            "glcbt-",
            "glptt-",
            "glft-",
            "glimt-",
            "glagent-",
            "glwt-",
            "glsoat-",
            "glffct-",
        ),
        parts=(Part(NAME, 20, 300),),
        floor=SHORT_FLOOR,
    ),
    Token(
        type="gitlab_token",
        prefixes=("glpat-", "glrt-", "glcbt-"),
        parts=(Part(NAME, 20, 300), Part(ALNUM, 9, 9)),
        separator=".",
        end="word",
        floor=SHORT_FLOOR,
    ),
    # docs.slack.dev, "Tokens": bot, user, app-level, configuration, refresh and legacy tokens.
    Token(
        type="slack_token",
        prefixes=("xox[abceoprs]-", "xapp-"),
        parts=(Part(DASHED, 10, 255),),
        floor=SHORT_FLOOR,
        needs=(DIGIT,),
    ),
    # docs.slack.dev, "Sending messages using incoming webhooks": whoever has the address may post.
    Token(
        type="slack_webhook",
        prefixes=("hooks.slack.com/services/", "hooks.slack.com/triggers/"),
        parts=(Part(WORD, 8, 16), Part(WORD, 8, 24), Part(WORD, 16, 64)),
        separator="/",
        floor=FLOOR,
    ),
    Token(
        type="slack_webhook",
        prefixes=("hooks.slack.com/workflows/",),
        parts=(Part(WORD, 8, 16), Part(WORD, 8, 16), Part(DIGIT, 8, 24), Part(WORD, 16, 64)),
        separator="/",
        floor=FLOOR,
    ),
    # docs.stripe.com, "API keys": secret and restricted, live and test. Publishable keys (pk_) are public.
    Token(
        type="stripe_key",
        prefixes=("[sr]k_live_", "[sr]k_test_"),
        parts=(Part(ALNUM, 16, 255),),
        floor=SHORT_FLOOR,
    ),
    # cloud.google.com, "API keys overview": 39 characters.
    Token(type="google_api_key", prefixes=("AIza",), parts=(Part(NAME, 35, 35),), end="run", floor=FLOOR),
    # platform.claude.com, "API overview": sk-ant-, a version, then base64url.
    Token(type="anthropic_key", prefixes=("sk-ant-",), parts=(Part(NAME, 20, 255),), floor=FLOOR),
    # platform.openai.com, "API keys": sk-, sk-proj-, sk-svcacct-, sk-admin-; many services copied the prefix. The
    # digit keeps out the class names of style sheets that begin alike.
    Token(
        type="openai_key",
        prefixes=("sk-",),
        parts=(Part(NAME, 20, 255),),
        boundary=True,
        floor=FLOOR,
        needs=(DIGIT,),
        confidence=0.9,
    ),
    # huggingface.co/docs/hub/security-tokens: hf_ and 34 letters or digits; api_org_ are the former ones.
    Token(
        type="huggingface_token",
        prefixes=("hf_",),
        parts=(Part(ALNUM, 34, 34),),
        boundary=True,
        end="word",
        floor=FLOOR,
    ),
    Token(type="huggingface_token", prefixes=("api_org_",), parts=(Part(ALNUM, 34, 34),), end="word", floor=FLOOR),
    # github.blog, 2021-09-23, "Announcing npm's new access token format": npm_ and 36 characters with a checksum.
    Token(type="npm_token", prefixes=("npm_",), parts=(Part(ALNUM, 36, 36),), end="word", floor=FLOOR),
    # warehouse.pypa.io/development/token-scanning: a macaroon; AgE are its version and the length of its location.
    Token(type="pypi_token", prefixes=("pypi-AgE",), parts=(Part(NAME, 50, 1024),), floor=FLOOR),
    # docs.sendgrid.com, "API keys": SG., 22 characters, a dot, 43 characters.
    Token(
        type="sendgrid_key",
        prefixes=("SG.",),
        parts=(Part(NAME, 22, 22), Part(NAME, 43, 43)),
        separator=".",
        boundary=True,
        end="run",
        floor=FLOOR,
    ),
    # twilio.com/docs/glossary/what-is-a-sid: the SID of an API key. Account SIDs (AC) only name an account.
    Token(
        type="twilio_key",
        prefixes=("SK",),
        parts=(Part(HEX, 32, 32),),
        boundary=True,
        end="word",
        floor=SHORT_FLOOR,
        confidence=0.9,
    ),
    # learn.microsoft.com, "Configure Azure Storage connection strings": 64 bytes in base64.
    Token(
        type="azure_storage_key",
        prefixes=("AccountKey=",),
        parts=(Part(PADDED, 88, 88),),
        end="run",
        last_only=True,
        floor=FLOOR,
    ),
    # core.telegram.org/bots/api#authorizing-your-bot: the bot's number, then a secret whose first bits are zero.
    Token(
        type="telegram_token",
        prefixes=(":AA",),
        parts=(Part(NAME, 33, 33),),
        lead=Part(DIGIT, 8, 10),
        end="run",
        floor=FLOOR,
    ),
    # docs.discord.com, "Reference": the base64 of the digits of a number, a time stamp, and a MAC. Digits in base64
    # come out as four classes in turn.
    Token(
        type="discord_token",
        prefixes=("[MNO][DTjz][AEIMQUYcgk][w-z0-5][MNO]",),
        parts=(Part(NAME, 18, 21), Part(NAME, 6, 6), Part(NAME, 27, 38)),
        separator=".",
        boundary=True,
        end="run",
        floor=FLOOR,
    ),
    # RFC 7519 and RFC 7515, section 3.1: three parts in base64url; a header begins with {" and thus with eyJ.
    Token(
        type="jwt",
        prefixes=("eyJ",),
        parts=(Part(NAME, 10, 4096), Part(NAME, 2, 4096), Part(NAME, 16, 4096)),
        separator=".",
        floor=FLOOR,
        confidence=0.95,
    ),
    # RFC 7468, section 2, and RFC 9580, section 6.2. The largest RSA key in use, of 16,384 bits, takes 12.7 kB.
    Block(
        type="private_key",
        begin="-----BEGIN ",
        end="-----END ",
        dashes="-----",
        label=Part("[A-Z0-9 ]", 0, 24),
        kinds=("PRIVATE KEY", "PRIVATE KEY BLOCK"),
        most=16_384,
    ),
    # RFC 3986, section 3.2.1: scheme://user:password@host.
    Token(
        type="basic_auth",
        prefixes=("://",),
        parts=(Part(USER, 0, 64), Part(USERINFO, 3, 128)),
        separator=":",
        end="at",
        last_only=True,
        needs=(ALNUM,),
        confidence=0.8,
    ),
    # RFC 7617: the base64 of user:password.
    Token(
        type="basic_auth",
        prefixes=("[Aa]uthorization: [Bb]asic ",),
        parts=(Part(PADDED, 8, 512),),
        last_only=True,
        needs=("[A-Z]", "[a-z]"),
        confidence=0.95,
    ),
    # RFC 6750, section 2.1.
    Token(
        type="bearer_token",
        prefixes=("[Bb]earer ",),
        parts=(Part(TOKEN68, 16, 4096),),
        last_only=True,
        floor=FLOOR,
        needs=(DIGIT,),
        confidence=0.9,
    ),
    # The words of detect-secrets, plugins/keyword.py, and a few that prompts have. A value without a digit is mostly a
    # word or a name; one with :// is an address, whose password, if it has one, is found as such.
    Assignment(
        type="assignment",
        words=(
            "password",
            "passwd",
            "passphrase",
            "passwort",
            "[Pp]wd",
            "PWD",
            "secret",
            "secret key",
            "token",
            "apikey",
            "api_key",
            "api-key",
            "api key",
            "accesskey",
            "access_key",
            "access-key",
            "access key",
            "authkey",
            "auth_key",
            "auth-key",
            "privatekey",
            "private_key",
            "private-key",
            "encryption_key",
            "signing_key",
            "credential",
        ),
        plain=Part(PLAIN, 8, 256),
        quoted=Part(QUOTED, 8, 256),
        floor=BASE64_FLOOR,
        hex_floor=HEX_FLOOR,
        needs=(DIGIT, LETTER),
        placeholders=("://", "EXAMPLEKEY"),
        confidence=0.6,
    ),
)

TYPES: tuple[str, ...] = tuple(dict.fromkeys(rule.type for rule in RULES))
"""What a hit's type may be, the most specific first."""

ALL_RULES = (1 << len(RULES)) - 1
"""A bit for each rule."""
