"""Whether secrets that a person chose are too short to be safe. Those of a host application are none of our business:
`realtime.access.sign` asks nobody.
"""

from typing import Final

from workers.errors import SettingsError
from workers.settings import Secrets, Settings

SHORTEST: Final = 16  # characters
HOW: Final = 'python -c "import secrets; print(secrets.token_urlsafe(32))"'


def judge(settings: Settings, secrets: Secrets) -> list[str]:
    """Warnings of short secrets. Raises `SettingsError` where other machines can connect to guess them."""
    given = {
        "SECRET_KEY": secrets.secret_key,
        "HEADWAY_OPERATOR_TOKEN": secrets.operator_token,
        "HEADWAY_VIEWER_TOKEN": secrets.viewer_token,
    }
    short = [name for name, secret in given.items() if 0 < len(secret) < SHORTEST]
    warnings = [
        f"{name} has fewer than {SHORTEST} characters and can be guessed; make one with {HOW}" for name in short
    ]
    if warnings and not settings.on_loopback:
        raise SettingsError("; ".join(warnings))
    return warnings
