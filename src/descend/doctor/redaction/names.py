"""Is a name that of a secret? Options, variables, keys of settings and of URLs' queries are asked alike."""

import re

# Words that are said of nothing but secrets: a value beside one is hidden whatever it looks like.
_SURE = frozenset(
    "password passwd passwort pwd passphrase passcode secret secrets credential credentials apikey accesskey secretkey "
    "privatekey authtoken accesstoken bearer authorization cookie dsn webhook authkey kennwort sessionid".split()
)
# Words that have other meanings, too: what stands beside one in a text is hidden where it does not look like a word.
_LIKELY = frozenset("token key auth pin otp pat sas sig signature cert license".split())
# Short for "password". A number next to one is no password: in PyTorch programs `pw` is a weight of positives, or a
# pointwise layer.
_PASSWORDS = frozenset({"pw", "pass", "pswd", "psw"})
_BEFORE_KEY = frozenset("api access secret private ssh account signing encryption wandb auth license service".split())
_BEFORE_TOKEN = frozenset(
    "access auth api refresh bot hf hub id session github gitlab slack csrf wandb bearer oauth user security".split()
)
_ENDINGS = ("apikey", "password", "passwd", "token", "secret")  # written as one word: dbpassword, hftoken
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SPECIAL = frozenset("pad eos bos unk sep cls mask special begin end start stop next last first new".split())
_MEASURES = frozenset(  # `--key-dim 64`: a number beside one of these is a number
    "dim dims size length len count num number max min heads dropout ratio timeout weight scale rate type index".split()
)


def is_sure(name: str) -> bool:
    """Whether a name can be that of nothing but a secret: `api_key`, `db.password`, `HF_TOKEN`."""
    words = _split(name)
    pairs = zip(words, words[1:])
    return (
        any(word in _SURE for word in words)
        or any(
            (second == "key" and first in _BEFORE_KEY) or (second == "token" and first in _BEFORE_TOKEN)
            for first, second in pairs
        )
        or any(word.endswith(_ENDINGS) and word not in ("token", "secret") for word in words)
    )


def is_likely(name: str) -> bool:
    """Whether a name may be a secret's: `token`, `--wandb-key`; a tokenizer's `pad_token` is none."""
    if is_sure(name):
        return True
    words = _split(name)
    if len(words) > 1 and words[-1] in ("token", "key") and words[-2] in _SPECIAL:
        return False
    return any(word in _LIKELY or word in _PASSWORDS or (word.endswith("key") and word != "monkey") for word in words)


def is_password(name: str) -> bool:
    """Whether a name ends with a short form of "password": `pw`, `db_pass`."""
    return not _PASSWORDS.isdisjoint(_split(name)[-1:])


def is_measure(name: str) -> bool:
    """Whether a number belongs there, though the name speaks of keys or tokens: `--key-dim`, `--max-tokens`."""
    words = _split(name)
    return bool(words) and (words[-1] in _MEASURES or words[-1] in ("tokens", "keys"))


def _split(name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(name)]
