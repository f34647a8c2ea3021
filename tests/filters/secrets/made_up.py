"""Secrets of every type, and what resembles them, put together at run time.

No file of the repository may hold what looks like a live secret: hosts of code refuse it. So prefixes stand apart from
what follows, and that is drawn at random.
"""

import base64
import json
import random
import string
from dataclasses import dataclass

LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
ALNUM = string.ascii_letters + DIGITS
HEX = "0123456789abcdef"
BASE32 = UPPER + "234567"
URL64 = ALNUM + "-_"
BASE64 = ALNUM + "+/"


def drawn(alphabet, length, seed=0):
    """Random characters; always with a digit, a small letter and a capital where the alphabet has them."""
    generator = random.Random(f"{alphabet} {length} {seed}")
    while True:
        value = "".join(generator.choices(alphabet, k=length))
        kinds = [kind for kind in (LOWER, UPPER, DIGITS) if set(kind) & set(alphabet)]
        if length < 8 or all(set(kind) & set(value) for kind in kinds):
            return value


def url64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def jwt(payload=None, signature=43, seed=0):
    header = url64(json.dumps({"alg": "HS256", "typ": "JWT"}, separators=(",", ":")).encode())
    claims = url64(json.dumps(payload or {"sub": "1234567890", "iat": 1516239022}).encode())
    return f"{header}.{claims}.{drawn(URL64, signature, seed)}"


def discord(digits="123456789012345678", seed=0):
    return f"{url64(digits.encode())}.{drawn(URL64, 6, seed)}.{drawn(URL64, 27, seed)}"


def pem(label, lines=12, newline="\n"):
    body = newline.join(drawn(BASE64, 64, line) for line in range(lines))
    return f"-----{'BEGIN'} {label}-----{newline}{body}{newline}-----{'END'} {label}-----"


@dataclass(frozen=True)
class Case:
    """A secret with what stands before and after it."""

    type: str
    before: str
    secret: str
    after: str = ""

    @property
    def text(self):
        return self.before + self.secret + self.after

    def __str__(self):
        return f"{self.type}: {self.before[-24:]!r} ... {self.after[:12]!r}"


