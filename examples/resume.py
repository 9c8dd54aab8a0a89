"""Go on with a conversation on the disk: `python examples/resume.py FILE QUESTION`, repeatedly."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from agent.library import answer, route_for_key
from agent.messages import Options, text_of, user
from agent.route import Route
from agent.sessions import Made, Sessions
from agent.transport.network import Network


def main() -> None:
    """Load what was said in this directory, say one thing more, and keep both sides."""
    sessions, question = Sessions(Path(sys.argv[1])), user(sys.argv[2])
    route = route_for_key(os.environ["KIMI_API_KEY"])
    network = Network(
        proxy_url=os.environ.get("HTTPS_PROXY", ""),
        certificate_file=os.environ.get("SSL_CERT_FILE", ""),
    )
    session_id = last.id if (last := sessions.last(Path.cwd())) else begun(sessions, route)
    messages = [*sessions.load(session_id), question]
    # The id is the key of the endpoint's prefix cache: what was said before costs less.
    finished = answer(route, network, messages, options=Options(cache_key=session_id))
    sessions.append(session_id, question, at=now())
    sessions.append(session_id, finished.message, at=now(), made=Made(usage=finished.usage))
    print(text_of(finished.message))


def begun(sessions: Sessions, route: Route) -> str:
    """Begin a conversation in this directory and return its id."""
    return sessions.create(
        directory=Path.cwd(),
        provider=route.provider.value.id,
        base_url=route.chat_base_url,
        model=route.model.value,
        at=now(),
    )


def now() -> str:
    """Return the time as an ISO text (UTC)."""
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    main()
