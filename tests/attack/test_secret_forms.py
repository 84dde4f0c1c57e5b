"""Secrets in forms that texts, sources and settings have: each is hidden wherever it may be met again."""

from base64 import b64encode
from html import escape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampling import repeatable, sampled

from descend.doctor.redaction.redactor import Redactor
from descend.doctor.redaction.sources import Sources, secrets_in_file

SECRET = "q7Zx4821wK"
SHOWN = {  # in a text whose source is not available
    "set in the environment": 'os.environ["API_KEY"] = "{}"',
    "put into the environment": 'os.environ.setdefault("WANDB_API_KEY", "{}")',
    "set as an attribute": 'setattr(cfg, "password", "{}")',
    "netrc": "machine h.example login me password {}",
    "netrc in lines": "machine h\nlogin me\npassword {}",
    "an element": "<password>{}</password>",
    "an attribute of an element": '<db password="{}"/>',
    "exported": "export DB_PASSWORD={}",
    "given to a container": "docker run -e DB_PASSWORD={} image",
    "a connection": "host=h user=u password={} dbname=d",
    "ODBC": "Driver=x;Server=y;Uid=u;Pwd={};",
    "git": "git clone https://oauth2:{}@gitlab.example/x.git",
    "psql": "PGPASSWORD={} psql",
    "refused by a server": "Incorrect API key provided: {}.",
    "an invalid token": "invalid token '{}'",
    "an invalid password": "Invalid password {} for user root",
    "a sentence": "token is {}",
    "a sentence with a verb after it": "the api key {} has expired",
    "told": "Using API key: {}",
    "an arrow": "password -> {}",
    "a wide colon": "password：{}",
    "a space that does not break": "password:\u00a0{}",
    "a tab": "password\t{}",
    "Markdown": "**password**: `{}`",
    "a row of a table": "| password | {} |",
    "a row of a CSV": "password,{}",
    "asked": "Password for root: {}",
    "German": "kennwort = '{}'",
    "a session": "sessionid={}",
    "JDBC": "jdbc:mysql://h/d?user=u&password={}",
    "MongoDB": "mongodb+srv://u:{}@c.example/db",
    "AMQP": "amqp://u:{}@h//v",
    "an anchor of a URL": "https://h/#access_token={}",
    "a webhook of Teams": "https://x.webhook.office.com/webhookb2/{}",
    "a bot's URL": "https://api.telegram.org/bot123456789:AA{}abcdefghijklmnopqrstu/sendMessage",
    "a bot": "bot 123456789:AA{}abcdefghijklmnopqrstuvw",
    "Docker": "dckr_pat_{}abcDEF1234567",
    "Anthropic": "sk-ant-api03-{}abcDEF123-xyz",
    "OpenAI": "sk-proj-{}abcDEF123",
    "SendGrid": "SG.{}abcdefghijk.ABCDEFGHIJabcdefghijklmnopqrstuvwxyz01",
    "AWS": "aws_secret_access_key = {}/K7MDENG/bPxRfiCYEXAMPLE",
    "AWS, a session": "aws_session_token={}//abc+def==",
    "Google's JSON": '"private_key": "-----BEGIN PRIVATE KEY-----\\nMII{}\\n-----END PRIVATE KEY-----\\n"',
    "an EC key": "-----BEGIN EC PRIVATE KEY-----\nMHc{}\n-----END EC PRIVATE KEY-----",
    "a PGP key": "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ{}\n-----END PGP PRIVATE KEY BLOCK-----",
    "an SSH2 key": "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nab{}\n---- END SSH2 ENCRYPTED PRIVATE KEY ----",
    "PuTTY's key": "Private-Lines: 1\n{}abcdef\nPrivate-MAC: 12",
    "npm": "//registry.npmjs.org/:_authToken={}",
    "Kaggle": '{"username":"me","key":"{}"}',
    "headers as pairs": "[('Authorization', 'Bearer {}')]",
    "headers as bytes": "{b'authorization': b'Bearer {}'}",
    "a namespace": "Namespace(lr=0.1, password='{}')",
    "escaped twice": '"{\\\\\\"password\\\\\\": \\\\\\"{}\\\\\\"}"',
    "Hydra": "++db.password={}",
}
SOURCES = {  # given in a source: known wherever it is met
    "in brackets": 'PASSWORD = (\n    "{}"\n)',
    "after a backslash": 'PASSWORD = \\\n    "{}"',
    "after another text": 'TOKEN_SECRET = "abc" + "{}"',
    "joined": 'PASSWORD = "".join(["{}"])',
    "bytes": 'PASSWORD = b"{}"',
    "in three quotes": 'PASSWORD = """\n{}\n"""',
    "in a type": 'password = SecretStr("{}")',
    "of a field": 'class C:\n    password: str = field(repr=False, default="{}")',
    "compared": 'if password == "{}":\n    pass',
    "an option's default": 'add("--password", type=str, required=False, help="x", default="{}")',
    "an argument's default": 'def f(x, password="{}", *, y=1):\n    pass',
    "a keyword": 'connect(host, password=("{}"))',
    "a variable of the environment": 'os.environ["DB_PASSWORD"] = prefix + "{}"',
    "a default of the environment": 'password = os.environ.get("X", "{}")',
    "a user's": 'get(url, auth=("me", "{}"))',
    "a user's, made": 'HTTPBasicAuth("me", "{}")',
    "to sign in": 'smtp.login("me", "{}")',
    "in a dictionary, later": 'c = {"password":\n\n    "{}"}',
    "named in an expression": 'print(password := "{}")',
}
SETTINGS = {
    "a.yaml": "api_key: |\n  {}\nlr: 0.1\n",
    "b.yaml": "api_key: >-\n  {}\n",
    "c.yml": "db:\n  password:\n    {}\n",
    "d.yaml": "passwords_secret:\n  - {}\n  - x\n",
    "e.json": '{"secrets": {"one": ["{}"]}}',
    "f.yaml": "secret: &s {}\nother: *s\n",
}
NOT_HIDDEN = [
    "the token 'hello' is unknown", "password: str", "token: torch.Tensor", "tokens 4096 per second", "secret santa",
    "api key missing: set WANDB_API_KEY", "invalid password for user root", "token embedding layer2.weight",
    "pad_token_id=50256", "The secret of layer1 is its width", "token ids of shape (8, 128)",
]  # fmt: skip


