"""The stand-in of the server with a few actions, and clients of it."""

import asyncio

from gateway.simulator.achivx_server import AchivxServer
from gateway.simulator.gamification import Gamification, read
from gateway.sync.achivx import AchivxClient
from gateway.sync.answers import Recorded, Retry
from tests.sync.bridges import TOKEN

CONFIG = b"""{
  "levels": [{"xp": 10, "reward": 2}, {"xp": 30, "reward": 0.5}],
  "actions": {
    "Earned": {"xp": 4, "reward": 0.1, "repeatable": true},
    "Tokens": {"repeatable": true, "trackActivity": false},
    "Fined": {"xp": -2, "repeatable": true},
    "Once": {"xp": 1}
  },
  "achievements": {
    "Thrice": {"type": "ActionBased", "actions": {"Earned": 1}, "threshold": 3, "reward": 5}
  },
  "medals": {"Old": {"type": "AgeBased", "ranks": []}},
  "leaderBoards": {
    "Best": {"type": "ActionBased", "actions": {"Earned": 1}, "size": 10},
    "Players": {"type": "ExperienceBased", "size": 1}
  }
}"""


def config() -> Gamification:
    return read(CONFIG)


def connect(achivx: AchivxServer, token: str = TOKEN, deadline_s: float = 10) -> AchivxClient:
    return AchivxClient(achivx.address, token, plaintext="loopback", deadline_s=deadline_s)


async def until(client: AchivxClient, account: str, action: str, key: str) -> Recorded:
    """Record, again and again while nobody can tell, as soon as there is a connection."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await client.record(account, action, key)
            except Retry:
                await client._channel.channel_ready()
