"""
Names of files and directories that hold keys: searched only by one who names them.

Here alone they are listed; `agent.permission.places` asks about each of them as well.
"""

SECRETS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("often holds secrets", "12factor.net/config", (".env", ".dev.vars")),
    ("holds keys", "ssh(1), gpg(1), pass(1)", (".ssh", ".gnupg", ".password-store")),
    (
        "may hold passwords",
        "curl(1), git-credential-store(1), PostgreSQL and MySQL, their option files",
        (".netrc", "_netrc", ".git-credentials", ".pgpass", ".my.cnf"),
    ),
    ("may hold passwords", "PyPA, the .pypirc file", (".pypirc",)),
    ("may hold a token, and names programs", "npm-config(7)", (".npmrc",)),
    (
        "holds keys",
        "the programs' own pages",
        (
            ".aws",
            ".azure",
            ".config/gcloud",
            ".config/gh",
            ".docker/config.json",
            ".kube",
            ".vault-token",
        ),
    ),
)
"""
Why each is kept back, completing "it …", the source of that, and the names.

In lower case: not every file system tells cases apart. A `/` is between the last parts.
"""

SECRET_NAMES = frozenset(name for _, _, names in SECRETS for name in names)

_SINGLE = frozenset(name for name in SECRET_NAMES if "/" not in name)
_JOINED = tuple(f"/{name}/" for name in SECRET_NAMES - _SINGLE)
_SAMPLES = (".dist", ".example", ".sample", ".template")


def holds_secrets(path: str) -> bool:
    """Say whether a relative path, with `/`, is or is in what holds keys; samples do not."""
    folded = path.casefold()
    names = folded.split("/")
    if is_environment_file(names[-1]) or not _SINGLE.isdisjoint(names):
        return True
    return any(name in f"/{folded}/" for name in _JOINED)


def is_environment_file(name: str) -> bool:
    """Say whether a name in lower case is that of a file such as `.env.local`."""
    return name.startswith(".env.") and not name.endswith(_SAMPLES)
