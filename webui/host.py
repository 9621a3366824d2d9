"""The box's host, asked with patience: it starts a program of its own for each question."""

from typing import Final

from webui.client import Gateway, GetHost, HostView, Refused
from webui.options import options
from webui.person import token
from webui.refusals import refusal

ANSWER_S: Final = 25.0
"""A little over what the gateway gives the host: a small board under load needs seconds."""


def look() -> HostView:
    """What the host has and does.

    Raises:
        Refused: The asker may not see it, or the host does not answer.
        Unreachable: The gateway is away, or took too long.
    """
    with Gateway(options().control, token(), answer_s=ANSWER_S) as patient:
        return patient.call(GetHost())


def why_not(host: HostView) -> str:
    """Why the slow thing that was asked for last was not done; empty where it was."""
    job = host.job
    return refusal(Refused(job.code, job.words)) if job.code else ""
