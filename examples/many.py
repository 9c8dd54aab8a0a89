"""Ask several questions at once: `python examples/many.py [--at-once N] QUESTION...`."""

import argparse
import asyncio
import os

from agent.client import Client
from agent.events import Finished
from agent.library import route_for_key
from agent.messages import text_of, user
from agent.route import Route
from agent.transport.network import Network


async def asked(route: Route, network: Network, question: str, free: asyncio.Semaphore) -> str:
    """Return the answer to a question, once one of the places is free."""
    async with free, Client(route, network) as client:
        async for event in client.stream([user(question)]):
            if isinstance(event, Finished):
                return text_of(event.message)
    return ""


async def main() -> None:
    """Print each question with its answer, in the order of the questions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("questions", nargs="+")
    # The lowest tier of the open platform takes one request at a time (contract section 7).
    parser.add_argument("--at-once", type=int, default=1)
    options = parser.parse_args()
    route, free = route_for_key(os.environ["KIMI_API_KEY"]), asyncio.Semaphore(options.at_once)
    network = Network(
        proxy_url=os.environ.get("HTTPS_PROXY", ""),
        certificate_file=os.environ.get("SSL_CERT_FILE", ""),
    )
    async with asyncio.TaskGroup() as group:
        tasks = {
            question: group.create_task(asked(route, network, question, free))
            for question in options.questions
        }
    for question, task in tasks.items():
        print(f"{question}\n  {task.result()}")


if __name__ == "__main__":
    asyncio.run(main())
