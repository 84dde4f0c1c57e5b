"""A program that has its secrets everywhere, and where they were put: argument, environment, source, settings, text."""

import json
from pathlib import Path

ARGUMENTS = [  # {} is the secret
    "--key {}", "--wandb-key {}", "-p {}", "-p{}", "--ssh-key={}", "--auth-header 'Bearer {}'", "--token -{}",
    "--token=--{}", "--password {}", "--db-pass {}", "--dbpassword={}", "--hf_token {}", "--aws_secret_access_key {}",
    "--login.credential={}", "--pin {}", "--cookie 'id={}'", "--url https://h.example/?api_key={}",
    "--url=https://h.example/x?sig={}&n=1", "https://me:{}@h.example/x", "https://{}@h.example/x",
    "--store=postgres://u:a/{}@h/d", "--notify https://hooks.slack.com/services/T0/B0/{}",
    "--hook=https://discord.com/api/webhooks/1/{}", "--config '{{\"api_key\": \"{}\"}}'", "'{{\"a\": [\"{}\"]}}'",
    "wandb.api_key={}", "+secret={}", "--set run.name={}", "{}", "--name {}", "--header 'X-Api-Key: {}'", "--{}",
    "--list a,{},b", "-e MY_TOKEN={}",
]  # fmt: skip
ENVIRONMENT = {
    "MY_API_KEY": "{}", "DB_PASSWORD": "{}", "HF_TOKEN": "hf_{}", "SERVICE_SECRET": "two words {}",
    "BASIC_AUTH": "me:{}",
    "DATABASE_URL": "postgresql://me:{}@h.example/d", "SENTRY_DSN": "https://{}@sentry.example/1",
    "SLACK_WEBHOOK": "https://hooks.slack.com/services/T1/B1/{}", "DEPLOY_PASSPHRASE": 'quoted "{}" one',
    "SSH_PRIVATE_KEY": "-----BEGIN OPENSSH PRIVATE KEY-----\n{}QyNTUxOQ\n-----END OPENSSH PRIVATE KEY-----",
}  # fmt: skip
SOURCE = {  # above the line that the patch will change
    "API_KEY": "API_KEY = \"{}\"",
    "config": "config = {{'password': '{}'}}",
    "client": "client = str(dict(access_token='{}'))",
    "ADDRESS": "ADDRESS = \"redis://me:{}@h.example/0\"",
    "annotated": "SERVICE_TOKEN: str = \"{}\"",
    "comment": "step += 0  # pw={}",
    "PEM": 'PEM = """-----BEGIN RSA PRIVATE KEY-----\n{}AgEAAoIBAQ\n-----END RSA PRIVATE KEY-----"""',
}  # fmt: skip
SETTINGS = {
    "settings.json": '{{"db_password": "{}", "lr": 0.1}}',
    "settings.yaml": "lr: 0.1\nwandb:\n  api_key: {}\n",
    ".env": "OPENAI_API_KEY={}\n",
}
SHAPES = [  # secrets without a known name: only their shape or their context shows what they are
    "AKIA{}IOSFODNN7EX", "ghp_{}a1B2c3D4e5F6g7H8i9J0k1L2m3", "github_pat_{}11ABCDEFG0aBcDeFgHiJ", "xoxb-1234-{}abc",
    "sk_live_{}a1B2c3D4e5F6g7H8", "glpat-{}a1B2c3D4e5F6", "eyJhbGciOiJIUzI1{}.eyJzdWIiOiIxMjM0.sig{}",
    "Authorization: Bearer {}", "password={}", "'client_secret': '{}'", "GET https://h.example/x?a=1&signature={}",
    "mysql://root:{}@h.example/d", "https://h.example/hooks/{}", "--api-key {}", "npm_{}a1B2c3D4e5F6g7H8",
]  # fmt: skip
COMMANDS = [
    "curl -H 'Authorization: Bearer {}' https://h.example",
    "mysql -u root -p{}",
    "git push https://{}@h.example",
]

PROGRAM = """
import os, socket, subprocess, sys, warnings
import torch
from torch import nn

how = os.environ["HOW"]
shapes = {shapes}
torch.manual_seed(0)
x = torch.randn(128, 8)
y = x @ torch.randn(8, 1) + 0.1 * torch.randn(128, 1)
model = nn.Sequential(nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
seen = [os.environ[name] for name in {environment}] + sys.argv[1:] + [open(name).read() for name in {settings}]

def attempt(act, *arguments):
    try:
        act(*arguments)
    except OSError as error:
        print(error, file=sys.stderr)

def say():
    for text in seen + shapes:
        print(text)
        print("said", text, file=sys.stderr)
        warnings.warn(f"a warning of {{text}}")

if how != "watched":
    for command in {commands}:
        attempt(os.system, command)
        attempt(subprocess.run, command.split())
    attempt(socket.socket().connect, (os.environ["MY_API_KEY"] + ".h.example", 443))
    attempt(open, "/etc/" + os.environ["DB_PASSWORD"] + ".txt", "w")
say()
for step in range(80):
    loss = nn.functional.mse_loss(model(x), y)
    # these lines are part of the context of the patch
{source}
    loss.backward()
    optimizer.step()
if how == "raises" or how == "watched":
    here = [API_KEY, config, client, ADDRESS, PEM]
    raise RuntimeError(f"no, not with {{seen}} and {{shapes}}, {{here}}")
if how == "leaves":
    sys.stderr.flush()
    os._exit(3)
"""


class Planted:
    """The secrets, each another, and what is to be started with them."""

    def __init__(self) -> None:
        self.secrets: list[str] = []

    def into(self, text: str) -> str:
        """Return the text with a new secret in it."""
        number = len(self.secrets)
        self.secrets.append(f"q{number:02d}Zx{number * 7919 % 9973:04d}w")
        return text.replace("{}", self.secrets[-1]).replace("{{", "{").replace("}}", "}")

    def write(self, folder: Path) -> None:
        """Write the program and its settings."""
        for name, text in SETTINGS.items():
            (folder / name).write_text(self.into(text))
        context = "\n".join(f"    {self.into(line)}" for line in SOURCE.values())
        lists = {"shapes": [*map(self.into, SHAPES)], "commands": [*map(self.into, COMMANDS)]}
        named = {"environment": list(ENVIRONMENT), "settings": list(SETTINGS)}
        (folder / "train.py").write_text(PROGRAM.format(source=context, **lists, **named))

    def found_in(self, data: bytes) -> list[str]:
        """Return the secrets that can be read there."""
        return [secret for secret in self.secrets if secret.encode() in data]


def as_text(value: object) -> bytes:
    """Return a database's value as bytes that can be searched."""
    return value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False, default=str).encode()