def put(form: str) -> str:
    return form.replace("{}", SECRET)


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_written_like_a_secret_is_hidden(name):
    text = put(SHOWN[name])
    shown = Redactor({}).mask_secrets(text)
    assert SECRET in text and SECRET not in shown and shown.count("\n") == text.count("\n")


@pytest.mark.parametrize("name", SOURCES)
def test_what_a_source_gives_to_a_secrets_name_is_known(name):
    assert SECRET in secrets_in_file(Path("train.py"), put(SOURCES[name]))


@pytest.mark.parametrize("name", SETTINGS)
def test_what_settings_give_to_a_secrets_name_is_known(tmp_path, name):
    (tmp_path / "train.py").write_text("x = 1\n")
    (tmp_path / name).write_text(put(SETTINGS[name]))
    assert SECRET in Sources(tmp_path / "train.py", tmp_path).secrets()


@pytest.mark.parametrize("text", NOT_HIDDEN)
def test_what_is_no_secret_is_shown(text):
    assert Redactor({}).mask_secrets(text) == text


@pytest.mark.parametrize(
    "name, text",
    [("odd.py", "(" * 500), ("odd.py", "x = 'password" + "-" * 200_000), ("odd.yaml", "password: " + "[" * 5000)],
)
def test_a_file_that_cannot_be_parsed_hides_no_other(tmp_path, name, text):
    (tmp_path / "train.py").write_text(put('PASSWORD = (\n    "{}"\n)'))
    (tmp_path / name).write_text(text)
    assert SECRET in Sources(tmp_path / "train.py", tmp_path).secrets()


FORMS = {
    "HTML": escape,
    "hexadecimal": lambda text: text.encode().hex(),
    "bytes": lambda text: repr(text.encode()),
    "base 64": lambda text: b64encode(text.encode()).decode(),
    "base 64 after one byte": lambda text: b64encode(b"m" + text.encode()).decode(),
    "base 64 after a user": lambda text: b64encode(b"me:" + text.encode()).decode(),
    "base 64 after five bytes": lambda text: b64encode(b"root:" + text.encode() + b"\n").decode(),
    "base 64 for URLs": lambda text: b64encode(b"m:" + text.encode()).decode().translate(str.maketrans("+/", "-_")),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("examples", sampled([25, 500], 25))
def test_a_known_secret_is_hidden_in_each_form(form, examples):
    letters = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"])

    @repeatable(examples)
    @given(st.text(letters, min_size=8, max_size=30).filter(lambda text: any(map(str.isdigit, text))))
    def one(secret: str) -> None:
        redactor = Redactor({})
        redactor.remember_secrets([f"k1{secret}"])
        written = FORMS[form](f"k1{secret}")
        shown = redactor.mask_secrets(f"said {written} here")
        kept = "".join(piece for piece in shown.removeprefix("said ").removesuffix(" here").split("***"))
        assert "***" in shown and len(kept) <= 12, (secret, shown)  # what depends on the text around it may stay

    one()
