"""Decide whether a name is that of a secret: the same rules for options, variables, settings and URL parameters."""

import re

# Each of these words names a secret, so any value next to it is hidden.
_SURE = frozenset(
    "password passwd passwort pwd passphrase passcode secret secrets credential credentials apikey accesskey secretkey "
    "privatekey authtoken accesstoken bearer authorization cookie dsn webhook authkey kennwort sessionid".split()
)
# These words also have other meanings, so a value next to one is hidden only if it does not look like a word.
_LIKELY = frozenset("token key auth pin otp pat sas sig signature cert license".split())
# These are abbreviations of "password". A number next to one is not hidden: `pw` may also be a class weight.
_PASSWORDS = frozenset({"pw", "pass", "pswd", "psw"})
_BEFORE_KEY = frozenset("api access secret private ssh account signing encryption wandb auth license service".split())
_BEFORE_TOKEN = frozenset(
    "access auth api refresh bot hf hub id session github gitlab slack csrf wandb bearer oauth user security".split()
)
# A single word with one of these endings, such as dbpassword, is the name of a secret.
_ENDINGS = ("apikey", "password", "passwd", "token", "secret")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SPECIAL = frozenset("pad eos bos unk sep cls mask special begin end start stop next last first new".split())
_MEASURES = frozenset(  # A number next to one of these words is not a secret, as in `--key-dim 64`.
    "dim dims size length len count num number max min heads dropout ratio timeout weight scale rate type index".split()
)


def is_secret_name(name: str) -> bool:
    """Return whether a name can only be that of a secret, such as `api_key`, `db.password` or `HF_TOKEN`."""
    words = _words_of_name(name)
    pairs = zip(words, words[1:])
    return (
        any(word in _SURE for word in words)
        or any(
            (second == "key" and first in _BEFORE_KEY) or (second == "token" and first in _BEFORE_TOKEN)
            for first, second in pairs
        )
        or any(word.endswith(_ENDINGS) and word not in ("token", "secret") for word in words)
    )


def may_be_secret_name(name: str) -> bool:
    """Return whether a name may be that of a secret, as `token` and `--wandb-key` may, but not `pad_token`."""
    if is_secret_name(name):
        return True
    words = _words_of_name(name)
    if len(words) > 1 and words[-1] in ("token", "key") and words[-2] in _SPECIAL:
        return False
    return any(word in _LIKELY or word in _PASSWORDS or (word.endswith("key") and word != "monkey") for word in words)


def is_password_abbreviation(name: str) -> bool:
    """Return whether a name ends with an abbreviation of "password", as `pw` and `db_pass` do."""
    return not _PASSWORDS.isdisjoint(_words_of_name(name)[-1:])


def is_quantity_name(name: str) -> bool:
    """Return whether a name is that of a number rather than a secret, such as `--key-dim` or `--max-tokens`."""
    words = _words_of_name(name)
    return bool(words) and (words[-1] in _MEASURES or words[-1] in ("tokens", "keys"))


def _words_of_name(name: str) -> list[str]:
    """Return the words of a name in lower case: `db_passWord` gives `db`, `pass`, `word`."""
    return [word.lower() for word in _WORDS.findall(name)]
