"""Ask one question and print the answer as it comes: `python examples/ask.py QUESTION`."""

import os
import sys

from agent.errors import HermesError
from agent.events import TextDelta
from agent.library import route_for_key, stream
from agent.messages import user
from agent.transport.network import Network


def main() -> None:
    """Print the answer; leave with the error's own exit code if there is none."""
    question = " ".join(sys.argv[1:]) or "Who are you?"
    network = Network(
        proxy_url=os.environ.get("HTTPS_PROXY", ""),
        certificate_file=os.environ.get("SSL_CERT_FILE", ""),
    )
    try:
        route = route_for_key(os.environ["KIMI_API_KEY"])
        for event in stream(route, network, [user(question)]):
            if isinstance(event, TextDelta):
                print(event.text, end="", flush=True)
        print()
    except HermesError as error:
        print(error.message, error.remedy, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