AWS_SECRET = drawn(BASE64, 40)
AZURE = drawn(BASE64, 86) + "=="
BASIC = base64.b64encode(b"alice:wonderland-7").decode()
RSA = "RSA " + "PRIVATE KEY"
FOUND = [
    *(Case("aws_access_key", "key ", prefix + drawn(BASE32, 16), ".") for prefix in ("AKIA", "ASIA", "ABIA", "ACCA")),
    Case("aws_access_key", "https://host/?AWSAccessKeyId=", "AKIA" + drawn(BASE32, 16), "&Expires=1"),
    Case("assignment", "https://host/?X-Amz-Credential=", "AKIA" + drawn(BASE32, 16) + "%2F20260101", "&Expires=1"),
    Case("aws_access_key", r"first\n", "AKIA" + drawn(BASE32, 16), r"\nsecond"),
    Case("aws_access_key", "id%3D", "AKIA" + drawn(BASE32, 16), "%26"),
    Case("aws_access_key", "密钥", "AKIA" + drawn(BASE32, 16), "在这里"),
    Case("aws_secret_key", "aws_secret_access_key = ", AWS_SECRET, "\n"),
    Case("aws_secret_key", "AWS_SECRET_ACCESS_KEY=", AWS_SECRET, ""),
    Case("aws_secret_key", '{"SecretAccessKey": "', AWS_SECRET, '"}'),
    Case("aws_secret_key", "<SecretAccessKey>", AWS_SECRET, "</SecretAccessKey>"),
    *(Case("github_token", "https://", f"gh{kind}_" + drawn(ALNUM, 36), "@github.com/") for kind in "pousr"),
    Case("github_token", "Set it to ", "github_" + "pat_" + drawn(ALNUM, 22) + "_" + drawn(ALNUM, 59), "."),
    Case("github_token", "GITHUB_TOKEN=", "ghs_" + f"123456_{jwt(signature=342)}", "\n"),
    *(
        Case("gitlab_token", "(", f"gl{kind}-" + drawn(URL64, 20), ")")
        for kind in ("pat", "dt", "rt", "ft", "cbt", "ptt", "imt", "agent", "oas", "soat", "ffct")
    ),
    Case("gitlab_token", "(", "glpat-" + drawn(URL64, 27) + ".0" + drawn(LOWER + DIGITS, 8), ")"),
    Case("slack_token", "", "xox" + "b-" + drawn(DIGITS, 12) + "-" + drawn(DIGITS, 13) + "-" + drawn(ALNUM, 24), ""),
    Case("slack_token", "", "xapp-" + "1-A" + drawn(UPPER + DIGITS, 10) + "-" + drawn(HEX, 64), " "),
    Case("slack_token", "xoxe.", "xox" + "p-1-" + drawn(ALNUM, 160), " "),
    Case(
        "slack_webhook",
        "https://",
        "hooks.slack" + f".com/services/T{drawn(UPPER, 10)}/B{drawn(UPPER, 10)}/{drawn(ALNUM, 24)}",
        "\n",
    ),
    Case(
        "slack_webhook",
        "https://",
        "hooks.slack"
        + f".com/workflows/T{drawn(UPPER, 10)}/A{drawn(UPPER, 10)}/{drawn(DIGITS, 18)}/{drawn(ALNUM, 24)}",
        "\n",
    ),
    *(
        Case("stripe_key", "Stripe.apiKey(", f"{kind}_{mode}_" + drawn(ALNUM, size), ")")
        for kind in ("sk", "rk")
        for mode in ("live", "test")
        for size in (24, 99)
    ),
    Case("google_api_key", "?key=", "AIza" + "Sy" + drawn(URL64, 33), "&q=x"),
    Case("anthropic_key", "x-api-key: ", "sk-ant" + "-api03-" + drawn(URL64, 93) + "AA", "\r\n"),
    Case("openai_key", "OPENAI = ", "sk-" + drawn(ALNUM, 20) + "T3Blbk" + "FJ" + drawn(ALNUM, 20), ""),
    Case("openai_key", "say: ", "sk-proj-" + drawn(URL64, 74) + "T3Blbk" + "FJ" + drawn(URL64, 74), ", "),
    Case("openai_key", "", "sk-or-v1-" + drawn(HEX, 64), ""),
    Case("huggingface_token", "login ", "hf_" + drawn(ALNUM, 34), ")"),
    Case("huggingface_token", "", "api_" + "org_" + drawn(ALNUM, 34), ""),
    Case("npm_token", "//registry.npmjs.org/:_authToken=", "npm_" + drawn(ALNUM, 36), "\n"),
    Case("pypi_token", "-p ", "pypi-" + "AgEIcHlwaS5vcmc" + drawn(URL64, 140), " "),
    Case("pypi_token", "-p ", "pypi-" + "AgENdGVzdC5weXBpLm9yZw" + drawn(URL64, 140), " "),
    Case("sendgrid_key", "", "SG." + drawn(URL64, 22) + "." + drawn(URL64, 43), ""),
    Case("twilio_key", "", "SK" + drawn(HEX, 32), ""),
    Case("twilio_key", "key:", "SK" + drawn(HEX, 32), ":secret"),
    Case("azure_storage_key", "AccountName=x;AccountKey=", AZURE, ";EndpointSuffix=core.windows.net"),
    Case("telegram_token", "https://api.telegram.org/bot", drawn("123456789", 9) + ":AA" + drawn(URL64, 33), "/getMe"),
    Case("telegram_token", "", drawn("123456789", 10) + ":AA" + drawn(URL64, 33), ""),
    *(Case("discord_token", "run('", discord(drawn("123456789", size)), "')") for size in (17, 18, 19)),
    Case("jwt", "cookie ", jwt(), "; path"),
    Case("jwt", "Authorization: Bearer ", jwt(signature=342), "\n"),
    *(
        Case("private_key", "key:\n", pem(label + "PRIVATE" + " KEY"), "\nthat was it")
        for label in ("", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ")
    ),
    Case("private_key", "", pem("PGP PRIVATE" + " KEY BLOCK", 60), "\n"),
    Case("private_key", '{"private_key": "', pem("PRIVATE" + " KEY", newline=r"\n"), r'\n", "id": 1}'),
    Case("private_key", "cut off: ", pem(RSA)[:500], ""),
    Case("private_key", "no end: ", pem(RSA)[:100] + "é" * 8_000, ""),
    Case("private_key", "wrong end: ", pem(RSA).replace("END RSA", "END DSA") + " and on", ""),
    Case("basic_auth", "postgres://user:", "s3cr3tpw", "@host/db"),
    Case("basic_auth", "redis://:", "pass%20word", "@localhost:6379/0"),
    Case("basic_auth", "curl -H 'Authorization: Basic ", BASIC, "'"),
    Case("bearer_token", "Authorization: Bearer ", drawn(ALNUM, 32), "\n"),
    Case("bearer_token", "authorization: bearer ", drawn(ALNUM, 40) + "==", "'"),
    Case("assignment", "password = '", "Tr0ub4dor&3", "'"),
    Case("assignment", "password: ", drawn(ALNUM, 16), ", "),
    Case("assignment", "db_password=", "c0rrect-horse-battery", "&x=1"),
    Case("assignment", 'const apiKey = "', drawn(ALNUM, 32), '";'),
    Case("assignment", '"client_secret": "', drawn(URL64, 40), '",'),
    Case("assignment", r"{\"auth_token\": \"", drawn(HEX, 40), r"\"}"),
    Case("assignment", "config['secret_key'] = b\"", drawn(ALNUM + "!(){}<>[],;", 30), '"'),
    Case("assignment", "My API key: ", drawn(HEX, 32), "\n"),
    Case("assignment", "<token>", drawn(ALNUM, 20), "</token>"),
    Case("assignment", "Server=x;Uid=sa;Pwd=", "Passw0rd!2026", ";"),
    Case("assignment", "PASSWORD := `", "Hunter2-hunter3", "` "),
    Case("assignment", "?access_token=", drawn(ALNUM, 40), "&page=2"),
    Case("assignment", "signing_key =>   '", drawn(HEX, 64), "'"),
]

NOT_FOUND = {
    "AWS's example key": "AKIA" + "IOSFODNN7EXAMPLE",
    "AWS's example secret": "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY",
    "AWS key, one character more": "AKIA" + drawn(BASE32, 17),
    "AWS key, one character less": "AKIA" + drawn(BASE32, 15),
    "AWS key within a word": "xAKIA" + drawn(BASE32, 16),
    "AWS key followed by small letters": "AKIA" + drawn(BASE32, 16) + "abc",
    "AWS key of one letter": "AKIA" + "A" * 16,
    "40 characters without a name": AWS_SECRET,
    "GitHub, too short": "ghp_" + drawn(ALNUM, 35),
    "GitHub, the place of a token": "ghp_" + "x" * 36,
    "GitHub, another letter": "ghz_" + drawn(ALNUM, 36),
    "GitLab, too short": "glpat-" + drawn(URL64, 19),
    "Slack without a digit": "xoxb-" + drawn(LOWER, 30),
    "Slack's address alone": "https://hooks.slack.com/services/",
    "Stripe's public key": "pk_live_" + drawn(ALNUM, 24),
    "Google, too long": "AIza" + drawn(URL64, 36),
    "a style sheet's class": "sk-three-bounce-animation-container",
    "a style sheet's class, SpinKit's": '<div class="sk-circle1 sk-child">',
    "scikit-learn's HTML": '<label class="sk-toggleable__label sk-toggleable__label-arrow" for="sk-estimator-id-1">',
    "sk- within a word": "task-" + drawn(ALNUM, 30),
    "hf_ within a word": "shelf_hf_" + drawn(ALNUM, 34),
    "Hugging Face, too long": "hf_" + drawn(ALNUM, 35),
    "npm's environment": "npm_config_registry=https://registry.npmjs.org/",
    "SendGrid, the second part too short": "SG." + drawn(URL64, 22) + "." + drawn(URL64, 42),
    "Twilio with capitals": "SK" + drawn("0123456789ABCDEF", 32),
    "Twilio's account": "AC" + drawn(HEX, 32),
    "Azure, too short": "AccountKey=" + drawn(BASE64, 80),
    "a time of day": "2026-01-01 12:30:59",
    "Telegram, too few digits": "1234567:AA" + drawn(URL64, 33),
    "Telegram, too many digits": "12345678901:AA" + drawn(URL64, 33),
    "Discord's shape, not of digits": "M" + drawn(LOWER, 23) + "." + drawn(URL64, 6) + "." + drawn(URL64, 27),
    "a JWT's header alone": jwt().split(".")[0],
    "a JWT without a signature": ".".join(jwt().split(".")[:2]) + ".",
    "a public key": pem("PUBLIC KEY"),
    "a certificate": pem("CERTIFICATE"),
    "dashes": "-" * 80,
    "an address with a port": "https://example.com:8080/path@2",
    "an address with a user": "ssh://git@github.com:22/x",
    "an SSH remote": "git@github.com:owner/repository.git",
    "a password that was taken out": "https://user:***@host/",
    "a variable in an address": "postgres://user:${PASSWORD}@host/db",
    "basic English": "Authorization: basic knowledge of the protocol",
    "bearer English": "the bearer of this letter may enter the building",
    "a password's name": "password: ",
    "a short value": "password = 'abc123'",
    "a word": 'password = "changemenow"',
    "the same again": "password = aaaaaaaaaaaa1",
    "a variable": "password = $DB_PASSWORD_1",
    "a template": 'token = "{{ secrets.TOKEN_1 }}"',
    "a place to fill in": "api_key = <your-api-key-1>",
    "a call": "token = get_token2(session)",
    "an index": "secret = config2['secret']",
    "a count": "max_tokens = 4096000000",
    "another word": "secretary = 'abcdefgh12345678'",
    "another word, capitals": "TOKENIZERS = tokenizer",
    "an address as a value": "token_url = https://login.example.com/oauth2/v2.0/token",
    "a UUID": "id: 123e4567-e89b-12d3-a456-426614174000",
    "a UUID as a token": "token: 123e4567-e89b-12d3-a456-426614174000",
    "a commit": "commit " + drawn(HEX, 40),
    "a digest": "sha256:" + drawn(HEX, 64),
    "an image": "data:image/png;base64," + drawn(BASE64, 4_000),
    "a script": "!function(e,t){var n=t.key,r=e[0];for(var i=0;i<n;i++)r+=i.token||0;return r}(a,b);" * 20,
    "colours": "a{color:#1a2b3c;background:#fff;border-color:#00000080}" * 20,
    "Latin": "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt. " * 20,
    "one letter": "a" * 10_000,
    "NUL": "\0" * 1_000,
    "nothing": "",
}
